"""What the layers of a plan should take, from what the machine's arithmetic, caches and memory give."""

from collections.abc import Iterator

from xdn.kernels.core.work import Phase, Setting, cycles_of
from xdn.kernels.move.images import conversion_phases
from xdn.runtime.cpu.plan import Plan


def predicted_ns(plan: Plan, images: int, threads: int, members: int) -> list[float]:
    """Return the nanoseconds of wall-clock time of the inputs' conversions, the layers, and the outputs' conversions.

    Parameters
    ----------
    plan : Plan
    images : int
    threads : int
        That run.
    members : int
        Threads that share an image.
    """
    rates, blocks = plan.target.rates, -(-images // plan.block_images)
    # Blocks that the thread with the most of them has.
    own = -(-blocks // max(1, threads // members))
    settings = dict(_settings(plan, own, threads, members))
    return [
        own * cycles_of(phases, rates, settings[step]) / rates.ghz if phases else 0.0 for step, phases in _parts(plan)
    ]


def _settings(plan: Plan, own: int, threads: int, members: int) -> Iterator[tuple[int, Setting]]:
    """Yield the number of each step and for which it runs."""
    for segment in plan.segments:
        for stretch in segment.stretches:
            band_bytes = plan.target.core_cache_bytes / 2 if stretch.calls else float("inf")
            at = Setting(threads, members, plan.weight_bytes, min(segment.blocks, own), band_bytes)
            yield from ((step, at) for step in range(stretch.first, stretch.end))


def _parts(plan: Plan) -> Iterator[tuple[int, tuple[Phase, ...]]]:
    """Yield the first step of conversions and layers, in order, and what they take."""
    first_output = len(plan.steps) - len(plan.outputs)
    for step, blob in enumerate(plan.inputs):
        (made,) = plan.steps[step].blobs.values()
        yield step, conversion_phases("load_planes" if made == blob else "quantize_planes", plan.layouts[made])
    for placed in plan.layers:
        yield placed.first, placed.phases
    for step, blob in enumerate(plan.outputs, first_output):
        yield step, conversion_phases("store_planes", plan.layouts[blob])
