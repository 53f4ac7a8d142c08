"""A SPIRE server and its agent. The agent's socket serves the Workload API and SDS; each process of this user is spiffe://pillion.test/app."""

import json
import os
import subprocess

from peers.ports import free_port
from peers.programs import CACHE
from peers.wait import PATIENCE, until

SERVER, AGENT = CACHE / "spire-server", CACHE / "spire-agent"
TRUST_DOMAIN = "pillion.test"

_SERVER_CONFIG = """
server {{
  bind_address = "127.0.0.1"
  bind_port = "{port}"
  trust_domain = "{domain}"
  socket_path = "{folder}/server.sock"
  data_dir = "{folder}/server"
  ca_ttl = "1h"
}}
plugins {{
  DataStore "sql" {{ plugin_data {{ database_type = "sqlite3", connection_string = "{folder}/server/db.sqlite3" }} }}
  NodeAttestor "join_token" {{ plugin_data {{}} }}
  KeyManager "memory" {{ plugin_data {{}} }}
}}
"""
_AGENT_CONFIG = """
agent {{
  data_dir = "{folder}/agent"
  server_address = "127.0.0.1"
  server_port = "{port}"
  socket_path = "{folder}/agent.sock"
  trust_domain = "{domain}"
  insecure_bootstrap = true
}}
plugins {{
  NodeAttestor "join_token" {{ plugin_data {{}} }}
  KeyManager "memory" {{ plugin_data {{}} }}
  WorkloadAttestor "unix" {{ plugin_data {{}} }}
}}
"""


class Spire:
    """From the moment it is made until stop(). SVIDs live for `ttl_s` seconds."""

    def __init__(self, folder, ttl_s):
        self.folder = folder
        self.socket = folder / "agent.sock"
        self._processes = []
        self._commands = folder / "server.sock"
        fields = {"port": free_port(), "domain": TRUST_DOMAIN, "folder": folder}
        for name, text in (("server", _SERVER_CONFIG), ("agent", _AGENT_CONFIG)):
            (folder / name).mkdir()
            (folder / f"{name}.conf").write_text(text.format(**fields), encoding="ascii")
        try:
            self._start(SERVER)
            until(lambda: self._run(SERVER, "healthcheck", check=False).returncode == 0, "the server is well")
            agent = f"spiffe://{TRUST_DOMAIN}/agent"
            token = self._run(SERVER, "token", "generate", "-spiffeID", agent).stdout.split()[-1]
            self._run(SERVER, "entry", "create", "-parentID", agent, "-spiffeID", f"spiffe://{TRUST_DOMAIN}/app",
                      "-selector", f"unix:uid:{os.getuid()}", "-x509SVIDTTL", str(ttl_s))
            self._start(AGENT, "-joinToken", token)
            until(lambda: subprocess.run([AGENT, "api", "fetch", "x509", "-socketPath", self.socket], check=False,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0, "the agent gives identities")
        except BaseException:
            self.stop()
            raise

    def rotate_authority(self):
        """New certificates are issued by a new CA from now on; the old one is still trusted."""
        self._run(SERVER, "localauthority", "x509", "prepare")
        shown = json.loads(self._run(SERVER, "localauthority", "x509", "show", "-output", "json").stdout)
        self._run(SERVER, "localauthority", "x509", "activate", "-authorityID", shown["prepared"]["authority_id"])

    def stop(self):
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, program, *arguments):
        name = program.name.removeprefix("spire-")
        with open(self.folder / f"{name}.log", "wb") as log:
            self._processes.append(subprocess.Popen([program, "run", "-config", self.folder / f"{name}.conf", *arguments],
                                                    stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL))

    def _run(self, program, *arguments, check=True):
        return subprocess.run([program, *arguments, "-socketPath", self._commands], check=check, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)
