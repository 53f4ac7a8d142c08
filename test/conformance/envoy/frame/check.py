"""What is compared passes when the two proxies do the same, or differ just as README.md says."""

from frame.pair import covers, differing
from frame.readme import admitted


def _unexpected(different, expected):
    """(what differs and is not admitted, what is admitted and does not differ)."""
    return ([key for key in different if not any(covers(item, key) for item in expected)],
            [item for item in expected if not any(covers(item, key) for key in different)])


def judge(name, results, ignored=()):
    """`results`: {"envoy": {what: value}, "pillion": the same}."""
    different = differing(results, ignored)
    new, gone = _unexpected(different, admitted().get(name, set()))
    shown = "".join(f"\n  {key}\n    Envoy:   {different[key][0]}\n    pillion: {different[key][1]}" for key in sorted(new))
    assert not new, f"they differ:{shown}"
    assert not gone, f"README.md says that they differ in this, and they do not: {gone}"


def alike(pair, case):
    expected = admitted().get(case.name, set())
    results = pair.both(case, lambda results: _unexpected(differing(results, case.ignored), expected) == ([], []))
    judge(case.name, results, case.ignored)
