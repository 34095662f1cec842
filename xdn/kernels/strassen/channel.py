"""Pointwise convolution of one image by Strassen's algorithm."""

from xdn.element import REAL
from xdn.kernels.contract.channel import best_order, best_tile, direct_steps, tile_choices
from xdn.kernels.contract.task import contraction_task, require_range, spread
from xdn.kernels.contract.work import Depth, Sums
from xdn.kernels.core.choice import ORDERS, PANELS, STRASSEN, Choice
from xdn.kernels.core.epilogue import epilogue_parts
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.strassen.algorithm import strassen_footprint, takes
from xdn.kernels.strassen.channel_kernel import strassen
from xdn.kernels.strassen.halves import Unit, halves_of, halving, rest_steps
from xdn.kernels.strassen.products import pack_products
from xdn.kernels.strassen.work import strassen_phases

#: Pairs of positions that are computed at a time at least, so that weights, which may lie outside of the core's cache,
#: are read seldom.
_LEAST_PAIRS = 24
#: Pairs of a register tile at most: values of more may lie a power of two apart, in one set of the first cache.
_MOST_ROWS = 8


def _pairs(lowering: Lowering) -> int:
    """Return how many pairs of an image are computed at a time."""
    return min(halves_of(lowering).pairs, Unit.of(lowering, _LEAST_PAIRS).pairs)


def _tile_and_order(lowering: Lowering) -> tuple[tuple[int, int], str]:
    """Return the register tile, and the order of the loops."""
    halves, setting, choice, pairs = halves_of(lowering), lowering.setting, lowering.choice, _pairs(lowering)
    # The weights of a part: those of three products at most.
    bytes_of_pairs = pairs * Unit.of(lowering, _LEAST_PAIRS).pitch * REAL.bytes
    sums = Sums(lowering.target, (Depth(pairs, 3.0 * halves.half),), bytes_of_pairs)
    tile = choice.tile or best_tile(sums, halves.half_filters, 1, setting, _MOST_ROWS)
    panels = spread(halves.half_filters // lowering.target.lanes, tile[1])
    return tile, choice.order or best_order(sums, tile[0], panels, setting)


def _choices(lowering: Lowering) -> list[Choice]:
    """Return the choices of the algorithm: register tile, and order of the loops."""
    tiles = tile_choices(halves_of(lowering).half_filters, [_pairs(lowering)], lowering.target)
    return [Choice(STRASSEN, tile, order) for tile in tiles for order in ORDERS]


@family(
    "channel_strassen",
    "Convolution",
    when=takes,
    rank=2,
    fuses=True,
    schedules=(CHANNEL,),
    choices=_choices,
    footprint=strassen_footprint,
    phases=lambda lowering: strassen_phases(lowering, *_tile_and_order(lowering)),
)
def lower_strassen(lowering: Lowering) -> Lowered:
    """Multiply matrices of halves by 7 products instead of 8."""
    require_range(lowering)
    task, halves, target = contraction_task(lowering), halves_of(lowering), lowering.target
    unit, filters = Unit.of(lowering, _LEAST_PAIRS), halves.half_filters
    (rows, vectors), order = _tile_and_order(lowering)
    sizes = spread(filters // target.lanes, vectors)
    panels = [size * target.lanes for size in sizes]
    packed = pack_products(lowering.layer.weights["weight"], halves.half, panels, lowering.weights)
    own = {"kept": 2 * unit.pairs * filters, "rows": rows, "panels_inner": order == PANELS}
    words = halving(lowering, task, unit, packed, sizes, **own)
    source = strassen((rows, sizes[0]), epilogue_parts(lowering.layer), target, sizes[0] != sizes[-1])
    step = Step(source, words, halves.product_macs)
    return Lowered([step, *rest_steps(lowering, task, direct_steps)], in_place=lowering.over_residual())
