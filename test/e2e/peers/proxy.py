"""pillion as a process."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import urllib.parse

from peers import http1, http2
from peers.wait import PATIENCE, until

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("PILLION", str(ROOT / "out/pillion"))
_TROUBLE = re.compile(r"check failed|Sanitizer|runtime error:|terminate called|Segmentation|\[critical\]")


class Proxy:
    """Runs from the moment it is made until stop(). Its configuration and its log lie in `folder`."""

    def __init__(self, config, folder, concurrency=1, arguments=(), binary=BINARY, admin_tls=None):
        self.folder = folder
        self.admin_tls = admin_tls  # an ssl.SSLContext: the administration speaks TLS
        self.log_path = folder / "pillion.log"
        self.config_path = folder / "bootstrap.json"
        self.config_path.write_text(json.dumps(config, indent=1), encoding="utf-8")
        self.admin_address = _where(config["admin"]["address"])
        self.listeners = {item["name"]: _where(item["address"]) for item in config["static_resources"]["listeners"] if "address" in item}
        command = [binary, "-c", str(self.config_path), "--concurrency", str(concurrency), "--disable-hot-restart",
                   "--file-flush-interval-msec", "20", *arguments]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            until(self.ready, f"{binary} is ready")
        except AssertionError:
            self.kill()
            raise AssertionError(f"not ready; its log:\n{self.log()}") from None

    @property
    def address(self):
        """Of the only, or first, listener."""
        return next(iter(self.listeners.values()))

    def ready(self):
        assert self.process.poll() is None, f"exit status {self.process.returncode}; its log:\n{self.log()}"
        try:
            return self.admin("/ready") == "LIVE\n"
        except OSError:
            return False

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def admin_response(self, path, method="GET", where=None, tls=None, fields=(), body=b""):
        """(status, fields by their name in lower case, text); where: another address than the configured one."""
        connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
        connection.sock = http1.connect(where or self.admin_address, PATIENCE).socket
        tls = tls or self.admin_tls
        try:
            if tls:
                connection.sock = tls.wrap_socket(connection.sock)
            connection.putrequest(method, path)
            for name, value in fields:
                connection.putheader(name, value)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.putheader("Connection", "close")
            connection.endheaders(body or None)
            response = connection.getresponse()
            return response.status, _lower(response.headers), response.read().decode()
        finally:
            connection.close()

    def admin(self, path, method="GET"):
        return self.admin_response(path, method)[2]

    def explain(self, *more, **parameters):
        """What /explain says of a request, as a value."""
        query = urllib.parse.urlencode([*parameters.items(), *more, ("format", "json")])
        status, _, text = self.admin_response(f"/explain?{query}")
        assert status == 200, text
        return json.loads(text)

    def stat(self, name):
        """A counter or gauge; 0 if it does not exist yet."""
        for line in self.admin(f"/stats?filter=^{re.escape(name)}$").splitlines():
            key, _, value = line.partition(": ")
            if key == name:
                return int(value)
        return 0

    def until_stat(self, name, value):
        until(lambda: self.stat(name) == value, f"{name} is {value}; it is {self.stat(name)}")

    def connect(self, protocol="h1", listener=None):
        where = self.listeners[listener] if listener else self.address
        return http1.connect(where) if protocol == "h1" else http2.connect(where)

    def exchange(self, request, protocol="h1", chunked=None):
        """One request on a connection of its own."""
        connection = self.connect(protocol)
        try:
            return connection.exchange(request, chunked)
        finally:
            connection.close()

    def rss_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii"))[1])

    def configure(self, config):
        """Another configuration in its file, by a rename."""
        text = config if isinstance(config, str) else json.dumps(config, indent=1)
        (self.folder / "next.json").write_text(text, encoding="utf-8")
        (self.folder / "next.json").rename(self.config_path)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def exit_status(self):
        return self.process.wait(PATIENCE)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; the exit status is 0 and the log shows no trouble. Connections that a test left open do not hold it up."""
        if self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(0.2)
            except subprocess.TimeoutExpired:
                self.terminate()
        try:
            status = self.process.wait(PATIENCE)
        finally:
            self.kill()
        assert status == 0, f"exit status {status}; its log:\n{self.log()}"
        trouble = [line for line in self.log().splitlines() if _TROUBLE.search(line)]
        assert not trouble, trouble


def run(arguments, timeout=PATIENCE):
    """Runs the program to its end: a subprocess.CompletedProcess with its whole output in stdout."""
    return subprocess.run([BINARY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False)


def _lower(fields):
    return {name.lower(): value for name, value in fields.items()}


def _where(address):
    if "pipe" in address:
        return address["pipe"]["path"]
    return address["socket_address"]["address"], address["socket_address"]["port_value"]
