"""Real servers and clients as processes."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import yaml

from peers.ports import accepts, free_port
from peers.wait import PATIENCE, until

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "pillion/bin"


class Program:
    """A server on `port` from the moment it is made until stop()."""

    def __init__(self, command, port, log, folder=None):
        self.address = "127.0.0.1", port
        self._log = log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                            cwd=folder)
        until(lambda: self._alive() and accepts(self.address), f"{command[0]} listens")

    def _alive(self):
        assert self.process.poll() is None, self._log.read_text(errors="replace")
        return True

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def nginx(folder, locations="", port=None):
    """Serves folder/www, and what `locations` says."""
    port = port or free_port()
    (folder / "www").mkdir(exist_ok=True)
    config = folder / "nginx.conf"
    config.write_text(f"""
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_max_body_size 0; keepalive_requests 1000000;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4;
  scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; {locations} }}
}}
""", encoding="utf-8")
    return Program(["nginx", "-e", f"{folder}/nginx-error.log", "-c", str(config)], port, folder / "nginx.log")


def nghttpd(folder, *options, port=None):
    """An HTTP/2 server without TLS; serves folder/www."""
    port = port or free_port()
    (folder / "www").mkdir(exist_ok=True)
    return Program(["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", str(folder / "www"), *options, str(port)], port, folder / "nghttpd.log")


def grpc_echo(folder, port=None):
    """peers/grpc_echo.py."""
    port = port or free_port()
    return Program([sys.executable, str(pathlib.Path(__file__).parent / "grpc_echo.py"), str(port)], port, folder / "grpc_echo.log")


class RateLimitService:
    """Envoy's rate limit service, which counts in a Redis of its own. `limits` is its configuration of one domain."""

    def __init__(self, folder, limits):
        folder.mkdir(exist_ok=True)
        config = folder / "root/ratelimit/config"
        config.mkdir(parents=True)
        (config / "limits.yaml").write_text(yaml.safe_dump(limits), encoding="utf-8")
        redis = free_port()
        self._redis = Program(["redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)], redis,
                              folder / "redis.log")
        self._settings = {
            "USE_STATSD": "false", "LOG_LEVEL": "info", "REDIS_SOCKET_TYPE": "tcp", "REDIS_URL": f"127.0.0.1:{redis}",
            "RUNTIME_ROOT": str(folder / "root"), "RUNTIME_SUBDIRECTORY": "ratelimit", "RUNTIME_WATCH_ROOT": "false",
            "HOST": "127.0.0.1", "PORT": str(free_port()), "DEBUG_HOST": "127.0.0.1", "DEBUG_PORT": str(free_port()),
            "GRPC_HOST": "127.0.0.1", "LIMIT_RESPONSE_HEADERS_ENABLED": "true"}
        self._folder, self._port = folder, free_port()
        self.start()

    def start(self):
        settings = [f"{name}={value}" for name, value in {**self._settings, "GRPC_PORT": str(self._port)}.items()]
        self._server = Program(["env", *settings, str(CACHE / "ratelimit")], self._port, self._folder / "ratelimit.log")
        self.address = self._server.address

    def stop_service(self):
        self._server.stop()

    def stop(self):
        self._server.stop()
        self._redis.stop()


def url(address, path="/"):
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{host}:{address[1]}{path}"


def curl(*arguments, data=None):
    """Runs curl: (its report by --write-out as a dictionary, body). curl's exit status is report["exitcode"]."""
    result = subprocess.run(
        ["curl", "--silent", "--noproxy", "*", "--max-time", "30", "--write-out", "%{stderr}%{json}", *arguments],
        input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=40, check=False)
    return json.loads(result.stderr.decode().splitlines()[-1]), result.stdout


def h2load(address, *arguments, path="/"):
    """Runs h2load: {"done", "succeeded", "failed", "errored", "timeout", "2xx", ...}, all of them numbers."""
    result = subprocess.run(["h2load", *arguments, url(address, path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            timeout=60, check=True)
    found = {}
    for line in result.stdout.splitlines():
        if line.startswith(("requests: ", "status codes: ")):
            found.update({name: int(count) for count, name in re.findall(r"(\d+) (\w+)", line)})
    assert "succeeded" in found, result.stdout
    return found
