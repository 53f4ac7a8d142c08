"""The real Envoy and pillion, side by side with the same bootstrap: the cases of one module go through both."""

import collections
import pathlib
import re
import sys
import time

from frame import client, log
from frame.normal import Names
from frame.upstream import Run, Upstream
from peers import bootstrap as b
from peers.proxy import BINARY, ROOT, Proxy
from peers.wait import until

sys.path.insert(0, str(ROOT / "tools"))
from benchmark import programs  # noqa: E402

_LINES = 5.0  # seconds; only a line that never comes takes as long
_COUNTS = 2.0

# Compared in every case: of its first cluster, and of the manager.
_USUAL = tuple("c.upstream_rq_" + name for name in (
    "total", "completed", "1xx", "2xx", "3xx", "4xx", "5xx", "200", "503", "504", "cancelled", "timeout", "per_try_timeout", "rx_reset", "tx_reset",
    "retry", "retry_success", "retry_limit_exceeded", "retry_overflow", "pending_total", "pending_overflow", "pending_failure_eject",
    "maintenance_mode", "max_duration_reached", "per_try_idle_timeout", "active", "pending_active")) + (
    "c.upstream_cx_connect_fail", "c.upstream_cx_connect_timeout", "c.upstream_cx_protocol_error", "c.upstream_cx_none_healthy") + tuple(
    "h.downstream_rq_" + name for name in (
        "total", "completed", "1xx", "2xx", "3xx", "4xx", "5xx", "tx_reset", "active", "http1_total", "http2_total", "timeout",
        "idle_timeout", "header_timeout", "max_duration_reached", "too_large", "non_relative_path", "failed_path_normalization",
        "redirected_with_normalized_path", "ws_on_non_ws_route")) + tuple(
    "h." + name for name in ("no_route", "no_cluster", "rq_total", "rq_direct_response", "downstream_cx_protocol_error"))


class _Side:
    """One proxy with its listeners."""

    def __init__(self, binary, folder, module, clusters):
        self.logs = {}
        listeners = []
        for setting, manager in module.settings.items():
            self.logs[setting] = folder / f"{setting}.log"
            manager = dict(manager)
            access_log = b.file_log(self.logs[setting], text=log.text(module.operators))
            if "log_filter" in manager:
                access_log[0]["filter"] = manager.pop("log_filter")
            hosts = [case.virtual_host() for case in module.cases if case.setting == setting]
            manager = {"route_config": {"name": setting, "virtual_hosts": hosts}, "access_log": access_log, "server_name": "proxy", **manager}
            listener, change = {"stat_prefix": setting, **manager.pop("listener", {})}, manager.pop("change", None)
            manager["route_config"].update(manager.pop("table", {}))
            listeners.append(b.listener(b.http(name=setting, **manager), name=setting, **listener))
            if change:
                change(listeners[-1], access_log, folder.parent)
        config = b.bootstrap(listeners, clusters, **module.bootstrap)
        self.proxy = Proxy(config, folder, binary=binary)
        self._read = dict.fromkeys(self.logs, 0)

    def names(self, setting, upstreams):
        ports = {self.proxy.listeners[setting][1]: "listener"}
        for upstream in upstreams:
            ports.update({address[1]: f"{upstream.name} {number}" for number, address in enumerate(upstream.addresses)})
        return Names(ports)

    def lines(self, setting, count):
        """The next `count` lines of the log, or as many as there are in the end."""
        deadline = time.monotonic() + _LINES
        while True:
            text = self.logs[setting].read_text(encoding="latin-1")[self._read[setting]:]
            found = text.splitlines() if text.endswith("\n") else []
            if len(found) >= count or time.monotonic() > deadline:
                self._read[setting] += len(text)
                return found
            time.sleep(0.003)

    def unread(self):
        """Lines of the logs that no case has waited for, once the proxy has ended."""
        return [line for setting, path in self.logs.items() if path.exists()  # else nobody writes it: the setting is changed
                for line in path.read_text(encoding="latin-1")[self._read[setting]:].splitlines()]

    def counts(self, names):
        """Counters and gauges by name; what does not exist is 0."""
        found = dict.fromkeys(names, 0)
        pattern = "^(" + "|".join(re.escape(name) for name in names) + ")$"
        for line in self.proxy.admin("/stats?filter=" + pattern.replace("|", "%7C").replace("\\", "%5C").replace("+", "%2B")).splitlines():
            name, _, value = line.rpartition(": ")
            if name in found:
                found[name] = int(value)
        return found


class Pair:
    """Both proxies, from the moment it is made until stop()."""

    def __init__(self, module, folder):
        self._folder = pathlib.Path(folder)
        self._upstreams = {case.name: [Upstream(case.cluster_name(suffix), cluster, self._folder) for suffix, cluster in case.clusters.items()]
                           for case in module.cases}
        clusters = []
        for case in module.cases:
            for upstream, cluster in zip(self._upstreams[case.name], case.clusters.values()):
                config = b.cluster(*upstream.addresses, name=upstream.name, protocol=cluster.protocol, trailers=cluster.trailers,
                                   http_options=cluster.http_options, **cluster.fields)
                if cluster.change:
                    cluster.change(config, upstream.addresses, self._folder)
                clusters.append(config)
        self._sides = {}
        for name, binary in (("envoy", programs.envoy()), ("pillion", BINARY)):
            home = self._folder / name
            home.mkdir()
            try:
                self._sides[name] = _Side(binary, home, module, clusters)
            except AssertionError:
                self._kill()
                raise

    def _kill(self):
        for side in self._sides.values():
            side.proxy.kill()

    def stop(self):
        try:
            # One signal is enough for Envoy, and a second one that comes late in its end kills it.
            # How Envoy ends, and how long it takes to, is not ours.
            self._sides["envoy"].proxy.terminate()
            self._sides["pillion"].proxy.stop()
        finally:
            self._kill()
        for side in self._sides.values():
            assert not side.unread(), side.unread()
        for upstream in sum(self._upstreams.values(), []):
            upstream.close()
            assert not upstream.errors, (upstream.name, upstream.errors)

    def both(self, case, expected):
        """{"envoy": result, "pillion": result}; a result is a flat dictionary of what is compared. `expected` says whether these are the
        results that are expected: if not, counters may still change."""
        names = {name: self._stat_name(case, name) for name in _USUAL + tuple(case.stats)}
        before = {name: side.counts(names.values()) for name, side in self._sides.items()}
        results = {name: self._one(case, name) for name in self._sides}
        deadline = time.monotonic() + _COUNTS
        while True:  # counters follow a little later than answers, in both
            counts = {}
            for name, side in self._sides.items():
                after = side.counts(names.values())
                counts[name] = {f"stat.{short}": after[full] - before[name][full] for short, full in names.items()}
            whole = {name: {**results[name], **counts[name]} for name in results}
            moved = all(counts[name][f"stat.{short}"] for name in counts for short in case.moves)
            if moved and expected(whole) or time.monotonic() > deadline:
                return whole
            time.sleep(0.02)

    def admin(self, path, method="GET"):
        """{"envoy": (status, fields, text), "pillion": the same} of an administration's page."""
        return {name: side.proxy.admin_response(path, method) for name, side in self._sides.items()}

    def side(self, name):
        return self._sides[name]

    @staticmethod
    def _stat_name(case, name):
        kind, _, rest = name.partition(".")
        prefix = {"c": f"cluster.{case.cluster_name()}.", "h": f"http.{case.setting}.", "l": f"listener.{case.setting}."}.get(kind)
        return prefix + rest.replace("%", case.setting) if prefix else name.replace("%", case.setting)

    def _one(self, case, name):
        side, upstreams = self._sides[name], self._upstreams[case.name]
        run = Run(case.upstream)
        for upstream in upstreams:
            upstream.run = run
        names = side.names(case.setting, upstreams)
        answers = [names.answer(answer) for answer in client.ask(case, side.proxy.listeners[case.setting], self._folder)]
        lines = [log.parse(line, names) for line in side.lines(case.setting, case.expected_lines(name))]
        assert name != "envoy" or len(lines) == case.expected_lines(name), f"the case expects other lines of the log than Envoy writes: {lines}"
        until(lambda: len(run.seen) >= case.sees, f"upstream sees {case.sees} requests")
        if case.shares:
            return {**_columns("response", answers), **_shares([host for host, _ in run.seen])}
        seen = [names.request(*seen) for seen in run.seen]
        for request in seen:
            request["fields"] = [item for item in request["fields"] if item[0].lower() not in case.unseen]
        if case.unordered:
            seen.sort(key=lambda request: (request["host"], request["method"], request["path"]))
        return {**_columns("response", answers), **_columns("upstream", seen), **_columns("log", lines)}


class _Share(float):
    """Of all requests. Of 600 that are drawn, two runs differ by more than this once in millions."""

    def __eq__(self, other):
        return other is not None and abs(self - other) < 0.15

    def __ne__(self, other):
        return not self == other

    __hash__ = None


def _shares(hosts):
    return {f"share.{host}": _Share(count / len(hosts)) for host, count in collections.Counter(hosts).items()}


def _columns(what, rows):
    """Rows as columns, {"what.key": [of each row]}, so that a difference has a name that doesn't depend on the row."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return {f"{what}.count": len(rows), **{f"{what}.{key}": [row.get(key) for row in rows] for key in keys}}


def covers(item, key):
    """A part before a point stands for all that is in it."""
    return item == key or key.startswith(item + ".")


def differing(results, ignored=()):
    """{name: (Envoy's value, pillion's value)} of all that is not alike."""
    one, other = results["envoy"], results["pillion"]
    return {key: (one.get(key), other.get(key)) for key in {**one, **other}
            if one.get(key) != other.get(key) and not any(covers(item, key) for item in ignored)}
