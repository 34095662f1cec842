"""Which layers are contracted by the tile unit, and with how many products: decided by their shapes alone.

Both schedules must decide alike, for a net's results are the same bits in both. So a layer is taken where what one
schedule gains outweighs what the other may lose: an InnerProduct of one image fills one row of 16, and reads half as
many bytes of weights again.
"""

from dataclasses import dataclass
from math import ceil, prod
from typing import cast

from xdn.codegen.tiles import NUMBERS, ROWS
from xdn.element import BF16, REAL
from xdn.kernels.contract.matrix.pack import packed_bytes
from xdn.kernels.contract.matrix.parts import parts_needed, weight_parts
from xdn.kernels.contract.task import can_be_contracted, contraction_footprint, filters_of
from xdn.kernels.core.choice import BF16X3, BF16X6, FMA, TILED, Choice
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import BATCH, BlockLayout
from xdn.kernels.core.parts import steps_of
from xdn.kernels.core.taps import count_taps
from xdn.kernels.core.work import Phase, Weights
from xdn.layers.filters import Filters
from xdn.layers.window import Window

#: Multiply-adds of f32 by products of parts in the time of one by the vector unit, whole tiles given: what a Xeon with
#: AMX reaches (two cores, operands in the first cache).
_RATES = {BF16X6: 2.7, BF16X3: 5.5}
#: How many times as fast as direct sums Winograd's minimal filtering is, transforms included, on large maps: F(4x4) has
#: 4 times fewer multiplications.
_WINOGRAD = 2.0


@dataclass(frozen=True)
class Reading:
    """A blob that a layer contracts, how it lies, and the window that slides over it."""

    blob: str
    layout: BlockLayout
    window: Window

    @property
    def elements(self) -> int:
        """Elements of the window."""
        return prod(self.window.kernel)


def readings(lowering: Lowering) -> list[Reading]:
    """Return what a layer contracts: its bottom, and what a fused projection reads.

    The window of an InnerProduct is the whole map.
    """
    layer, bottom = lowering.layer, lowering.bottom()
    if layer.type == "InnerProduct":
        return [Reading(layer.bottoms[0], bottom, Window((bottom.height, bottom.width)))]
    found = [Reading(layer.bottoms[0], bottom, filters_of(layer).window_over(lowering.bottoms[0]))]
    if layer.projection is not None:
        window = cast(Filters, layer.projection).window_over(lowering.added[0])
        found.append(Reading(layer.bottoms[-1], lowering.projected(), window))
    return found


def places_of(lowering: Lowering) -> tuple[int, int]:
    """Return height and width of what a layer gives; of an InnerProduct one position."""
    top = lowering.top()
    return (1, 1) if lowering.layer.type == "InnerProduct" else (top.height, top.width)


def can_be_tiled(lowering: Lowering) -> bool:
    """Return whether the tile unit is there and may be used, and its kernels compute the layer.

    They slide over images, in one group.
    """
    if lowering.target.tiles is None or lowering.precision == FMA or not can_be_contracted(lowering):
        return False
    return slides_over_images(lowering) and getattr(lowering.layer.params, "group", 1) == 1


def slides_over_images(lowering: Lowering) -> bool:
    """Return whether all windows of a layer slide over images, and are not transposed."""
    return all(each.window.axes == 2 and not each.window.transposed for each in readings(lowering))


def tiled_algorithm(lowering: Lowering) -> str | None:
    """Return the algorithm of `TILED` that is chosen for the layer, else the one that should gain; None for neither."""
    usual = BF16X3 if lowering.precision == BF16X3 else BF16X6
    asked = lowering.choice.algorithm
    if asked is not None and asked not in TILED:
        return None
    if not can_be_tiled(lowering):
        return None
    if asked is not None:
        # Fewer products than the precision allows are not to be had.
        return asked if asked in (BF16X6, usual) else None
    return usual if _gains(lowering, usual) else None


def _gains(lowering: Lowering, algorithm: str) -> bool:
    """Return whether the gains of both schedules, multiplied, are more than what else could be gained."""
    read, (useful, batch, channel) = readings(lowering), multiplied(lowering)
    of_batch, of_channel = (_RATES[algorithm] * useful / max(1, filled) for filled in (batch, channel))
    if prod(places_of(lowering)) == 1:
        # All weights are read for each image, and their reading is what takes the time.
        of_channel = REAL.bytes / (parts_needed(algorithm) * BF16.bytes)
    window = read[0].window
    filtered = lowering.winograd and len(read) == 1 and window == Window((3, 3), pad=window.pad)
    return of_batch * of_channel > (_WINOGRAD**2 if filtered else 1.0)


def multiplied(lowering: Lowering) -> tuple[int, int, int]:
    """Return the multiply-adds of an image, and what tiles multiply for it in the batch and in the channel schedule."""
    places, filters = places_of(lowering), lowering.top().channels
    useful = batch = channel = 0
    for each in readings(lowering):
        taps = count_taps((each.layout.height, each.layout.width), places, each.window)
        useful += taps * each.layout.channels * filters
        filled = steps_of(each.layout.channels) * NUMBERS * ceil(filters / ROWS) * ROWS
        # Columns of tiles are images in the one schedule; rows are positions, with their padding, in the other.
        batch += taps * filled
        channel += ceil(prod(places) / ROWS) * ROWS * each.elements * filled
    return useful, batch, channel


def tiled_phases(lowering: Lowering) -> tuple[Phase]:
    """Return what the tiles take; the splitting of what they read is counted as reading it again."""
    algorithm, target, filters = algorithm_of(lowering), lowering.target, lowering.top().channels
    _, batch, channel = multiplied(lowering)
    macs = batch * target.block_images if lowering.schedule is BATCH else channel
    parts = weight_parts(algorithm, lowering.weights)
    packed = sum(packed_bytes(filters, r.layout.channels, r.elements, parts) for r in readings(lowering))
    cycles = macs / (_RATES[algorithm] * target.lanes * target.rates.multiplied)
    return (Phase(cycles, (lowering.read, lowering.read, lowering.written, Weights(packed))),)


def tiled_choices(lowering: Lowering) -> list[Choice]:
    """Return the choices of the tile unit's families: the algorithm that is taken."""
    return [Choice(tiled_algorithm(lowering))]


def tiled_footprint(lowering: Lowering) -> Footprint:
    """Return what the packed weights, which are made of f32 numbers in several steps, and the tables take."""
    parts, filters = weight_parts(algorithm_of(lowering), lowering.weights), lowering.top().channels
    read = readings(lowering)
    kept = sum(packed_bytes(filters, each.layout.channels, each.elements, parts) for each in read)
    return contraction_footprint(lowering) + Footprint(kept, 4 * kept)


def algorithm_of(lowering: Lowering) -> str:
    """Return the algorithm of a layer that a family has taken."""
    algorithm = tiled_algorithm(lowering)
    assert algorithm is not None
    return algorithm
