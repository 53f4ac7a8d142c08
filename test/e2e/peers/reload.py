"""Other configurations for a pillion that runs, and what becomes of them."""

import json
import signal

from peers import bootstrap as b
from peers import http1
from peers.message import Request
from peers.wait import until

SOON = ("--drain-time-s", "1")
KINDS = "clusters", "listeners", "secrets"


def at(port, body, name="ingress", **fields):
    """A listener there that answers all with `body`."""
    return b.listener(b.http([b.direct(200, body)]), where=("127.0.0.1", port), name=name, **fields)


def asked(address, path="/"):
    connection = http1.connect(address)
    try:
        return connection.exchange(Request("GET", path))
    finally:
        connection.close()


def body_at(port, path="/"):
    return asked(("127.0.0.1", port), path).body


def by_sighup(proxy, config):
    """Returns once it was tried."""
    proxy.configure(config)
    before = proxy.stat("server.reloads")
    proxy.process.send_signal(signal.SIGHUP)
    until(lambda: proxy.stat("server.reloads") == before + 1, "the file was read again")


def by_post(proxy, config, status=200, query=""):
    """The answer, as it is or as a value."""
    text = config if isinstance(config, (str, bytes)) else json.dumps(config)
    code, _, answer = proxy.admin_response(f"/api/reload{query}", "POST", body=text if isinstance(text, bytes) else text.encode())
    assert code == status, answer
    return json.loads(answer) if "text" not in query else answer


def done(answer):
    """What is not empty of it, without what is unchanged: {"added": ["cluster a"]}"""
    said = {word: [f"{kind[:-1]} {name}" for kind in KINDS for name in answer[word][kind]] for word in ("added", "changed", "removed", "kept")}
    said["refused"] = [f"{one['kind']} {one['name']}".strip() for one in answer["refused"]]
    said["needs_restart"] = answer["needs_restart"]
    return {word: names for word, names in said.items() if names}


def dumped(proxy, section, field):
    """{name: (the resource, when it was taken)} of a field of /config_dump."""
    for found in json.loads(proxy.admin("/config_dump"))["configs"]:
        if found["@type"].endswith("." + section):
            members = [(next(value for key, value in one.items() if isinstance(value, dict)), one["last_updated"]) for one in found.get(field, [])]
            return {member["name"]: (member, when) for member, when in members}
    return {}
