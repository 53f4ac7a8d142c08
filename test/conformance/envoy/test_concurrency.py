"""The filter adaptive_concurrency, as far as one request at a time shows it: what is refused depends on moments."""

from frame.case import Case, Cut
from frame.check import alike
from frame.write import get, ok, router

STATS = ("h.adaptive_concurrency.gradient_controller.rq_blocked",)


def adaptive(**fields):
    controller = {"concurrency_limit_params": {"max_concurrency_limit": 1, "concurrency_update_interval": "0.1s"},
                  "min_rtt_calc_params": {"interval": "60s", "request_count": 2, "min_concurrency": 1}}
    return {"http_filters": router(("adaptive_concurrency", "AdaptiveConcurrency", {"gradient_controller_config": controller, **fields}))}


CASES = [
    Case("adaptive-one-after-the-other", [get()] * 5, setting="adaptive", stats=STATS),
    Case("adaptive-after-errors", [get()] * 4, upstream=[Cut(), ok()], setting="adaptive", stats=STATS),
    Case("adaptive-switched-off", [get()] * 2, setting="off", stats=STATS),
]
SETTINGS = {"adaptive": adaptive(), "off": adaptive(enabled={"default_value": False, "runtime_key": "k"})}


def test_alike(pair, case):
    alike(pair, case)
