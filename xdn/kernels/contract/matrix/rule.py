"""Which layers are contracted by the tile unit, and with how many products: decided by their shapes alone.

Both schedules must decide alike, for a net's results are the same bits in both. So a layer is taken where what one
schedule gains outweighs what the other may lose: an InnerProduct of one image fills one row of 16, and reads half as
many bytes of weights again.
"""

from math import ceil

from xdn.codegen.tiles import NUMBERS, ROWS
from xdn.element import BF16, REAL
from xdn.kernels.contract.matrix.pack import packed_bytes
from xdn.kernels.contract.matrix.parts import parts_needed
from xdn.kernels.contract.task import can_be_contracted, contraction_footprint, filters_of
from xdn.kernels.core.choice import BF16X3, BF16X6, F32, FMA, TILED, Choice
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.taps import count_taps
from xdn.layers.window import Window

#: Multiply-adds of f32 by products of parts in the time of one by the vector unit, whole tiles given: what a Xeon with
#: AMX reaches (two cores, operands in the first cache).
_RATES = {BF16X6: 2.7, BF16X3: 5.5}
#: How many times as fast as direct sums Winograd's minimal filtering is, transforms included, on large maps: F(4x4) has
#: 4 times fewer multiplications.
_WINOGRAD = 2.0


def window_of(lowering: Lowering) -> Window:
    """Return the window of the layer's filters; that of an InnerProduct is the whole map."""
    if lowering.layer.type == "InnerProduct":
        return Window((lowering.bottom().height, lowering.bottom().width))
    return filters_of(lowering.layer).window_over(lowering.bottoms[0])


def can_be_tiled(lowering: Lowering) -> bool:
    """Return whether the tile unit is there and may be used, and its kernels compute the layer.

    They slide over images, in one group, with one source.
    """
    if lowering.target.tiles is None or lowering.precision == FMA or not can_be_contracted(lowering):
        return False
    if lowering.layer.type == "InnerProduct":
        return True
    window, layer = window_of(lowering), lowering.layer
    slides = window.axes == 2 and not window.transposed and filters_of(layer).group == 1
    return slides and layer.projection is None


def tiled_algorithm(lowering: Lowering) -> str | None:
    """Return the algorithm of `TILED` that is chosen for the layer, else the one that should gain; None for neither."""
    usual = BF16X6 if lowering.precision == F32 else BF16X3
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
    window, bottom, top = window_of(lowering), lowering.bottom(), lowering.top()
    places = (top.height, top.width) if lowering.layer.type != "InnerProduct" else (1, 1)
    taps = count_taps((bottom.height, bottom.width), places, window)
    positions, elements = places[0] * places[1], window.kernel[0] * window.kernel[1]
    channels = bottom.channels / (ceil(bottom.channels / NUMBERS) * NUMBERS)
    filters = top.channels / (ceil(top.channels / ROWS) * ROWS)
    rate = _RATES[algorithm] * channels * filters
    # Rows are the columns of tiles of filters in the one schedule, and positions, with padding, in the other.
    batch, channel = rate, rate * taps / (ceil(positions / ROWS) * ROWS * elements)
    if positions == 1:
        # All weights are read for each image, and their reading is what takes the time.
        channel = REAL.bytes / (parts_needed(algorithm) * BF16.bytes)
    other = _WINOGRAD if lowering.winograd and window == Window((3, 3), pad=window.pad) else 1.0
    return batch * channel > other**2


def tiled_choices(lowering: Lowering) -> list[Choice]:
    """Return the choices of the tile unit's families: the algorithm that is taken."""
    return [Choice(tiled_algorithm(lowering))]


def tiled_footprint(lowering: Lowering) -> Footprint:
    """Return what the packed weights, which are made of f32 numbers in several steps, and the tables take."""
    algorithm, window = tiled_algorithm(lowering), window_of(lowering)
    assert algorithm is not None
    top, channels = lowering.top(), lowering.bottom().channels
    kept = packed_bytes(top.channels, channels, window.kernel[0] * window.kernel[1], parts_needed(algorithm))
    return contraction_footprint(lowering) + Footprint(kept, 4 * kept)
