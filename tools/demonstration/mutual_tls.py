"""The second act: two services that only talk by mutual TLS, with identities of `pillionctl ca`; who may call; identities that change."""

import json
import re
import subprocess
import sys

from demonstration.callers import Callers
from demonstration.stage import BOLD, PILLION, PILLIONCTL, PLAIN, ROOT, Report, ask, counters, free_ports, until

EXAMPLE = ROOT / "examples/mutual-tls"
TTL = "6s"  # of SVIDs: so short only to see them change
RULE = "rbac_access_denied_matched_policy[only-web-may-call]"


class Mesh:
    """The example, on free ports: two services, the sidecar of each, and a CA for them and for a job."""

    def __init__(self, stage):
        self.stage = stage
        names = ["web.yaml", "pay.yaml"]
        texts = {name: (EXAMPLE / name).read_text(encoding="utf-8") for name in names}
        old = sorted({int(port) for text in texts.values() for port in re.findall(r"port_value: (\d+)", text)})
        self.ports = dict(zip(old, free_ports(len(old))))
        for name, text in texts.items():
            text = re.sub(r"(?<=port_value: )\d+", lambda match: str(self.ports[int(match[0])]), text)
            (stage.folder / name).write_text(text, encoding="utf-8")
        self.folder = stage.folder / "out/mutual-tls"
        stage.start("ca", [str(PILLIONCTL), "ca", "run", "--dir", str(self.folder), "--trust-domain", "demo.test", "--svid-ttl", TTL,
                           "--workload", "web", "--workload", "pay", "--workload", "batch"], says=" ready\n")
        stage.start("services", [sys.executable, str(EXAMPLE / "servers.py"), *names], self.ports[8081])
        for sidecar, port in ("pay", 16001), ("web", 15001):
            stage.start(f"mutual-tls-{sidecar}", [str(PILLION), "-c", f"{sidecar}.yaml", "--concurrency", "1",
                                                  "--file-flush-interval-msec", "100"], self.ports[port])

    def serial(self, admin):
        """Of the sidecar's own certificate."""
        return json.loads(ask(self.ports[admin], "/certs"))["certificates"][0]["cert_chain"][0]["serial_number"]

    def log_line(self, text):
        """Of pay's sidecar, once it is there."""
        found = lambda: [line for line in self.stage.said("mutual-tls-pay").splitlines() if text in line]  # noqa: E731
        return found()[-1] if until(found) else "nothing"


def curl(*arguments):
    """(exit status, HTTP status, body)"""
    result = subprocess.run(["curl", "--silent", "--noproxy", "*", "--max-time", "10", "--write-out", "\n%{http_code}", *arguments],
                            stdout=subprocess.PIPE, text=True, check=False)
    body, _, status = result.stdout.rpartition("\n")
    return result.returncode, status, body.strip()


def show_renewals(report, mesh):
    admins, seen = (9901, 9902), {9901: set(), 9902: set()}
    callers = Callers(mesh.ports[15001], "/charge", lambda body: body == b"pay: /charge for spiffe://demo.test/web\n")

    def replaced_twice():
        for admin in admins:
            seen[admin].add(mesh.serial(admin))
        return all(len(serials) >= 3 for serials in seen.values())

    renewed = until(replaced_twice) or until(replaced_twice)
    callers.stop()
    contexts = sum(counters(mesh.ports[admin])["tls.context_renewed"] for admin in admins)
    report.say("renewal", renewed and callers.good > 0 and callers.bad == 0,
               f"{callers.good} calls while the CA replaced each SVID {min(map(len, seen.values())) - 1} times: {callers.bad} failed",
               f"--svid-ttl {TTL}; tls.context_renewed of both: {contexts}")


def show(stage):
    """True if everything worked."""
    mesh = Mesh(stage)
    ports, report = mesh.ports, Report()
    print(f"""
  {BOLD}two services over mutual TLS, identities of pillionctl ca{PLAIN}

    web --> its pillion  127.0.0.1:{ports[15001]:<6} ==mutual TLS==>  pay's pillion  127.0.0.1:{ports[16443]:<6} --> pay
            spiffe://demo.test/web                      spiffe://demo.test/pay, STRICT; rbac: only-web-may-call
""")
    _, status, body = curl(f"http://127.0.0.1:{ports[15001]}/charge")
    line = mesh.log_line("spiffe://demo.test/web GET /charge 200")
    report.say("allowed", (status, body) == ("200", "pay: /charge for spiffe://demo.test/web") and line != "nothing",
               f"web calls pay: {status}, and pay knows who called", f"the log of pay's pillion: {line.removeprefix('pay: ')}")

    batch = mesh.folder / "svids/batch"
    _, status, _ = curl("--insecure", "--cert", str(batch / "svid.pem"), "--key", str(batch / "key.pem"), f"https://127.0.0.1:{ports[16443]}/charge")
    line = mesh.log_line("spiffe://demo.test/batch")
    report.say("denied", status == "403" and RULE in line, f"a job with an SVID of its own, batch, calls pay: {status}",
               f"the log of pay's pillion: {line.removeprefix('pay: ')}")

    code, status, _ = curl(f"http://127.0.0.1:{ports[16443]}/charge")
    line = mesh.log_line(":HTTP_REQUEST:")
    report.say("plain", code != 0 and status == "000" and line != "nothing",
               "a call to pay's pillion without TLS: refused, no answer", f"its log: {line.partition('TLS failure: ')[2]}")

    show_renewals(report, mesh)
    return report.good
