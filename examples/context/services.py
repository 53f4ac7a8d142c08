#!/usr/bin/python3
"""The services of bootstrap.yaml, each where its cluster says that it is; what this machine has no language for is left out. Says what
to try once they listen. usage: services.py BOOTSTRAP FOLDER   (FOLDER: for what is built)"""

import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import yaml

HERE = pathlib.Path(__file__).parent


def command(name, folder):
    """What starts it; None: the language is not here."""
    if name == "python":
        return [sys.executable, HERE / "service.py"]
    tool, source, built = shutil.which(name), HERE / "service.go", folder / "service"
    if name == "node":
        return [tool, HERE / "service.js"] if tool else None
    there = built.exists() and built.stat().st_mtime >= source.stat().st_mtime
    if tool and not there:
        subprocess.run([tool, "build", "-o", built, source], check=True)
    return [built] if tool or there else None


def wait_for(port):
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)


def say_what_to_try(names, inbound, admin):
    """By a way over all services that there are."""
    first, *rest = names
    way = f"localhost:{inbound[first]}/{'/'.join(rest or names)}"
    print(f"""  curl -H 'x-timeout-ms: 900' -H 'baggage: env=grey' {way}      {', '.join(names)}: one trace, one deadline
  curl -i -H 'x-timeout-ms: 300' {way}/slow      504 after 300 ms
  curl 'localhost:{admin}/stats?filter=context&usedonly'      what was counted""", flush=True)


def main():
    bootstrap, folder = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    resources = bootstrap["static_resources"]
    listeners = {item["name"]: item["address"]["socket_address"]["port_value"] for item in resources["listeners"]}
    hosts = {item["name"]: item["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]["port_value"]
             for item in resources["clusters"]}
    started = {}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        for name in "go", "node", "python":
            words = command(name, folder)
            if words is None:
                print(f"{name} is not here: its service is left out", flush=True)
                continue
            started[name] = subprocess.Popen([*words, str(hosts[name]), str(listeners["outbound"])])
        for port in [hosts[name] for name in started] + list(listeners.values()):
            wait_for(port)
        say_what_to_try(list(started), listeners, bootstrap["admin"]["address"]["socket_address"]["port_value"])
        for process in started.values():
            process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        for process in started.values():
            process.terminate()


main()
