"""From what the threads of a run noted to when each did what."""

from collections.abc import Callable, Iterator

from xdn.graph import Array
from xdn.kernels.core.stopwatch import Slice
from xdn.runtime.backend import Run
from xdn.runtime.cpu.plan import Plan
from xdn.runtime.taken import Row, Taken, places_of
from xdn.runtime.timeline import Interval, Timeline


def timeline(taken: Taken, ns_of: Callable[[Array], Array]) -> Timeline:
    """Return when each thread did what.

    Parameters
    ----------
    taken : Taken
    ns_of : callable
        Ticks of the processor's counter -> nanoseconds of `time.perf_counter_ns`.
    """
    found: list[Interval] = []
    for part in taken.parts:
        found += _of_steps(*part, ns_of) if isinstance(part, tuple) else [_of_whole(part, taken.images)]
    found.sort(key=lambda each: each.begin_us)
    begin = found[0].begin_us if found else 0.0
    runs = [part[1] for part in taken.parts if isinstance(part, tuple)]
    threads = max((len(run.ticks) for run in runs), default=1)
    moved = tuple(each._replace(begin_us=each.begin_us - begin) for each in found)
    return Timeline(threads, moved, sum(run.noted.lost for run in runs))


def _of_steps(plan: Plan, run: Run, ns_of: Callable[[Array], Array]) -> Iterator[Interval]:
    layers = {step: place for place in places_of(plan) for step in range(place.first, place.end)}
    kernels = [str(step.source.name) for step in plan.steps]
    for thread, slices in enumerate(run.noted.slices):
        begins, ends = (ns_of(slices[:, field.slot]) for field in (Slice.begin, Slice.end))
        for (step, first, images), begin, end in zip(slices[:, :3].tolist(), begins, ends, strict=True):
            place = layers[step]
            times = 1e-3 * float(begin), 1e-3 * float(end - begin)
            yield Interval(place.name, place.type, kernels[step], thread, first, images, *times)


def _of_whole(row: Row, images: int) -> Interval:
    return Interval(row.name, row.type, "", 0, 0, images, 1e6 * row.begin_s, 1e3 * row.ms)
