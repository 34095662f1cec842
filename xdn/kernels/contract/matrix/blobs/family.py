"""What the families of both schedules are alike in: which layers of integers or bf16 they take, how filters are cut."""

from collections.abc import Callable, Mapping
from typing import Any

from xdn.kernels.contract.matrix.blobs.rule import can_be_tiled, is_taken, tiled_choices, tiled_footprint, unflipped
from xdn.kernels.contract.matrix.pack import filter_tiles
from xdn.kernels.contract.words.lower import in_place, word_task
from xdn.kernels.contract.words.task import CONTRACTED, WordTask
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.layout import Schedule
from xdn.kernels.core.parts import PartsLayout
from xdn.kernels.core.work import Phase

#: (lowering, task, registers of filters of a tile, the first filter of each such tile) -> their step.
MakeStep = Callable[[Lowering, WordTask, int, list[int]], Step]


def _no_parts(lowering: Lowering) -> Mapping[str, PartsLayout]:
    return {}


def blob_families(
    schedule: Schedule,
    phase: Callable[[Lowering], Phase],
    parts: Callable[[Lowering], Mapping[str, PartsLayout]] = _no_parts,
) -> Callable[[MakeStep], MakeStep]:
    """Return a decorator that makes a function, which gives the step for tiles of one size, two families of a schedule.

    Parameters
    ----------
    schedule : Schedule
    phase : callable
        Lowering -> what its tiles take.
    parts : callable
        As `Family.parts`.
    """

    def when(lowering: Lowering) -> bool:
        return can_be_tiled(lowering) and is_taken(lowering, phase)

    def enter(step: MakeStep) -> MakeStep:
        def lower(lowering: Lowering) -> Lowered:
            lowering = unflipped(lowering)
            task = word_task(lowering)
            steps = [step(lowering, task, *tiles) for tiles in filter_tiles(task.filters).items()]
            return Lowered(steps, in_place=in_place(lowering))

        lower.__doc__ = step.__doc__
        options: dict[str, Any] = {"choices": tiled_choices, "footprint": tiled_footprint, "parts": parts}
        options |= {"rank": 4, "fuses": True, "schedules": (schedule,), "phases": lambda own: (phase(own),)}
        family(schedule.op("integer_tiles"), *CONTRACTED, when=when, quantized=True, **options)(lower)
        family(schedule.op("pair_tiles"), *CONTRACTED, when=when, bf16=True, **options)(lower)
        return step

    return enter
