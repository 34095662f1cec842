"""How near the rule's choice for a layer comes to the best of all legal choices."""

import statistics
from collections import Counter
from typing import Any

from alone import Alone, TooLargeError
from shapes import Case

from xdn.kernels.core.choice import RULE, Choice
from xdn.runtime.configuration import DEFAULT
from xdn.runtime.cpu.plan import choices_of

#: Each choice is tried for this part of a case's seconds; the fastest ones are then timed against the rule.
TRIAL_SHARE = 0.1
FINALISTS = 3
#: Rounds in which the finalists take turns.
ROUNDS = 5


def compare_choices(case: Case, threads: int, seconds: float, images: int | None) -> list[dict[str, Any]]:
    """Return the case's figures, a list of one; an empty one where there is nothing to choose, or too little memory.

    The fastest of many trials is partly luck, so the rule and the fastest take turns afterwards; the medians of these
    times count.
    """
    net = case.net()
    shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
    legal = choices_of(net, shapes, net.outputs, case.schedule, DEFAULT)[net.layers[-1].name]
    if len(legal) < 2:
        return []
    try:
        tried = {choice: _trial_ms(case, threads, seconds, images, choice) for choice in legal}
        best = sorted(tried, key=tried.__getitem__)[:FINALISTS]
        finalists = {choice: Alone(case, threads, images, choice) for choice in (RULE, *best)}
    except TooLargeError:
        return []
    times: dict[Choice, list[float]] = {choice: [] for choice in finalists}
    for _ in range(ROUNDS):
        for choice, alone in finalists.items():
            times[choice] += [layer.ms for layer in alone.times(seconds / ROUNDS)]
    found_images = finalists[RULE].images
    for alone in finalists.values():
        alone.close()
    medians = {choice: statistics.median(ms) / found_images for choice, ms in times.items()}
    winner = min(medians, key=medians.__getitem__)
    return [
        {
            "type": case.layer.type,
            "parameters": case.parameters,
            "bottoms": case.shapes,
            "nets": dict(case.used),
            "choices": len(legal),
            "best": str(winner),
            "rule_ms": medians[RULE],
            "best_ms": medians[winner],
        }
    ]


def _trial_ms(case: Case, threads: int, seconds: float, images: int | None, choice: Choice) -> float:
    alone = Alone(case, threads, images, choice)
    fastest = alone.times(TRIAL_SHARE * seconds)[0].ms
    alone.close()
    return fastest


def net_totals(results: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return net -> milliseconds an image in the layers that have choices, by the rule and by the best ones."""
    rule: Counter[str] = Counter()
    best: Counter[str] = Counter()
    for result in results:
        for name, uses in result["nets"].items():
            rule[name] += uses * result["rule_ms"]
            best[name] += uses * result["best_ms"]
    return {name: {"rule_ms": rule[name], "best_ms": best[name], "ratio": rule[name] / best[name]} for name in rule}
