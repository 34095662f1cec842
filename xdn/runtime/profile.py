"""Where a run's time went: each layer's time, arithmetic and bytes.

The workers' driver reads the processor's counter after each step of each chunk and adds the difference to a word of
its own, a step. Chunks are large against a reading of a counter, so a measured run is as fast as any other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from xdn.graph.blob import Shape
from xdn.kernels.core.family import Step
from xdn.runtime.backend import Run
from xdn.runtime.cpu.plan import Plan

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
    share : float
        Part of all layers' time, 0 to 1.
    macs : int
        Multiply-accumulates executed for one image. Padding is not multiplied; free lanes of the last block are,
        but do not count.
    gflops : float
        10**9 operations a second of all workers together, a multiply-accumulate counting as two.
    peak_percent : float
        `gflops` against the peak of as many threads.
    bytes : int
        Bytes moved if no layer found in a cache what another left there, and each value was moved once::

            (bytes of the bottoms + bytes of the tops, of one block) * blocks + bytes of weights and tables * chunks

        A residual is a bottom; a worker reads the weights anew for each chunk. A conversion moves one blob and the
        caller's array.
    gbytes : float
        `bytes` in 10**9 a second.
    """

    name: str
    type: str
    shapes: tuple[Shape, ...]
    kernels: tuple[str, ...]
    ms: float
    share: float
    macs: int
    gflops: float
    peak_percent: float
    bytes: int
    gbytes: float


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
    def of(plan: Plan, run: Run, ns_per_tick: float, peak_gflops: float) -> "Profile":
        """Return the profile of a run.

        Parameters
        ----------
        plan : Plan
        run : Run
            Of a timed program of that plan.
        ns_per_tick : float
            Nanoseconds a tick of the processor's counter.
        peak_gflops : float
            The peak of as many threads as the run had workers.
        """
        workers = len(run.ticks)
        step_ms = 1e-6 * ns_per_tick / workers * run.ticks.sum(axis=0)
        total_ms = float(step_ms.sum())

        def profiled(row: _Row, ms: float) -> LayerProfile:
            gflops = 2e-6 * row.macs * run.images / ms if ms else 0.0
            gbytes = 1e-6 * row.bytes / ms if ms else 0.0
            share = ms / total_ms if total_ms else 0.0
            figures = (ms, share, row.macs, gflops, 100 * gflops / peak_gflops, row.bytes, gbytes)
            return LayerProfile(row.name, row.type, row.shapes, row.kernels, *figures)

        rows = list(_rows(plan, run))
        layers = tuple(profiled(row, float(step_ms[row.first : row.end].sum())) for row in rows)
        whole = _Row(TOTAL, "", (), (), 0, len(plan.steps), plan.macs, sum(row.bytes for row in rows))
        return Profile(run.images, workers, 1e3 * run.seconds, peak_gflops, layers, profiled(whole, total_ms))

    @staticmethod
    def joined(
        parts: Sequence["Profile | LayerProfile"], images: int, run_ms: float, machine: tuple[int, float]
    ) -> "Profile":
        """Return the profile of a run in parts: profiles of nets, whose batch may be another, and of single layers.

        Parameters
        ----------
        parts : sequence of Profile or LayerProfile
            In the order in which they ran; shares are theirs alone.
        images : int
        run_ms : float
        machine : (workers, peak_gflops)
        """
        workers, peak = machine
        layers = []
        for part in parts:
            if isinstance(part, Profile):
                layers += [replace(row, macs=row.macs * part.images // images) for row in part.layers]
            else:
                layers.append(part)
        ms, moved = sum(row.ms for row in layers), sum(row.bytes for row in layers)
        macs, operations = sum(row.macs for row in layers), sum(row.gflops * row.ms for row in layers)
        gflops, gbytes = (operations / ms, 1e-6 * moved / ms) if ms else (0.0, 0.0)
        total = LayerProfile(TOTAL, "", (), (), ms, 1.0, macs, gflops, 100 * gflops / peak, moved, gbytes)
        shared = tuple(replace(row, share=row.ms / ms if ms else 0.0) for row in layers)
        return Profile(images, workers, run_ms, peak, shared, total)


@dataclass(frozen=True)
class _Row:
    """What a plan says of a layer: `first` <= its steps' numbers < `end`."""

    name: str
    type: str
    shapes: tuple[Shape, ...]
    kernels: tuple[str, ...]
    first: int
    end: int
    macs: int
    bytes: int


def _rows(plan: Plan, run: Run) -> Iterator[_Row]:
    """Return conversions and layers in the order of their steps."""
    inputs = len(plan.inputs)
    for slot, blob in enumerate(plan.inputs):
        yield _row(plan, run, (INPUT, "", (blob,)), (slot, slot + 1), run.array_bytes[slot])
    for placed in plan.layers:
        layer = placed.layer
        yield _row(plan, run, (layer.name, layer.type, layer.tops), (placed.first, placed.end))
    first_output = len(plan.steps) - len(plan.outputs)
    for number, blob in enumerate(plan.outputs):
        step = first_output + number
        yield _row(plan, run, (OUTPUT, "", (blob,)), (step, step + 1), run.array_bytes[inputs + number])


def _row(
    plan: Plan, run: Run, names: tuple[str, str, tuple[str, ...]], numbers: tuple[int, int], array_bytes: int = 0
) -> _Row:
    """Return the row of the steps `numbers`; `names` holds name, type and the blobs whose shapes are shown."""
    name, kind, tops = names
    steps = plan.steps[slice(*numbers)]
    shapes = tuple(plan.blobs[top].shape[1:] for top in tops)
    kernels = tuple(dict.fromkeys(str(step.source.name) for step in steps))
    macs = sum(step.macs for step in steps)
    return _Row(name, kind, shapes, kernels, *numbers, macs, array_bytes + _bytes(plan, run, steps))


def _bytes(plan: Plan, run: Run, steps: tuple[Step, ...]) -> int:
    """Return the bytes that a layer's steps move between blobs, weights and registers; see `LayerProfile`."""
    # Several steps of a layer read the same bottom and write parts of the same top: each counts once.
    blobs = {(slot, blob) for step in steps for slot, blob in step.blobs.items()}
    block_bytes = sum(plan.layouts[blob].block_bytes for _, blob in blobs)
    weight_bytes = sum(step.weight_bytes for step in steps)
    return block_bytes * -(-run.images // plan.block_images) + weight_bytes * run.chunks
