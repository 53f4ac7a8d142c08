#!/usr/bin/python3
"""The services of bootstrap.yaml, each where its cluster says that it is; what this machine has no language for is left out.
usage: services.py BOOTSTRAP FOLDER   (FOLDER: for what is built)"""

import pathlib
import shutil
import signal
import subprocess
import sys

import yaml

HERE = pathlib.Path(__file__).parent


def command(name, folder):
    """What starts it; None: the language is not here."""
    if name == "python":
        return [sys.executable, HERE / "service.py"]
    tool = shutil.which(name)
    if tool is None:
        return None
    if name == "node":
        return [tool, HERE / "service.js"]
    subprocess.run([tool, "build", "-o", folder / "service", HERE / "service.go"], check=True)
    return [folder / "service"]


def main():
    bootstrap, folder = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    resources = bootstrap["static_resources"]
    outbound = next(item for item in resources["listeners"] if item["name"] == "outbound")["address"]["socket_address"]["port_value"]
    started = []
    signal.signal(signal.SIGTERM, lambda *_: [process.terminate() for process in started])
    for name in "python", "node", "go":
        cluster = next(item for item in resources["clusters"] if item["name"] == name)
        endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        words = command(name, folder)
        if words is None:
            print(f"{name} is not here: its service is left out", flush=True)
            continue
        started.append(subprocess.Popen([*words, str(endpoint["address"]["socket_address"]["port_value"]), str(outbound)]))
    for process in started:
        process.wait()


main()
