"""What the families of both schedules are alike in: which layers they take, and how filters are cut into tiles."""

from collections.abc import Callable, Mapping

from xdn.kernels.contract.matrix.pack import filter_tiles
from xdn.kernels.contract.matrix.rule import tiled_algorithm, tiled_choices, tiled_footprint, tiled_phases
from xdn.kernels.contract.task import Contraction, contraction_task, require_range
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.layout import Schedule
from xdn.kernels.core.parts import PartsLayout

#: (lowering, task, registers of filters of a tile, the first filter of each such tile) -> their step.
MakeStep = Callable[[Lowering, Contraction, int, list[int]], Step]


def tiled_family(
    name: str, schedule: Schedule, parts: Callable[[Lowering], Mapping[str, PartsLayout]]
) -> Callable[[MakeStep], MakeStep]:
    """Return a decorator that makes a function, which gives the step for tiles of one size, a family of a schedule.

    Parameters
    ----------
    name : str
    schedule : Schedule
    parts : callable
        As `Family.parts`.
    """

    def enter(step: MakeStep) -> MakeStep:
        def lower(lowering: Lowering) -> Lowered:
            require_range(lowering)
            task = contraction_task(lowering)
            steps = [step(lowering, task, *tiles) for tiles in filter_tiles(task.filters).items()]
            return Lowered(steps, in_place=lowering.over_residual())

        lower.__doc__ = step.__doc__
        family(
            name,
            "Convolution",
            "InnerProduct",
            when=lambda lowering: tiled_algorithm(lowering) is not None,
            rank=4,
            fuses=True,
            schedules=(schedule,),
            choices=tiled_choices,
            footprint=tiled_footprint,
            phases=tiled_phases,
            parts=parts,
        )(lower)
        return step

    return enter
