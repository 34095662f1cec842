"""Which layers of integers and of bf16 are contracted by the tile unit: where that should take less time otherwise.

Integers are the same bits either way, so each schedule decides for itself. Of bf16 both must decide alike: by shape, as
`xdn/kernels/contract/matrix/rule.py` does.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

from xdn.codegen.target import PLAIN
from xdn.codegen.tiles import ROW_BYTES, ROWS
from xdn.element import BF16, S8, U8
from xdn.kernels.contract.matrix.rule import multiplied, places_of, readings, slides_over_images
from xdn.kernels.contract.task import contraction_footprint
from xdn.kernels.contract.words.pairs import is_of_bf16
from xdn.kernels.contract.words.task import is_of_integers
from xdn.kernels.core.choice import BF16X1, DIRECT, FMA, INT8, Choice
from xdn.kernels.core.family import FAMILIES, Lowering
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.work import Moved, Phase, Weights, cycles_of

#: Multiply-adds of an element in the time of one of f32 by the vector unit, whole tiles given: what a Xeon with AMX
#: reaches (two cores, operands in the first cache).
_RATES = {U8: 34.0, S8: 34.0, BF16: 16.5}
#: Cycles in which 256 sums are loaded, become results and are stored.
_END = 45.0


def unflipped(lowering: Lowering) -> Lowering:
    """Return a lowering for a target whose products need no correction, as those of tiles do not."""
    return replace(lowering, target=replace(lowering.target, dots=PLAIN))


def can_be_tiled(lowering: Lowering) -> bool:
    """Return whether the tile unit multiplies what the layer reads, and its kernels compute it: in one group.

    With plain arithmetic (`FMA`) sums of bf16 are the same on all processors.
    """
    if getattr(lowering.layer.params, "group", 1) > 1:
        return False
    if lowering.layer.reads_bf16:
        able = lowering.target.tiles is not None and lowering.precision != FMA and is_of_bf16(lowering)
        return able and slides_over_images(lowering)
    able = lowering.target.tiles_integers and is_of_integers(lowering)
    return able and (lowering.schedule is BATCH or slides_over_images(lowering))


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
    target, rate = lowering.target, _RATES[lowering.bottoms[0].element]
    cycles = macs / (rate * target.lanes * target.rates.multiplied) + ends * _END
    return Phase(cycles, (lowering.read, lowering.written, *copied, Weights(packed_bytes)))


def is_taken(lowering: Lowering, phase: Callable[[Lowering], Phase]) -> bool:
    """Return whether tiles are chosen for a layer that they can compute, or nothing is and they should gain.

    `phase` is what they take.
    """
    asked, algorithm = lowering.choice.algorithm, _algorithm(lowering)
    if asked is not None:
        return asked == algorithm
    if algorithm == BF16X1:
        return _gains(lowering)
    rates, at = lowering.target.rates, lowering.setting
    dots = FAMILIES[lowering.schedule.op("integers")].phases(lowering)
    return cycles_of((phase(lowering),), rates, at) < cycles_of(dots, rates, at)


def _gains(lowering: Lowering) -> bool:
    """Return whether the gains of both schedules over dot products of bf16, multiplied, are more than nothing."""
    rates, (useful, batch, channel) = lowering.target.rates, multiplied(lowering)
    over_dots = _RATES[BF16] * rates.multiplied / (BF16.interleave * rates.products(BF16))
    of_batch, of_channel = (over_dots * useful / max(1, filled) for filled in (batch, channel))
    if prod(places_of(lowering)) == 1:
        # All weights are read for each image, and their reading is what takes the time.
        of_channel = useful / max(1, batch)
    return of_batch * of_channel > 1


def _algorithm(lowering: Lowering) -> str:
    return BF16X1 if lowering.layer.reads_bf16 else INT8


def tiled_choices(lowering: Lowering) -> list[Choice]:
    """Return the choice of the tile unit's families."""
    return [Choice(_algorithm(lowering))]


def dots_choices(lowering: Lowering) -> list[Choice]:
    """Return the choice of dot products, which has a name where tiles can be chosen."""
    return [Choice(DIRECT if can_be_tiled(lowering) else None)]


def tiled_footprint(lowering: Lowering) -> Footprint:
    """Return what packed filters, which are made of f32 numbers in several steps, and tables take."""
    filters = -(-lowering.top().channels // ROWS) * ROWS
    numbers = ROW_BYTES // lowering.bottoms[0].element.bytes
    lines = sum(each.elements * -(-each.layout.channels // numbers) for each in readings(lowering))
    kept = filters * lines * ROW_BYTES
    return contraction_footprint(lowering) + Footprint(kept, 4 * kept)
