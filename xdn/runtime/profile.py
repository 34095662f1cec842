"""Where a run's time went: each layer's time, arithmetic and bytes.

The workers' driver reads the processor's counter after each step of each chunk and adds the difference to a word of
its own, a step. Chunks are large against a reading of a counter, so a measured run is as fast as any other.
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

#: What stands in place of a layer's name for the conversions at the edges, and for the sum of all.
INPUT, OUTPUT, TOTAL = "(input)", "(output)", "(total)"


@dataclass(frozen=True)
class LayerProfile:
    """What one layer took in a run.

    Parameters
    ----------
    name, type : str
        The layer's; ``"(input)"`` or ``"(output)"`` and no type for a conversion between the caller's arrays and blobs.
    shapes : tuple of Shape
        The tops' shapes, of one image.
    kernels : tuple of str
        Names, in the order in which they run; none where the tops share the bottom's memory.
    ms : float
        Milliseconds of wall-clock time: the mean of the workers' sums over their chunks.
    predicted_ms : float
        What the machine's arithmetic, caches and memory let expect (`xdn/runtime/cpu/prediction.py`); 0 of a layer that
        is computed on whole batches.
    share : float
        Part of all layers' time, 0 to 1.
    macs : int
        Multiply-accumulates executed for one image. Padding is not multiplied; free lanes of the last block are,
        but do not count.
    gflops : float
        10**9 operations a second of all workers together, a multiply-accumulate counting as two.
    peak_percent : float
        `gflops` against the peak of as many threads; of a layer that multiplies 8-bit integers or bf16 against
        theirs, which the machine's figures have as so many times that of f32.
    bytes : int
        Bytes moved if no layer found in a cache what another left there, and each value was moved once::

            (bytes of the bottoms + bytes of the tops, of one block) * blocks + bytes of weights and tables * chunks

        A residual is a bottom; a worker reads the weights anew for each chunk. A conversion moves one blob and the
        caller's array.
    gbytes : float
        `bytes` in 10**9 a second.
    worker_ms : tuple of float
        Milliseconds of each worker, the sum over its chunks; none of a layer that is computed on whole batches.
    """

    name: str
    type: str
    shapes: tuple[Shape, ...]
    kernels: tuple[str, ...]
    ms: float
    predicted_ms: float
    share: float
    macs: int
    gflops: float
    peak_percent: float
    bytes: int
    gbytes: float
    worker_ms: tuple[float, ...] = ()


@dataclass(frozen=True)
class Profile:
    """What each layer took in one run.

    Parameters
    ----------
    images, workers : int
        Images of the run, and threads that took part.
    run_ms : float
        Wall-clock time of the whole run. What it exceeds the layers' sum by is waiting: for threads to start, and for
        the last worker to end.
    peak_gflops : float
        What as many threads reach in multiply-adds on registers alone.
    layers : tuple of LayerProfile
        In the order in which they run; first the inputs' conversion, last the outputs'.
    total : LayerProfile
        The sum of all.
    """

    images: int
    workers: int
    run_ms: float
    peak_gflops: float
    layers: tuple[LayerProfile, ...]
    total: LayerProfile

    @staticmethod
    def of(taken: "Taken", ns_per_tick: float, peak_gflops: float | None) -> "Profile":
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

        def profiled(row: Row) -> LayerProfile:
            """Return a row with what follows from its sums: share, macs an image, rates."""
            gflops, gbytes = (2e-6 * row.macs / row.ms, 1e-6 * row.bytes / row.ms) if row.ms else (0.0, 0.0)
            rates = (gflops, 100 * gflops / (peak * row.faster), row.bytes, gbytes)
            share = row.ms / ms if ms else 0.0
            return LayerProfile(
                row.name, row.type, row.shapes, row.kernels, row.ms, row.predicted_ms, share,
                row.macs // taken.images, *rates, row.worker_ms,
            )  # fmt: skip

        layers = tuple(map(profiled, rows))
        return Profile(taken.images, workers, 1e3 * taken.seconds, peak, layers, profiled(whole))


@dataclass(frozen=True)
class Row:
    """What a layer, or a conversion, took in a run; fields as of `LayerProfile`, `macs` those of all images.

    `faster` is how many times the peak of f32 that of the layer's arithmetic is.
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


def _rows(plan: Plan, run: Run, ns_per_tick: float) -> Iterator[Row]:
    """Return conversions and layers in the order of their steps."""
    worker_ms = 1e-6 * ns_per_tick * run.ticks
    first_output = len(plan.steps) - len(plan.outputs)
    edges = (*range(len(plan.inputs)), *range(first_output, len(plan.steps)))
    array_bytes = dict(zip(edges, run.array_bytes, strict=True))
    places = (
        *((INPUT, "", (blob,), step, step + 1) for step, blob in enumerate(plan.inputs)),
        *(
            (placed.layer.name, placed.layer.type, placed.layer.tops, placed.first, placed.end)
            for placed in plan.layers
        ),
        *((OUTPUT, "", (blob,), step, step + 1) for step, blob in enumerate(plan.outputs, first_output)),
    )
    predicted = predicted_ns(plan, run.images, len(run.ticks), run.members)
    for (name, kind, tops, first, end), ns in zip(places, predicted, strict=True):
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
