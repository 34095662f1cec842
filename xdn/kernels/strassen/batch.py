"""Pointwise convolution of blocks of images by Strassen's algorithm."""

from xdn.kernels.contract.batch import batch_tiles, direct_steps, most_rows
from xdn.kernels.contract.task import contraction_task, require_range, spread
from xdn.kernels.core.choice import PANELS, STRASSEN, Choice
from xdn.kernels.core.epilogue import epilogue_parts
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.strassen.algorithm import strassen_footprint, takes
from xdn.kernels.strassen.batch_kernel import strassen
from xdn.kernels.strassen.halves import Unit, halves_of, halving, halving_rows, rest_steps
from xdn.kernels.strassen.products import pack_products
from xdn.kernels.strassen.work import strassen_phases


def _choices(lowering: Lowering) -> list[Choice]:
    """Return the choices of the algorithm: how many filters a register tile has."""
    return [Choice(STRASSEN, tile) for tile in batch_tiles(halves_of(lowering).half_filters, lowering)]


@family(
    "strassen",
    "Convolution",
    when=takes,
    rank=2,
    fuses=True,
    footprint=strassen_footprint,
    choices=_choices,
    phases=lambda lowering: strassen_phases(lowering, (most_rows(lowering), 0), PANELS),
)
def lower_strassen(lowering: Lowering) -> Lowered:
    """Multiply matrices of halves by 7 products instead of 8."""
    require_range(lowering)
    task, halves = contraction_task(lowering), halves_of(lowering)
    sizes = spread(halves.half_filters, most_rows(lowering))
    weights = pack_products(lowering.layer.weights["weight"], halves.half, sizes, lowering.weights)
    kept = 2 * sizes[0] * lowering.bottom().images
    words = halving(lowering, task, Unit.of(lowering), weights, sizes, kept=kept)
    source = strassen(sizes[0], epilogue_parts(lowering.layer), lowering.target, sizes[0] != sizes[-1])
    step = Step(source, words, halves.product_macs, halving_rows(lowering, task))
    return Lowered([step, *rest_steps(lowering, task, direct_steps)], in_place=lowering.over_residual())
