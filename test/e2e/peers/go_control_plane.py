"""The control plane of test/e2e/go-control-plane as a process, and what it has seen. `./tools/fetch` builds it."""

import base64
import collections
import json
import subprocess
import threading

from peers.ports import free_port
from peers.proxy import ROOT
from peers.wait import PATIENCE

BINARY = ROOT / "out/control-plane"
_TYPE = "type.googleapis.com/envoy."
TYPES = {
    "listeners": _TYPE + "config.listener.v3.Listener",
    "clusters": _TYPE + "config.cluster.v3.Cluster",
    "routes": _TYPE + "config.route.v3.RouteConfiguration",
    "scopes": _TYPE + "config.route.v3.ScopedRouteConfiguration",
    "endpoints": _TYPE + "config.endpoint.v3.ClusterLoadAssignment",
    "secrets": _TYPE + "extensions.transport_sockets.tls.v3.Secret",
    "virtual_hosts": _TYPE + "config.route.v3.VirtualHost",
    "runtimes": _TYPE + "service.runtime.v3.Runtime",
    "extension_configs": _TYPE + "config.core.v3.TypedExtensionConfig",
}
SHORT = {url: short for short, url in TYPES.items()}


class Event:
    """A line of the program: fields as attributes, None for those it does not have. `type` is the short name."""

    def __init__(self, fields):
        self._fields = {**fields, "type": SHORT.get(fields.get("type"), fields.get("type"))}

    def __getattr__(self, name):
        return self._fields.get(name)

    def __repr__(self):
        return json.dumps({name: value for name, value in self._fields.items() if name not in ("time", "node", "metadata")})


def ttl(resource, seconds):
    """A resource of push() or respond() that is gone after that time."""
    return {"resource": resource, "ttl": f"{seconds}s"}


def with_bytes(resource, more):
    """A resource, and bytes behind it when it is serialised."""
    return {"resource": resource, "append": base64.b64encode(more).decode()}


def packed(type_url, value, name=""):
    """An Any as it is, for respond()."""
    return {"type_url": type_url, "value": base64.b64encode(value).decode(), "name": name}


def _wrapped(resource):
    return {"resource": resource} if "@type" in resource else resource


def _key(resource):
    content = resource["resource"]
    return content["@type"], content.get("name") or content.get("cluster_name")


class GoControlPlane:
    """Runs from start() until stop(), and may be started again, at the same address. What it was pushed it has then, too.

    aggregated: it is for streams of all types; rest: it answers to REST, too; arguments: more of the program's own."""

    def __init__(self, aggregated=True, rest=False, arguments=()):
        self.address = "127.0.0.1", free_port()
        self.rest_address = ("127.0.0.1", free_port()) if rest else None
        self.changed = threading.Condition()
        self.events = []
        self._command = [str(BINARY), "-listen", "%s:%d" % self.address, *(["-ads"] if aggregated else []),
                         *(["-rest", "%s:%d" % self.rest_address] if rest else []), *arguments]
        self._state = collections.defaultdict(dict)  # by node: {(type URL, name): resource}
        self._versions = collections.defaultdict(dict)  # by node: those that were said, by type URL
        self._process = self._reader = None
        self._commands = 0

    def start(self):
        assert BINARY.exists(), f"{BINARY} is not there; ./tools/fetch control-plane builds it"
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        mark = self.mark()
        for node, state in self._state.items():
            self._do(do="push", node=node, set=list(state.values()), versions=self._versions[node])
        self._do(do="listen")
        self.until(lambda event: event.event == "listening", mark)
        return self

    def runs(self):
        return self._process is not None and self._process.poll() is None

    def kill(self):
        """As a crash: connections are reset, or end."""
        self._process.kill()
        self._process.wait()
        self._reader.join(PATIENCE)

    def signal(self, which):
        self._process.send_signal(which)

    def stop(self):
        if self.runs():
            self._process.stdin.close()
            self._process.wait(PATIENCE)
            self._reader.join(PATIENCE)

    def push(self, *resources, remove=(), replace=False, node="", versions=None):
        """In one step; before start(), what there is then. remove: (short name of the type, resource's name)... versions: by the type's short name."""
        given = [_wrapped(resource) for resource in resources]
        gone = collections.defaultdict(list)
        for kind, name in remove:
            gone[TYPES[kind]].append(name)
        said = {TYPES[kind]: version for kind, version in (versions or {}).items()}
        self._versions[node].update(said)
        if self.runs():
            self._catch_up()
        mark = self.mark()
        if self.runs():
            self._do(do="push", node=node, set=given, remove=gone, replace=replace, versions=said)
        state = self._state[node]
        if replace:
            state.clear()
        for kind, names in gone.items():
            for name in names:
                del state[kind, name]
        state.update({_key(resource): resource for resource in given})
        return mark

    def has(self, kind, name):
        """Whether it was pushed, and not removed."""
        return (TYPES[kind], name) in self._state[""]

    def listener_address(self, name):
        """Where the listener of that name listens, as it was pushed."""
        where = self._state[""][TYPES["listeners"], name]["resource"]["address"]["socket_address"]
        return where["address"], where["port_value"]

    def respond(self, kind, *resources, removed=(), **more):
        """Sends just this to each who watches that type; what was pushed stays what is true."""
        self._catch_up()
        return self._do(do="respond", type=TYPES[kind], resources=[_wrapped(resource) if "type_url" not in resource and "version" not in resource
                                                                   else resource for resource in resources], removed=list(removed), **more)

    def cut(self, code=14, message="cut"):
        """Ends all streams that there are."""
        self._catch_up()
        return self._do(do="cut", code=code, message=message)

    def refuse(self, code=14, message="refused", count=-1):
        """Ends each of the next `count` streams at once; -1: all that come."""
        return self._do(do="refuse", code=code, message=message, count=count)

    def mark(self):
        """Now, for `since`."""
        return len(self.events)

    def seen(self, condition, since=0):
        with self.changed:
            return [event for event in self.events[since:] if condition(event)]

    def until(self, condition, since=0, patience=PATIENCE):
        """The first event for which condition(event) is true, and which came after `since`."""
        with self.changed:
            found = self.changed.wait_for(lambda: next(filter(condition, self.events[since:]), None), patience)
            assert found, "not within %s s; there were:\n%s" % (patience, "\n".join(map(str, self.events[since:][-30:])))
            return found

    def requests(self, kind, since=0):
        return self.seen(lambda event: event.event == "request" and event.type == kind, since)

    def until_request(self, kind, condition=lambda event: True, since=0):
        return self.until(lambda event: event.event == "request" and event.type == kind and condition(event), since)

    def until_ack(self, kind, since):
        """Of a response that was sent after `since`."""
        return self._answer(kind, since, lambda event: event.error is None)

    def until_nack(self, kind, since):
        """Its text."""
        return self._answer(kind, since, lambda event: event.error is not None).error["message"]

    def _answer(self, kind, since, condition):
        sent = self.until(lambda event: event.event == "response" and event.type == kind, since)
        answer = self.until(lambda event: event.event == "request" and event.type == kind and event.stream == sent.stream and
                            event.nonce == sent.nonce and event.delta == sent.delta, since)
        assert condition(answer), answer
        return answer

    def _catch_up(self):
        """All has been read that was said before."""
        self._do(do="listen")  # it does already, so that nothing happens

    def _do(self, **command):
        """Returns mark() from before."""
        mark = self.mark()
        self._commands += 1
        number = self._commands
        self._process.stdin.write(json.dumps({"id": number, **command}).encode() + b"\n")
        self._process.stdin.flush()
        done = self.until(lambda event: event.event == "done" and event.id == number, mark)
        assert not done.error, done.error
        return mark

    def _read(self, lines):
        for line in lines:
            if not line.endswith(b"\n"):
                return  # it was killed within a word
            with self.changed:
                self.events.append(Event(json.loads(line)))
                self.changed.notify_all()
