"""Which layers of integers are contracted by the tile unit: where that should take less time than dot products.

Results are the same bits either way, so each schedule decides for itself.
"""

from collections.abc import Sequence
from dataclasses import replace

from xdn.codegen.target import PLAIN
from xdn.codegen.tiles import ROW_BYTES, ROWS
from xdn.kernels.contract.matrix.rule import readings, slides_over_images
from xdn.kernels.contract.task import contraction_footprint
from xdn.kernels.contract.words.task import is_of_integers
from xdn.kernels.core.choice import DIRECT, INT8, Choice
from xdn.kernels.core.family import FAMILIES, Lowering
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.work import Moved, Phase, Weights, cycles_of

#: Multiply-adds of 8-bit numbers in the time of one of f32 by the vector unit, whole tiles given: what a Xeon with AMX
#: reaches (two cores, operands in the first cache).
_RATE = 34.0
#: Cycles in which 256 sums are loaded, become results and are stored.
_END = 45.0


def unflipped(lowering: Lowering) -> Lowering:
    """Return a lowering for a target whose products need no correction, as those of tiles do not."""
    return replace(lowering, target=replace(lowering.target, dots=PLAIN))


def can_be_tiled(lowering: Lowering) -> bool:
    """Return whether the tile unit multiplies integers, and its kernels compute the layer: in one group."""
    if not lowering.target.tiles_integers or not is_of_integers(lowering):
        return False
    one_group = getattr(lowering.layer.params, "group", 1) == 1
    return one_group and (lowering.schedule is BATCH or slides_over_images(lowering))


def phase_of(lowering: Lowering, macs: float, ends: float, packed_bytes: float, copied: Sequence[Moved] = ()) -> Phase:
    """Return what the tiles take.

    Parameters
    ----------
    lowering : Lowering
    macs, ends : float
        Multiply-adds of a block, and registers of sums, those of each source.
    packed_bytes : float
        Of all filters.
    copied : sequence of Moved
        What is moved before.
    """
    target = lowering.target
    cycles = macs / (_RATE * target.lanes * target.rates.multiplied) + ends * _END
    return Phase(cycles, (lowering.read, lowering.written, *copied, Weights(packed_bytes)))


def is_taken(lowering: Lowering, phase: Phase) -> bool:
    """Return whether tiles are chosen for the layer, or nothing is and they take less time than dot products."""
    asked = lowering.choice.algorithm
    if asked is not None:
        return asked == INT8
    rates, at = lowering.target.rates, lowering.setting
    dots = FAMILIES[lowering.schedule.op("integers")].phases(lowering)
    return cycles_of((phase,), rates, at) < cycles_of(dots, rates, at)


def tiled_choices(lowering: Lowering) -> list[Choice]:
    """Return the choice of the tile unit's families."""
    return [Choice(INT8)]


def dots_choices(lowering: Lowering) -> list[Choice]:
    """Return the choice of dot products, which has a name where tiles can be chosen."""
    return [Choice(DIRECT if can_be_tiled(lowering) else None)]


def tiled_footprint(lowering: Lowering) -> Footprint:
    """Return what packed filters, which are made of f32 numbers in several steps, and tables take."""
    filters = -(-lowering.top().channels // ROWS) * ROWS
    lines = sum(each.elements * -(-each.layout.channels // ROW_BYTES) for each in readings(lowering))
    kept = filters * lines * ROW_BYTES
    return contraction_footprint(lowering) + Footprint(kept, 4 * kept)
