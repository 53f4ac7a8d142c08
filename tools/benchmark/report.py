"""Figures to medians, ratios and verdicts, as text and as JSON."""
import os
import platform
import re
from pathlib import Path
from statistics import median

from benchmark import variants
from benchmark.measure import Figures
from benchmark.run import Run
from benchmark.scenarios import METRICS, Requirement
from benchmark.settings import Settings

PEERS = ("haproxy", "envoy")  # whom everybody is compared with


def peers_of(name: str) -> list[str]:
    """A variant is compared with the plain proxy, others with PEERS."""
    return [variants.base(name)] if "+" in name else [peer for peer in PEERS if peer != name]


def machine() -> str:
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"


def medians(rounds: list[Figures]) -> Figures:
    return {metric: median(figures[metric] for figures in rounds) for metric in rounds[0]}


def ratios(rounds: list[Figures], peer: list[Figures]) -> dict[str, dict[str, float]]:
    """By metric: the median of the ratios of each round, and the ratio of the medians. The first compares loads
    that ran one after the other, so that slow changes of the machine cancel out: it is the one that is judged.
    When the second is far from it, the machine was too busy to judge anything."""
    own, others = medians(rounds), medians(peer)
    return {metric: {"rounds": median(mine[metric] / theirs[metric] for mine, theirs in zip(rounds, peer)),
                     "medians": own[metric] / others[metric]}
            for metric in own if all(figures[metric] > 0 for figures in peer)}


def judge(requirement: Requirement, figures: dict[str, list[Figures]]) -> dict:
    """What the requirement asks, what was measured and whether that will do; ok is None if it was not measured."""
    metric, peer = requirement.metric, requirement.peer
    verdict = {"metric": metric, "subject": requirement.subject, "peer": peer, "more_than": requirement.more_than, "bound": requirement.bound, "aim": requirement.aim,
               "measured": None, "ok": None}
    subject, more_than = requirement.subject, requirement.more_than
    if any(name and name not in figures for name in (subject, peer, more_than)):
        return verdict
    if peer:
        found = ratios(figures[subject], figures[peer])[metric]
        verdict |= {"measured": found["rounds"], "of_medians": found["medians"]}
    elif metric == "growth":  # a bound on memory holds in every round
        verdict["measured"] = max(round_figures[metric] for round_figures in figures[subject])
    else:
        verdict["measured"] = medians(figures[subject])[metric]
        if more_than:
            verdict["measured"] -= medians(figures[more_than])[metric]
    measured, bound = verdict["measured"], requirement.bound
    verdict["ok"] = measured >= bound if METRICS[metric].more_is_better else measured <= bound
    return verdict


def verdicts(run: Run) -> list[dict]:
    return [judge(requirement, run.figures) for requirement in run.scenario.required]


def describe(verdict: dict) -> str:
    metric = METRICS[verdict["metric"]]
    of = f"{verdict['subject']}, " if "+" in verdict["subject"] else ""
    asked = f"required: {of}{metric.title} {'>=' if metric.more_is_better else '<='} {verdict['bound']:g}"
    if verdict["more_than"]:
        asked += f" more than {verdict['more_than']}"
    if verdict["peer"]:
        asked += f" x {verdict['peer']}"
    if verdict["aim"]:
        asked += f" (aim {verdict['aim']:g})"
    if verdict["ok"] is None:
        return f"{asked}: not measured"
    measured = f"{verdict['measured']:.3f}"
    if verdict["peer"]:
        measured += f" ({verdict['of_medians']:.3f} of the medians)"
    return f"{asked}: {measured} {'ok' if verdict['ok'] else 'MISSED'}"


def _ratio_row(label: str, own: list[Figures], peer: list[Figures], metrics: list[str]) -> list[str]:
    found = ratios(own, peer)
    compared = set(found) - {"wait"}
    return [label] + [f"{found[metric]['rounds']:.3f}" if metric in compared else "" for metric in metrics]


def table(figures: dict[str, list[Figures]]) -> list[list[str]]:
    """A row of medians for each proxy, and below it its ratios (medians of each round's) to the peers."""
    metrics = list(next(iter(figures.values()))[0])
    rows = [["", *(METRICS[metric].title for metric in metrics)]]
    for name, rounds in figures.items():
        middle = medians(rounds)
        rows.append([name] + [f"{middle[metric]:.{METRICS[metric].digits}f}" for metric in metrics])
        rows += [_ratio_row(f"  x {peer}", rounds, figures[peer], metrics)
                 for peer in peers_of(name) if peer in figures]
    return rows


def aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) if at == 0 else cell.rjust(width)
                               for at, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def text(run: Run) -> str:
    parts = [f"{run.scenario.name}: {run.scenario.title}"]
    if run.figures:
        parts.append(aligned(table(run.figures)))
    parts += [describe(verdict) for verdict in verdicts(run)]
    parts += [f"INVALID {error}" for error in run.errors]
    return "\n".join(parts)


def as_json(runs: list[Run], settings: Settings) -> dict:
    return {"machine": machine(), "rounds": settings.rounds, "seconds": settings.seconds,
            "scenarios": {run.scenario.name: _scenario_json(run) for run in runs}}


def _scenario_json(run: Run) -> dict:
    return {"title": run.scenario.title,
            "proxies": {name: {"rounds": rounds, "median": medians(rounds),
                               "ratio": {peer: ratios(rounds, run.figures[peer])
                                         for peer in peers_of(name) if peer in run.figures}}
                        for name, rounds in run.figures.items()},
            "required": verdicts(run), "invalid": run.errors}


def summary(runs: list[Run]) -> tuple[str, bool]:
    """A last line, and whether nothing failed and nothing that was measured is MISSED."""
    verdict_list = [verdict["ok"] for run in runs for verdict in verdicts(run)]
    invalid = sum(len(run.errors) for run in runs)
    missed = verdict_list.count(False)
    line = f"required: {verdict_list.count(True)} ok, {missed} MISSED, {verdict_list.count(None)} not measured"
    return line + (f"; {invalid} INVALID" if invalid else ""), not missed and not invalid
