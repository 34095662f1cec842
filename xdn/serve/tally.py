"""Statistics of versions, kept from one load to the next."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from xdn.serve.line import Ran, Waiting
from xdn.serve.messages import Duration, ModelStatistics


class Tally:
    """What each version has done."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], ModelStatistics] = {}

    def of(self, model: str, version: str) -> ModelStatistics:
        """Return the statistics of a version, to be added to."""
        key = model, version
        if key not in self._of:
            self._of[key] = ModelStatistics(model, version)
        return self._of[key]

    def selected(self, model: str, version: str) -> tuple[ModelStatistics, ...]:
        """Return the statistics of all versions, of a model's, or of one; "" stands for all."""
        found = (each for key, each in sorted(self._of.items()))
        return tuple(each for each in found if model in ("", each.name) and version in ("", each.version))

    def put(self, statistics: ModelStatistics) -> None:
        """Put statistics in place of those of their version."""
        self._of[statistics.name, statistics.version] = statistics


def summed(tallies: Iterable[Tally], model: str, version: str) -> tuple[ModelStatistics, ...]:
    """Return what versions have done by several tallies together; selected as by `Tally.selected`."""
    total = Tally()
    for tally in tallies:
        for each in tally.selected(model, version):
            total.put(_added(total.of(each.name, each.version), each))
    return total.selected("", "")


def _added(a: ModelStatistics, b: ModelStatistics) -> ModelStatistics:
    """Return what a version has done by two tallies."""
    return ModelStatistics(a.name, a.version, **{each.name: _sum(each.name, a, b) for each in fields(a)[2:]})


def _sum(name: str, a: ModelStatistics, b: ModelStatistics) -> Any:
    one, other = getattr(a, name), getattr(b, name)
    if isinstance(one, Duration):
        return Duration(one.count + other.count, one.ns + other.ns)
    return dict(Counter(one) + Counter(other)) if isinstance(one, dict) else one + other


def count_run(statistics: ModelStatistics, ran: Ran) -> None:
    """Take note of a run."""
    if ran.error is None:
        statistics.executions += 1
        statistics.inferences += ran.images
        statistics.batches[ran.images] = statistics.batches.get(ran.images, 0) + 1


def count_success(statistics: ModelStatistics, ran: Ran, waiting: Waiting, *, received_ns: int, now_ns: int) -> None:
    """Take note of a request that is answered, by when it was received and answered."""
    statistics.success.add(now_ns - received_ns)
    prepared_ns, join_ns = waiting.since_ns - received_ns, ran.joined_ns - ran.begun_ns
    statistics.queue.add(ran.begun_ns - waiting.since_ns)
    statistics.compute_input.add(prepared_ns + join_ns)
    statistics.compute_infer.add(ran.ended_ns - ran.joined_ns)
    statistics.compute_output.add(now_ns - ran.ended_ns)


def count_failure(statistics: ModelStatistics, error: BaseException, *, received_ns: int, now_ns: int) -> None:
    """Take note of a request that is not."""
    statistics.fail.add(now_ns - received_ns)
    name = type(error).__name__
    statistics.failures[name] = statistics.failures.get(name, 0) + 1
