"""pillionctl as a process, and a client of the SPIFFE Workload API that is not ours."""

import os
import pathlib
import signal
import subprocess

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from peers.proxy import ROOT
from peers.wait import PATIENCE, until

PILLIONCTL = os.environ.get("PILLIONCTL", str(ROOT / "out/pillionctl"))
HEADER = (("workload.spiffe.io", "true"),)


def ctl(*arguments, timeout=PATIENCE):
    """Runs it to its end: a subprocess.CompletedProcess with texts."""
    return subprocess.run([PILLIONCTL, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False)


class Ca:
    """`pillionctl ca run` from the moment it is made until stop(); what it says is in `log`."""

    def __init__(self, folder, *arguments, workloads=("web",)):
        self.folder = pathlib.Path(folder)
        self.log = self.folder.with_name(self.folder.name + ".log")
        names = [word for name in workloads for word in ("--workload", name)]
        if "--trust-domain" not in arguments:
            names += ["--trust-domain", "demo.test"]
        command = [PILLIONCTL, "ca", "run", "--dir", str(folder), *names, *map(str, arguments)]
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        until(self._ready, "the CA is ready")

    def _ready(self):
        assert self.process.poll() is None, self.said()
        return " ready\n" in self.said()

    def said(self):
        return self.log.read_text(encoding="utf-8")

    def file(self, name, workload="web"):
        return self.folder / "svids" / workload / name

    def api(self, workload="web", **options):
        return WorkloadApi(f"unix:{self.file('api.sock', workload)}", **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        finally:
            self.kill()
        assert status == 0, self.said()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def _messages():
    made = subprocess.run(["protoc", f"-I{ROOT / 'api'}", "--include_imports", "--descriptor_set_out=/dev/stdout", "spiffe/workload.proto"],
                          check=True, stdout=subprocess.PIPE).stdout
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(made).file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


class WorkloadApi:
    def __init__(self, target, metadata=HEADER):
        self._channel = grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)])
        self._metadata = metadata
        self._message = _messages()

    def stream(self, method, message):
        call = self._channel.unary_stream(f"/SpiffeWorkloadAPI/Fetch{method}", request_serializer=lambda request: request.SerializeToString(),
                                          response_deserializer=self._message(f"{message}Response").FromString)
        return call(self._message(f"{message}Request")(), metadata=self._metadata, timeout=60)

    def svids(self):
        return self.stream("X509SVID", "X509SVID")

    def bundles(self):
        return self.stream("X509Bundles", "X509Bundles")

    def close(self):
        self._channel.close()
