#!/usr/bin/env python3
"""The benchmark's own logic: it must refuse what failed, read what the tools print, and judge rightly."""
import json
import socket
import ssl
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from benchmark import load, mesh, profile, proxies, push, pushed, report, run  # noqa: E402
from benchmark.control_plane import ControlPlane  # noqa: E402
from benchmark.processes import BenchError, Cpu, Process  # noqa: E402
from benchmark.scenarios import METRICS, SCENARIOS, Requirement, select  # noqa: E402
from benchmark.settings import two_cores  # noqa: E402

WRK = """Running 1s test @ http://127.0.0.1:9002/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   544.51us  160.71us   6.55ms   95.28%
    Req/Sec   117.45k     3.50k  119.75k    90.91%
  Latency Distribution
     50%  528.00us
     75%  558.00us
     90%  602.00us
     99%    1.02ms
  128466 requests in 1.10s, 22.54MB read
{complaint}Requests/sec: 116784.05
Transfer/sec:     20.49MB
"""

H2LOAD = """finished in 1.00s, 425200.00 req/s, 33.66MB/s
requests: 1 total, 1 started, {done} done, {succeeded} succeeded, {failed} failed, {errored} errored, 0 timeout
status codes: {ok} 2xx, 0 3xx, 0 4xx, {server_errors} 5xx
traffic: 33.66MB (35300040) total, 4.87MB (5103384) headers (space savings 94.00%), 17.44MB ({data}) data
"""


def h2load(done=100, succeeded=100, failed=0, errored=0, ok=100, server_errors=0, data=3600) -> str:
    return H2LOAD.format(**locals())


class LoadOutput(unittest.TestCase):
    def test_wrk(self):
        result = load.parse_wrk(WRK.format(complaint=""))
        self.assertEqual(result.requests, 128466)
        self.assertEqual(result.rate, 116784.05)
        self.assertAlmostEqual(result.p50, 0.528)
        self.assertAlmostEqual(result.p99, 1.02)

    def test_wrk_that_saw_failures_is_refused(self):
        for complaint in ("  Socket errors: connect 0, read 3, write 0, timeout 0\n",
                          "  Non-2xx or 3xx responses: 7\n"):
            with self.assertRaisesRegex(BenchError, complaint.strip()):
                load.parse_wrk(WRK.format(complaint=complaint))

    def test_h2load(self):
        result = load.parse_h2load(h2load(), 36)
        self.assertEqual((result.requests, result.rate), (100, 425200.0))

    def test_h2load_that_saw_failures_is_refused(self):
        for bad in (h2load(succeeded=99, failed=1), h2load(errored=1), h2load(ok=99, server_errors=1),
                    h2load(data=3599), h2load(done=0, succeeded=0, ok=0, data=0), "h2load: could not connect"):
            with self.assertRaises(BenchError):
                load.parse_h2load(bad, 36)

    def test_h2load_may_miss_a_status_but_not_a_body(self):
        blind = h2load(succeeded=0, failed=100, ok=0)
        self.assertEqual(load.parse_h2load(blind, 36, sees_status=False).requests, 100)
        for bad in (h2load(succeeded=0, failed=99, errored=1, ok=0),
                    h2load(succeeded=0, failed=100, ok=0, data=3599)):
            with self.assertRaises(BenchError):
                load.parse_h2load(bad, 36, sees_status=False)

    def test_percentiles_of_a_log(self):
        with tempfile.TemporaryDirectory() as directory:
            log = Path(directory) / "log"
            log.write_text("".join(f"1795233028751446\t200\t{time}\n" for time in range(100, 0, -1)))
            self.assertEqual(load.percentiles(log), (0.051, 0.1))


class ProfileOutput(unittest.TestCase):
    def test_callgrind(self):
        text = ("153,000,000 (100.0%)  PROGRAM TOTALS\n\nIr                    file:function\n"
                "153,000,000 (100.0%)  ???:main [/usr/sbin/haproxy]\n"
                " 15,300,000 (10.00%)  ???:h1_headers_to_hdr_list [/usr/sbin/haproxy]\n"
                "  7,650,000 ( 5.00%)  ???:process_stream [/usr/sbin/haproxy]\n")
        found = profile.parse_callgrind(text, 5000)
        self.assertEqual(found.per_request, 30600)
        self.assertEqual([line.split()[:2] for line in found.top], [["3060", "10.0"], ["1530", "5.0"]])

    def test_strace(self):
        text = ("% time     seconds  usecs/call     calls    errors syscall\n"
                "------ ----------- ----------- --------- --------- ----------------\n"
                " 61.00    0.010000           1     10000        12 recvfrom\n"
                " 39.00    0.006000           0     10020           sendto\n"
                "------ ----------- ----------- --------- --------- ----------------\n"
                "100.00    0.016000           0     20020        12 total\n")
        found = profile.parse_strace(text, 5000)
        self.assertAlmostEqual(found.per_request, 4.004)
        self.assertEqual([line.split()[1] for line in found.top], ["sendto", "recvfrom"])

    def test_nothing_counted_is_an_error(self):
        for parse in (profile.parse_callgrind, profile.parse_strace):
            with self.assertRaises(BenchError):
                parse("", 1)


class Report(unittest.TestCase):
    FIGURES = {
        "pillion": [{"cpu": 9.0, "growth": 1.0}, {"cpu": 9.0, "growth": 5.0}, {"cpu": 18.0, "growth": 1.0}],
        "haproxy": [{"cpu": 10.0, "growth": 0.0}, {"cpu": 12.0, "growth": 0.0}, {"cpu": 20.0, "growth": 0.0}],
    }

    def test_ratios_are_taken_round_by_round(self):
        found = report.ratios(self.FIGURES["pillion"], self.FIGURES["haproxy"])
        self.assertEqual(found["cpu"], {"rounds": 0.9, "medians": 0.75})
        self.assertNotIn("growth", found)  # nothing to divide by

    def test_verdicts(self):
        for requirement, ok in (
                (Requirement("cpu", "haproxy", 0.9), True), (Requirement("cpu", "haproxy", 0.89), False),
                (Requirement("cpu", "envoy", 0.9), None), (Requirement("cpu", None, 9.0), True),
                (Requirement("growth", None, 4.9), False), (Requirement("growth", None, 5.0), True)):
            self.assertEqual(report.judge(requirement, self.FIGURES)["ok"], ok, requirement)

    def test_more_throughput_is_better(self):
        figures = {"pillion": [{"download": 80.0}], "haproxy": [{"download": 100.0}]}
        self.assertFalse(report.judge(Requirement("download", "haproxy", 0.9), figures)["ok"])
        self.assertTrue(report.judge(Requirement("download", "haproxy", 0.8), figures)["ok"])

    def _run(self, figures, errors=()):
        scenario = SimpleNamespace(name="h1", title="", required=(Requirement("cpu", "haproxy", 0.95, 0.92),))
        return SimpleNamespace(scenario=scenario, figures=figures, errors=list(errors))

    def test_summary(self):
        good = self._run(self.FIGURES)
        slow = self._run({"pillion": [{"cpu": 9.6}], "haproxy": [{"cpu": 10.0}]})
        self.assertEqual(report.summary([good]), ("required: 1 ok, 0 MISSED, 0 not measured", True))
        self.assertEqual(report.summary([good, slow]), ("required: 1 ok, 1 MISSED, 0 not measured", False))
        self.assertFalse(report.summary([self._run(self.FIGURES, ["h1: envoy: died"])])[1])
        self.assertTrue(report.summary([self._run({})])[1])

    def test_text_and_json_name_everything(self):
        text = report.text(self._run(self.FIGURES, ["h1: envoy: died"]))
        for part in ("pillion", "x haproxy", "0.900", "<= 0.95 x haproxy (aim 0.92)", "INVALID h1: envoy: died"):
            self.assertIn(part, text)
        settings = SimpleNamespace(rounds=3, seconds=1)
        found = json.loads(json.dumps(report.as_json([self._run(self.FIGURES)], settings)))["scenarios"]["h1"]
        self.assertEqual(found["proxies"]["pillion"]["ratio"]["haproxy"]["cpu"]["rounds"], 0.9)
        self.assertEqual(len(found["proxies"]["haproxy"]["rounds"]), 3)


class Selection(unittest.TestCase):
    def test_scenarios_by_name(self):
        self.assertEqual([s.name for s in select("grpc,body")], ["grpc", "body-h1", "body-h2"])
        self.assertEqual(select(""), list(SCENARIOS))
        with self.assertRaisesRegex(ValueError, 'unknown scenario "h3"'):
            select("h1,h3")

    def test_another_proxy_goes_first_each_round(self):
        self.assertEqual([run.rotated(["a", "b", "c"], by)[0] for by in range(4)], ["a", "b", "c", "a"])
        self.assertEqual(run.rotated([], 3), [])

    def test_the_table_names_known_metrics_and_proxies(self):
        for scenario in SCENARIOS:
            self.assertLessEqual({requirement.metric for requirement in scenario.required}, set(METRICS))
            self.assertLessEqual(set(scenario.without), set(proxies.RENDERERS))
            self.assertIn(scenario.kind, {*run.ROUNDS, "start", "clusters"})


class Processes(unittest.TestCase):
    def test_the_scheduler_gives_the_total_and_the_ticks_its_parts(self):
        cpu = Cpu.of(total_ns=2_005_000_000, wait_ns=1_000_000, user_ticks=50, system_ticks=150)
        self.assertEqual((cpu.total, cpu.user, cpu.system, cpu.wait), (2_005_000, 501_250, 1_503_750, 1_000))

    def test_a_process_is_measured_and_stopped_with_its_children(self):
        burn = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
        with tempfile.TemporaryDirectory() as directory:
            process = Process("burn", [sys.executable, "-c", burn], two_cores()[0], Path(directory))
            try:
                meter = process.meter()
                while meter().total < 100_000:
                    process.check_alive()
                pids = process.pids()
                self.assertEqual(len(pids), 2)
                self.assertGreater(process.rss(), 1)
            finally:
                process.stop()
            deadline = time.monotonic() + 10
            while any(_is_running(pid) for pid in pids):
                self.assertLess(time.monotonic(), deadline, f"one of {pids} is still running")

    def test_a_process_that_ends_says_why(self):
        with tempfile.TemporaryDirectory() as directory:
            script = ["/bin/sh", "-c", "echo no such option >&2; exit 3"]
            process = Process("bad", script, two_cores()[0], Path(directory))
            try:
                with self.assertRaisesRegex(BenchError, "bad ended with status 3.*\n.*no such option"):
                    process.wait_until_listening(1)
            finally:
                process.stop()


CONTROL_PLANE = """#!{python}
import json, sys
for line in sys.stdin:
    command = json.loads(line)
    if command["do"] == "push" and command["node"] == "nacks":
        print(json.dumps({{"event": "request", "error": {{"code": 3, "message": "it is bad"}}}}))
    done = {{"event": "done", "id": command["id"], "set": 12.5}}
    if command["do"] == "push" and command["node"] == "wrong":
        done["error"] = "no such type"
    print("a word of a library")
    print(json.dumps(done), flush=True)
"""


class Pushing(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def test_the_control_plane_says_when_it_told_and_what_is_refused(self):
        program = self.directory / "plane"
        program.write_text(CONTROL_PLANE.format(python=sys.executable))
        program.chmod(0o755)
        plane = ControlPlane(program, two_cores()[0], self.directory / "log")
        self.addCleanup(plane.stop)
        self.assertEqual(plane.set_at(plane.push("a", [])), 12.5)
        for node, said in (("wrong", "no such type"), ("nacks", "what was pushed is refused: it is bad")):
            with self.assertRaisesRegex(BenchError, said):
                plane.set_at(plane.push(node, []))

    def test_one_of_many_changes(self):
        large = pushed.Large(1, 2)
        kinds = [resource["@type"].rpartition(".")[2] for resource in large.all()]
        self.assertEqual({kind: kinds.count(kind) for kind in kinds}, {
            "Listener": 1, "RouteConfiguration": 1, "Cluster": 1000, "ClusterLoadAssignment": 1000})
        for _ in range(3):
            self._one_route_changes(large)
            self._one_endpoint_changes(large)

    def _one_route_changes(self, large):
        def routes(table):
            return {(host["domains"][0], number): route for host in table["virtual_hosts"] for number, route in enumerate(host["routes"])}

        before, change = routes(json.loads(json.dumps(large._table()))), large.route()
        after = routes(change.resource)
        (changed,) = [place for place in after if after[place] != before[place]]
        self.assertEqual(len(after), 10001)
        self.assertEqual(f"*{change.host[3:]}", changed[0])
        (edit,) = after[changed]["response_headers_to_add"]
        self.assertEqual(change.shows, f"\r\nx-version: {edit['header']['value']}\r\n".encode())

    def _one_endpoint_changes(self, large):
        def addresses(resources):
            return {resource["cluster_name"]: [each["endpoint"]["address"]["socket_address"]["address"]
                                               for each in resource["endpoints"][0]["lb_endpoints"]] for resource in resources}

        before, change = addresses([r for r in large.all() if "cluster_name" in r]), large.endpoint()
        ((cluster, after),) = addresses([change.resource]).items()
        (fresh,) = set(after) - set(before[cluster])
        self.assertEqual((len(after), len(set(after))), (change.of, change.of))
        self.assertEqual(change.shows, f"\r\nx-endpoint: {fresh}\r\n".encode())
        self.assertEqual(change.host, f"www.host{cluster.partition('-')[2]}.test")

    def test_the_small_one_differs_from_change_to_change(self):
        small = pushed.Small(1, 2, 3, self.directory)
        for kind in (small.route, small.endpoint, small.secret):
            one, other = kind(), kind()
            self.assertNotEqual(one.resource, other.resource)
            self.assertNotEqual(one.shows, other.shows)

    def _serve(self, answer):
        """Whoever connects gets what answer(connection) sends, until the test ends."""
        listener = socket.create_server(("127.0.0.1", 0))

        def run_():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        thread = threading.Thread(target=run_)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(listener.close)
        self.addCleanup(listener.shutdown, socket.SHUT_RDWR)
        return listener.getsockname()[1]

    def test_a_request_shows_the_change_or_fails(self):
        answers = [b"HTTP/1.1 200 OK\r\nx-version: 1\r\n\r\n", b"HTTP/1.1 200 OK\r\nx-version: 12\r\n\r\n",
                   b"HTTP/1.1 503 No\r\n\r\n"]

        def answer(connection):
            for head in answers:
                connection.recv(4096)
                connection.sendall(head + push.GREETING)

        look, change = push.Requests(self._serve(answer)), pushed.Change({}, b"\r\nx-version: 12\r\n")
        self.addCleanup(look.close)
        self.assertFalse(look.see(change))
        self.assertTrue(look.see(change))
        with self.assertRaisesRegex(BenchError, "503"):
            look.see(change)

    def test_a_handshake_shows_the_certificate(self):
        mesh.certificates(self.directory)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "callee.pem", self.directory / "callee.key")

        def answer(connection):
            with self.assertRaises(OSError):  # it is left when the certificate was seen
                context.wrap_socket(connection, server_side=True)

        look = push.Handshakes(self._serve(answer))
        for name, shown in (("callee", True), ("caller", False)):
            der = ssl.PEM_cert_to_DER_cert((self.directory / f"{name}.pem").read_text())
            self.assertEqual(look.see(pushed.Change({}, der)), shown)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    unittest.main()
