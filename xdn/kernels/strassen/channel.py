"""Pointwise convolution of one image by Strassen's algorithm."""

from xdn.kernels.contract.channel import direct_steps, tile_choices
from xdn.kernels.contract.task import contraction_task, require_range, spread
from xdn.kernels.core.choice import ORDERS, PANELS, STRASSEN, Choice
from xdn.kernels.core.epilogue import epilogue_parts
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.strassen.algorithm import strassen_footprint, takes
from xdn.kernels.strassen.channel_kernel import strassen
from xdn.kernels.strassen.halves import halves_of, halving, rest_steps
from xdn.kernels.strassen.products import pack_products
from xdn.kernels.strassen.work import pairs_at_once, strassen_phases, tile_and_order, unit_of_pairs


def _choices(lowering: Lowering) -> list[Choice]:
    """Return the choices of the algorithm: register tile, and order of the loops."""
    tiles = tile_choices(halves_of(lowering).half_filters, [pairs_at_once(lowering)], lowering.target)
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
    phases=lambda lowering: strassen_phases(lowering, *tile_and_order(lowering)),
)
def lower_strassen(lowering: Lowering) -> Lowered:
    """Multiply matrices of halves by 7 products instead of 8."""
    require_range(lowering)
    task, halves, target = contraction_task(lowering), halves_of(lowering), lowering.target
    unit, filters = unit_of_pairs(lowering), halves.half_filters
    (rows, vectors), order = tile_and_order(lowering)
    sizes = spread(filters // target.lanes, vectors)
    panels = [size * target.lanes for size in sizes]
    packed = pack_products(lowering.layer.weights["weight"], halves.half, panels, lowering.weights)
    own = {"kept": 2 * unit.pairs * filters, "rows": rows, "panels_inner": order == PANELS}
    words = halving(lowering, task, unit, packed, sizes, **own)
    source = strassen((rows, sizes[0]), epilogue_parts(lowering.layer), target, sizes[0] != sizes[-1])
    step = Step(source, words, halves.product_macs)
    return Lowered([step, *rest_steps(lowering, task, direct_steps)], in_place=lowering.over_residual())
