"""The same pushes to the real Envoy and to pillion, each beside a control plane of its own: what their traffic gets, how the
administration shows what came, and what is counted of it."""

import dataclasses
import json
import re
import time

from frame.check import judge
from frame.pair import covers, differing
from frame.readme import admitted
from peers import pushed as p
from peers.go_control_plane import GoControlPlane
from peers.http1 import connect
from peers.message import Broken, Request
from peers.ports import free_port
from peers.proxy import Proxy
from peers.wait import until

_SETTLED = 1.0  # seconds; only what differs and is not written down takes as long
_COUNTED = "|".join((r"listener_manager\.", r"cluster_manager\.", r"control_plane\.", r"http\.ingress\.rds\.", r"http\.ingress\.scoped_rds\.",
                     r"sds\.", r"extension_config_discovery\.",
                     r"cluster\.(backend|other)\.(update_|assignment_|version|init_fetch|membership_|warming|max_host_weight)"))
_TIMES = "update_time", "config_reload_time_ms", "update_duration"
_IGNORED = re.compile("|".join((
    # What is not counted here, and is 0 with Envoy in all of this: merged updates, parts of listeners, caches, how workers are run.
    r"stat\.cluster_manager\.(cluster_updated|cluster_updated_via_merge|update_merge_cancelled|update_out_of_merge_window)",
    r"stat\.listener_manager\.(listener_in_place_updated|listener_stopped|total_filter_chains_draining|workers_pinned)",
    r"stat\.cluster\.\w+\.(assignment_\w+|warming_state)",
    # Envoy counts what it asks after a refusal, or in vain, twice.
    r"stat\..*\.update_attempt",
    # Not yet: a listener that was changed has been created, too; and the weight when there are no hosts.
    r"stat\.listener_manager\.listener_create_success", r"stat\.cluster\.\w+\.(max_host_weight|version)",
    # By differences each resource has a version of its own, and that is what is shown here, of hosts as well.
    r"stat\..*\.version_text", r"stat\.http\.ingress\.rds\.routes\.version",
    r"stat\.extension_config_discovery\..*\.version", r"dump\.dynamic_endpoint_configs\.\w+\.(version_info|last_updated)",
    # What a filter counts stands under its connection manager here, wherever its configuration comes from.
    r"stat\.extension_config_discovery\.http_filter\.\w+\.fault\..*",
    # How long a drain takes, if anybody is connected at all.
    r"stat\.listener_manager\.total_listeners_draining", r"dump\.dynamic_listeners\.\w+\.(draining_state|name)",
    # Of streams of their own, Envoy counts each by itself.
    r"stat\..*\bcontrol_plane\.\w+",
    # Why something was refused stands here with all that can be; Envoy has it for listeners only, and with less.
    r"dump\.(dynamic|ecds)_\w+\.\w+\.error_state")) + "$")
_SECTIONS = "ListenersConfigDump", "ClustersConfigDump", "ScopedRoutesConfigDump", "RoutesConfigDump", "EndpointsConfigDump", "SecretsConfigDump", "EcdsConfigDump"


@dataclasses.dataclass
class Step:
    """make(side): the resources of a push. remove: (kind, name)... ask: (listener, path)... asked after it. until: (stat, value) to wait for
    instead of answers to the push."""
    make: object = lambda side: ()
    remove: tuple = ()
    ask: tuple = ()
    until: tuple = ()
    respond: tuple = ()  # (kind, resources of respond()...)


@dataclasses.dataclass
class Push:
    name: str
    steps: list
    how: str = p.DELTA


class Side:
    """One proxy with its control plane; the first step is there from its start."""

    def __init__(self, binary, folder, case, backends):
        self.how = case.how
        self._ports = {}
        self.backends = backends
        self.plane = GoControlPlane(aggregated=case.how in p.AGGREGATED)
        self.plane.push(*case.steps[0].make(self))
        self.plane.start()
        folder.mkdir()
        self.proxy = Proxy(p.bootstrap(self.plane.address, case.how), folder, binary=binary)

    def at(self, name):
        """Where the listener of that name is."""
        return self._ports.setdefault(name, ("127.0.0.1", free_port()))

    def take(self, step):
        resources = step.make(self)
        if step.respond:
            kind, *raw = step.respond
            kinds, mark = [kind], self.plane.respond(kind, *raw)
        else:
            kinds = {p.kind_of(resource) for resource in resources} | {kind for kind, _ in step.remove}
            mark = self.plane.push(*resources, remove=step.remove)
        if step.until:
            self.proxy.until_stat(*step.until)
            return
        for kind in kinds:
            sent = self.plane.until(lambda event: event.event == "response" and event.type == kind, mark)  # pylint: disable=cell-var-from-loop
            self.plane.until_request(kind, lambda event: event.nonce == sent.nonce and event.stream == sent.stream, mark)  # pylint: disable=cell-var-from-loop

    def row(self, step):
        """{what: value} of what is compared after a step."""
        found = {f"answer.{listener}{path}": self._answer(listener, path) for listener, path in step.ask}
        for line in self.proxy.admin(f"/stats?filter=^({_COUNTED})".replace("|", "%7C").replace("\\", "%5C")).splitlines():
            name, _, value = line.partition(": ")
            if name.rpartition(".")[2] not in _TIMES:
                found[f"stat.{name}"] = value
        for section in json.loads(self.proxy.admin("/config_dump?include_eds"))["configs"]:
            what = section["@type"].rpartition(".")[2]
            if what in _SECTIONS:
                found.update(self._shown(what, section))
        return found

    def _shown(self, what, section):
        """What there is of each resource, and which members it has; not what is in the resource."""
        versions = self.how == p.STATE and what in ("ListenersConfigDump", "ClustersConfigDump")
        found = {f"dump.{what}.version_info": section.get("version_info")} if versions else {}
        for array in section:
            for item in section[array] if array.startswith(("dynamic_", "ecds_")) else ():
                resources = [value for value in (item, *item.values(), item.get("error_state", {}).get("failed_configuration")) if isinstance(value, dict)]
                name = next(value.get("name") or value["cluster_name"] for value in resources if value.get("name") or "cluster_name" in value)
                for member, value in item.items():
                    inner = sorted(value) if member.endswith("_state") else "@type" in value or "is there"
                    found[f"dump.{array}.{name}.{member}"] = inner
                if versions:
                    found[f"dump.{array}.{name}.version"] = item.get("version_info") or item.get("active_state", {}).get("version_info")
        return found

    def _answer(self, listener, path):
        try:
            connection = connect(self.at(listener))
            response = connection.exchange(Request("GET", path))
            connection.close()
            return response.status, response.body
        except (OSError, Broken):
            return "nobody"

    def stop(self):
        self.proxy.kill()
        self.plane.stop()


def _columns(rows):
    return {key: [row.get(key) for row in rows] for key in dict.fromkeys(key for row in rows for key in row) if not _IGNORED.match(key)}


def compare(case, folder, binaries, backends):
    """Passes when nothing differs but what README.md says."""
    sides, rows = {}, {}
    try:
        for name, binary in binaries.items():
            sides[name], rows[name] = Side(binary, folder / name, case, backends), []
        for number, step in enumerate(case.steps):
            for side in sides.values():
                if number:
                    side.take(step)
                elif step.ask:
                    until(lambda: side._answer(*step.ask[0]) != "nobody", "it listens")  # pylint: disable=cell-var-from-loop,protected-access
            deadline = time.monotonic() + _SETTLED
            while True:  # some of it comes a little later than answers
                found = {name: side.row(step) for name, side in sides.items()}
                new = [key for key in differing(found) if not _IGNORED.match(key) and not any(covers(item, key) for item in admitted().get(case.name, ()))]
                if not new or time.monotonic() > deadline:
                    break
                time.sleep(0.02)
            for name in sides:
                rows[name].append(found[name])
        judge(case.name, {name: _columns(rows[name]) for name in sides})
    finally:
        for side in sides.values():
            side.stop()
