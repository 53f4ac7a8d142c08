#!/usr/bin/env python3
"""The benchmark's lanes: what is configured and asked, how it is judged, and a short run of the chain."""
import hashlib
import unittest
from collections import Counter
from types import SimpleNamespace

import short_run  # first: it says where the benchmark is
from short_run import GOOD, Server

from benchmark import lane_chain, lane_rounds, lanes
from benchmark.lane_chain import BASE, GRAY
from benchmark.processes import BenchError
from benchmark.scenarios import GREETING


def answer(**versions: str) -> bytes:
    fields = "".join(f"x-at-{service}: {version}\r\n" for service, version in versions.items())
    return b"HTTP/1.1 200 OK\r\n" + fields.encode() + b"content-length: 36\r\n\r\n" + GREETING


class Requests(unittest.TestCase):
    def test_every_other_one_is_coloured(self):
        first, last = lanes.USERS
        for number in range(10000):
            fields, coloured = lanes.request(number)
            name, _, value = fields.strip().partition(": ")
            inside = {"": False, "x-env": value == "gray", "x-user-id": value.isdigit() and first <= int(value) <= last}[name]
            self.assertEqual((inside, coloured), (number % 2 == 0, number % 2 == 0), fields)
        self.assertEqual(len({lanes.request(number)[0] for number in range(10000)}), 2 * (last - first + 1) + 2)

    def test_one_rule_and_many_colour_the_same(self):
        (one,), many = lanes.versions(1), lanes.versions(lanes.MANY_RULES)
        self.assertEqual((len(many), len({rule["name"] for rule in many}), many[-1]), (1000, 1000, one))
        asked = Counter(line.strip().partition(": ")[2] for line in lanes.fields(0, 2000))
        values = [rule["conditions"][0]["header"]["value"]["exact"] for rule in many]
        self.assertEqual({value: number for value, number in asked.items() if value in values}, {values[-1]: 1000})
        self.assertEqual(sum(asked.values()), 2000)


class Judged(unittest.TestCase):
    def _hops(self, *answers):
        hops = lane_rounds.Hops()
        for number, seen in answers:
            hops.look(number, seen)
        return hops.sent[GRAY], hops.sent[BASE], hops.wrong, hops.strayed

    def test_hops(self):
        gray = {"e": GRAY, "d": BASE, "c": GRAY, "b": BASE, "a": GRAY}
        base = dict.fromkeys(gray, BASE)
        self.assertEqual(self._hops((0, answer(**gray)), (1, answer(**base)), (2, answer(**gray))), (2, 1, 0, 0))
        self.assertEqual(self._hops((0, answer(**base))), (1, 0, 3, 0))
        self.assertEqual(self._hops((1, answer(**gray))), (0, 1, 3, 3))
        self.assertEqual(self._hops((0, answer(**{**gray, "c": BASE})), (3, answer(**{**base, "e": GRAY}))), (1, 1, 2, 1))
        self.assertEqual(self._hops((0, answer(e=GRAY, d=BASE, c=GRAY, b=BASE))), (1, 0, 1, 0))  # a says nothing

    def test_deviation(self):
        self.assertAlmostEqual(lane_rounds.deviation(50_000, 1_000_000, 50_000), 0)
        self.assertAlmostEqual(lane_rounds.deviation(49_782, 1_000_000, 50_000), 1, places=2)
        self.assertAlmostEqual(lane_rounds.deviation(50_654, 1_000_000, 50_000), 3, places=2)

    def _shares(self, chosen, count=1000):
        """Of a proxy that chooses so: chosen(share, user, how many requests there were); None: it does not answer"""
        asked = []

        def respond(head):
            share, user = (head.split(name)[1].partition(b"\r\n")[0] for name in (b"x-share: ", b"x-user-id: "))
            asked.append(share)
            coloured = chosen(share.decode(), int(user), len(asked))
            return None if coloured is None else GOOD.replace(b"\r\n\r\n", lanes.COLOURED + b"\r\n") if coloured else GOOD
        made = lane_rounds.ShareRound(None, None, SimpleNamespace(lane_requests=count), None)
        return made(SimpleNamespace(port=Server(self, respond).port)), Counter(asked)

    @staticmethod
    def _part(user):
        return int.from_bytes(hashlib.sha256(b"%d" % user).digest()[:4], "big") / 2 ** 32

    def test_shares(self):
        parts = {"one": 0.01, "five": 0.05, "chance": 0.05}
        found, asked = self._shares(lambda share, user, _: self._part(user) < parts[share])
        self.assertEqual(asked, {b"one": 1100, b"five": 1100, b"chance": 1000})
        self.assertEqual([found[name] for name in ("requests", "changed", "lost_users")], [3200, 0, 0])
        self.assertLess(found["deviation"], 4)
        self.assertGreater(found["larger"], found["percent"])

    def test_a_share_that_is_not_what_it_says(self):
        parts = {"one": 0.01, "five": 0.05, "chance": 0.10}
        self.assertGreater(self._shares(lambda share, user, _: self._part(user) < parts[share])[0]["deviation"], 4)
        self.assertGreater(self._shares(lambda share, user, number: number % 20 == 0)[0]["changed"], 0)
        found, _ = self._shares(lambda share, user, _: self._part(user + 7 * (share == "one")) < parts[share])
        self.assertGreater(found["lost_users"], 0)

    def test_a_request_that_fails_ends_it(self):
        with self.assertRaises(BenchError):
            self._shares(lambda share, user, _: None if user == 5 else False, count=20)


class Churned(unittest.TestCase):
    def test_endpoints_of_both_kinds_come_and_go(self):
        pushed = []
        plane = SimpleNamespace(push=lambda node, made: pushed.append(made), set_at=lambda push: 0.0)
        ports = {(service, version): 1000 + at for at, (service, version) in enumerate(
            (service, version) for service, versions in lane_chain.INSTANCES.items() for version in versions)}
        made = SimpleNamespace(name="pillion", plane=plane, inbound=lambda service, version: ports[service, version])
        with lane_rounds.Churn(made) as churn:
            while churn.steps < 12:
                churn._over.wait(0.01)  # pylint: disable=protected-access
        self.assertIsNone(churn.error)
        seen = [self._endpoints(step) for step in pushed]
        for service, versions in lane_chain.INSTANCES.items():
            base = [set(step[service, BASE]) for step in seen]
            self.assertTrue(all(len(one) == 3 and len(one & other) == 2 for one, other in zip(base, base[1:])))
            if GRAY in versions:
                self.assertEqual([len(step.get((service, GRAY), ())) for step in seen][:12], [1, 2, 3, 2, 1, 0] * 2)

    @staticmethod
    def _endpoints(step):
        found = {}
        for made in step:
            for one in made["endpoints"][0]["lb_endpoints"]:
                version = GRAY if "metadata" in one else BASE
                found.setdefault((made["cluster_name"], version), []).append(one["endpoint"]["address"]["socket_address"]["address"])
        return found


class Short(short_run.ShortRun):
    """Of the chain of lanes, and of the shares."""
    SETTINGS = {"lane_requests": 400}

    def test_nobody_is_in_the_wrong_lane(self):
        figures = self.figures("lanes-chain")
        self.assertEqual([figures[name] for name in ("coloured", "plain", "wrong", "failed")], [400, 400, 0, 0])

    def test_who_is_chosen_stays_chosen(self):
        figures = self.figures("lanes-share")
        self.assertEqual([figures[name] for name in ("requests", "changed", "lost_users")], [1280, 0, 0])
        self.assertGreater(figures["larger"], 0)


if __name__ == "__main__":
    unittest.main()
