"""What runs took, step by step, and the profile that is made of it.

The workers' driver reads the processor's counter after each step of each chunk, adds the difference to a word of its
own, a step, and notes when the step began and ended (`xdn/kernels/core/stopwatch.py`). Chunks are large against a
reading of a counter, so a measured run is as fast as any other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from xdn.codegen.rates import Rates
from xdn.element import REAL
from xdn.graph import Shape
from xdn.kernels.core.family import Step
from xdn.runtime.backend import Run
from xdn.runtime.cpu.plan import Plan
from xdn.runtime.cpu.prediction import predicted_ns
from xdn.runtime.peak import measured_peak
from xdn.runtime.profile import INPUT, OUTPUT, TOTAL, LayerProfile, Profile


@dataclass(frozen=True)
class Row:
    """What a layer, or a conversion, took in a run; fields as of `LayerProfile`, `macs` those of all images.

    `faster` is how many times the peak of f32 that of the layer's arithmetic is. `begin_s` is when a layer that is
    computed on whole arrays began, by `time.perf_counter`.
    """

    name: str
    type: str
    shapes: tuple[Shape, ...]
    kernels: tuple[str, ...]
    ms: float
    macs: int = 0
    bytes: int = 0
    predicted_ms: float = 0.0
    faster: float = 1.0
    worker_ms: tuple[float, ...] = ()
    begin_s: float = 0.0


class Place(NamedTuple):
    """Which steps of a plan a layer, or a conversion at its edges, is: from `first` to before `end`; and its tops."""

    name: str
    type: str
    tops: tuple[str, ...]
    first: int
    end: int


class Taken(NamedTuple):
    """What a run over some images took.

    Parameters
    ----------
    images : int
    seconds : float
        Wall-clock time.
    parts : tuple of (Plan, Run) or Row
        In the order in which they ran: nets, whose batch may be another, and layers that are computed on whole arrays.
    """

    images: int
    seconds: float
    parts: tuple[tuple[Plan, Run] | Row, ...]


def profiled(taken: Taken, ns_per_tick: float, peak_gflops: float | None) -> Profile:
    """Return the profile of a run.

    Parameters
    ----------
    taken : Taken
    ns_per_tick : float
        Nanoseconds a tick of the processor's counter.
    peak_gflops : float, optional
        Measured now, with as many threads as the run had at most, where None.
    """
    workers = max((len(part[1].ticks) for part in taken.parts if isinstance(part, tuple)), default=1)
    peak = measured_peak(workers) if peak_gflops is None else peak_gflops
    rows: list[Row] = []
    for part in taken.parts:
        rows += _rows(*part, ns_per_tick) if isinstance(part, tuple) else [part]
    figures = ("ms", "macs", "bytes", "predicted_ms")
    ms, *others = (sum(getattr(row, figure) for row in rows) for figure in figures)
    whole = Row(TOTAL, "", (), (), ms, *others)

    def told(row: Row) -> LayerProfile:
        """Return a row with what follows from its sums: share, macs an image, rates."""
        gflops, gbytes = (2e-6 * row.macs / row.ms, 1e-6 * row.bytes / row.ms) if row.ms else (0.0, 0.0)
        rates = (gflops, 100 * gflops / (peak * row.faster), row.bytes, gbytes)
        share = row.ms / ms if ms else 0.0
        return LayerProfile(
            row.name, row.type, row.shapes, row.kernels, row.ms, row.predicted_ms, share,
            row.macs // taken.images, *rates, row.worker_ms,
        )  # fmt: skip

    layers = tuple(map(told, rows))
    return Profile(taken.images, workers, 1e3 * taken.seconds, peak, layers, told(whole))


def places_of(plan: Plan) -> list[Place]:
    """Return conversions and layers in the order of their steps."""
    layers = (Place(each.layer.name, each.layer.type, each.layer.tops, each.first, each.end) for each in plan.layers)
    inputs, outputs = (
        [Place(name, "", (blob,), step, step + 1) for step, blob in enumerate(blobs, begin)]
        for name, blobs, begin in ((INPUT, plan.inputs, 0), (OUTPUT, plan.outputs, _first_output(plan)))
    )
    return [*inputs, *layers, *outputs]


def _first_output(plan: Plan) -> int:
    """Return the number of the first step that converts an output."""
    return len(plan.steps) - len(plan.outputs)


def _rows(plan: Plan, run: Run, ns_per_tick: float) -> Iterator[Row]:
    """Return what conversions and layers took, in the order of their steps."""
    worker_ms = 1e-6 * ns_per_tick * run.ticks
    edges = (*range(len(plan.inputs)), *range(_first_output(plan), len(plan.steps)))
    array_bytes = dict(zip(edges, run.array_bytes, strict=True))
    predicted = predicted_ns(plan, run.images, len(run.ticks), run.members)
    for (name, kind, tops, first, end), ns in zip(places_of(plan), predicted, strict=True):
        steps = plan.steps[first:end]
        shapes = tuple(plan.blobs[top].shape[1:] for top in tops)
        kernels = tuple(dict.fromkeys(str(step.source.name) for step in steps))
        macs = run.images * sum(step.macs for step in steps)
        moved = _bytes(plan, run, steps) + sum(array_bytes.get(step, 0) for step in range(first, end))
        faster = _times_faster(steps, plan.target.rates)
        own_ms = worker_ms[:, first:end].sum(axis=1)
        figures = macs, moved, 1e-6 * ns, faster, tuple(own_ms.tolist())
        yield Row(name, kind, shapes, kernels, float(own_ms.mean()), *figures)


def _times_faster(steps: tuple[Step, ...], rates: Rates) -> float:
    """Return how many times the multiply-adds of f32 the processor does of what the steps' kernels multiply."""
    names = [step.source.name for step in steps]
    weights = {name.weights for name in names if name.element != REAL} - {REAL}
    return max((each.interleave * rates.products(each) / rates.multiplied for each in weights), default=1.0)


def _bytes(plan: Plan, run: Run, steps: tuple[Step, ...]) -> int:
    """Return the bytes that a layer's steps move between blobs, weights and registers; see `LayerProfile`."""
    # Several steps of a layer read the same bottom and write parts of the same top: each counts once.
    blobs = {(slot, blob) for step in steps for slot, blob in step.blobs.items()}
    block_bytes = sum(plan.layouts[blob].block_bytes for _, blob in blobs)
    weight_bytes = sum(step.weight_bytes for step in steps)
    return block_bytes * -(-run.images // plan.block_images) + weight_bytes * run.chunks
