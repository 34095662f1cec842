"""The three figures of a report's first screen: accuracy, time and size, before and after."""

from dataclasses import dataclass, replace

from xdn.evaluate.bars import Bar
from xdn.evaluate.evaluation import Evaluation
from xdn.graph.cost import Cost
from xdn.report.contest import waterfall
from xdn.report.documents import RunDocument
from xdn.report.page.blocks import Mark, shortened
from xdn.report.page.results import Results
from xdn.report.page.words import Words
from xdn.report.quantities import count, counted, duration, significant, size
from xdn.visible import visible


@dataclass(frozen=True)
class Figure:
    """A figure before and after.

    Parameters
    ----------
    title : str
    before, after : str
        `before` is empty where there is none.
    change : str
        How they differ.
    note : str
    mark : str
        Whether that is better or worse.
    known : bool
        Whether `after` is a figure.
    """

    title: str
    before: str
    after: str
    change: str = ""
    note: str = ""
    mark: Mark = ""
    known: bool = True


@dataclass(frozen=True)
class Moment:
    """What is known of a net before something was done, or after it; None stands for what is not."""

    percent: float | None = None
    seconds: float | None = None
    images: int = 0
    spread: float = 0.0
    bytes: int | None = None
    parameters: int | None = None
    macs: int | None = None
    top5: float | None = None


def headline(results: Results, words: Words) -> list[Figure]:
    """Return accuracy, time and size."""
    before, after = moments(results)
    return [_accuracy(before, after, words), _time(before, after, words), _size(before, after, words)]


def moments(results: Results) -> tuple[Moment | None, Moment]:
    """Return what was before, None where nothing tells, and what is after.

    It is the waterfall's first and last step; else the first and the last run; else what one run, or the optimizer,
    says of both.
    """
    for _, contest in results.contests:
        bars = waterfall(contest) or contest.bars
        return (_bar(bars[0]) if len(bars) > 1 else None), _bar(bars[-1])
    runs = [_run(run) for _, run in results.runs]
    if len(runs) > 1:
        return runs[0], runs[-1]
    return _within(results, runs[0] if runs else None)


def _within(results: Results, run: Moment | None) -> tuple[Moment | None, Moment]:
    """Return what a search within the only run, and the optimizer, say of before and after."""
    nothing = Moment()
    before, after = nothing, run or nothing
    for _, each in results.optimized:
        first = each.pruning.before if each.pruning else each.cost_before
        before, after = _costing(before, first), _costing(after, each.cost_after)
        shares = each.sensitivity and (each.sensitivity.f32, each.sensitivity.quantized)
        if shares and None not in shares:
            before, after = (
                replace(moment, percent=None if share is None else 100 * share)
                for moment, share in zip((before, after), shares, strict=True)
            )
    for _, found in results.runs[:1]:
        searched = found.tuning or found.operators
        if searched and after.seconds and searched.factor > 0:
            before = replace(before, seconds=after.seconds * searched.factor)
    return (None if before == nothing else before), after


def _bar(bar: Bar) -> Moment:
    return replace(
        _result(bar.result), seconds=bar.seconds, images=bar.images, spread=bar.spread, parameters=bar.parameters
    )


def _run(run: RunDocument) -> Moment:
    found = _result(run)
    return replace(_costing(found, run.cost), macs=found.macs) if run.cost else found


def _result(result: Evaluation) -> Moment:
    timed = result.contest
    return Moment(
        timed.percent, timed.contest_s, timed.images, timed.spread, macs=result.macs or None, top5=timed.top5_percent
    )


def _costing(moment: Moment, cost: Cost) -> Moment:
    return replace(moment, bytes=cost.weight_bytes, parameters=cost.parameters, macs=cost.macs)


def _accuracy(before: Moment | None, after: Moment, words: Words) -> Figure:
    if after.percent is None:
        return _unknown("accuracy", words)
    note = words("of_images", images=f"{after.images:,}") if after.images else ""
    if after.top5 is not None:
        note = words.joined(words("top5", percent=f"{after.top5:.2f}"), note)
    first = before.percent if before else None
    if first is None:
        return Figure(words("accuracy"), "", f"{after.percent:.2f} %", note=note)
    points = after.percent - first
    mark: Mark = "" if abs(points) < 0.005 else "better" if points > 0 else "worse"
    change = words("points", points=f"{points:+.2f}")
    return Figure(words("accuracy"), f"{first:.2f} %", f"{after.percent:.2f} %", change, note, mark)


def _time(before: Moment | None, after: Moment, words: Words) -> Figure:
    if after.seconds is None:
        return _unknown("time", words)
    note = words("of_images", images=f"{after.images:,}")
    if after.images:
        note = words.joined(note, words("per_second", rate=f"{after.images / after.seconds:,.0f}"))
    first = before.seconds if before else None
    if before is None or first is None:
        return Figure(words("time"), "", duration(after.seconds), note=note)
    # Of as many images as afterwards.
    first *= after.images / before.images if before.images else 1
    factor = first / after.seconds
    noisy = abs(factor - 1) <= max(before.spread, after.spread)
    mark: Mark = "" if noisy else "better" if factor > 1 else "worse"
    change = words("within_noise") if noisy else words("times_as_fast", factor=significant(factor))
    return Figure(words("time"), duration(first), duration(after.seconds), change, note, mark)


def _size(before: Moment | None, after: Moment, words: Words) -> Figure:
    note = words("macs_of", macs=count(after.macs)) if after.macs else ""
    for name, say in (("bytes", size), ("parameters", count)):
        first, last = getattr(before, name, None), getattr(after, name)
        if last is None:
            continue
        if name == "bytes" and after.parameters:
            note = words.joined(words("parameters_of", parameters=count(after.parameters)), note)
        said = say(last) if name == "bytes" else words("parameters_of", parameters=say(last))
        if not first:
            return Figure(words("size"), "", said, note=note)
        mark: Mark = "" if first == last else "better" if last < first else "worse"
        change = words("of_before", percent=f"{100 * last / first:.0f}")
        return Figure(words("size"), say(first), said, change, note, mark)
    return _unknown("size", words, note)


def _unknown(title: str, words: Words, note: str = "") -> Figure:
    return Figure(words(title), "", words("unknown"), note=note, known=False)


def subject(results: Results, words: Words) -> tuple[str, str]:
    """Return what a report is about: the net, or the first file; and data, machine and threads in one line."""
    tested: list[Evaluation] = [run for _, run in results.runs] or [c.bars[-1].result for _, c in results.contests]
    if not tested:
        names = ", ".join(name for name, _ in results.named)
        return shortened(names), ""
    last = tested[-1]
    hosts = [document.machine for _, document in results.named if document.machine]
    processor = (hosts[-1].processor or hosts[-1].cpu) if hosts else ""
    threads = counted(last.threads, "thread") if words.language == "en" else words("threads_of", number=last.threads)
    line = (last.data, processor, last.isa, threads, last.precision, last.engine)
    return shortened(last.net.replace("\\", "/").rpartition("/")[2]), visible(" · ".join(filter(None, line)))
