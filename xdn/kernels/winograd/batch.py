"""3x3 convolution with stride 1 of blocks of images by Winograd's minimal filtering."""

from math import ceil

import numpy as np

from xdn.element import REAL, S64, Element
from xdn.graph import Array
from xdn.kernels.contract.batch import batch_tiles, most_rows
from xdn.kernels.contract.task import filters_of, require_range, spread
from xdn.kernels.core.epilogue import epilogue_parts, fused_reads
from xdn.kernels.core.family import Lowered, Lowering, Rows, Step, family
from xdn.kernels.core.packing import packed_once
from xdn.kernels.core.work import Phase
from xdn.kernels.winograd.algorithm import best_algorithm, winograd_choices, winograd_footprint
from xdn.kernels.winograd.batch_kernel import winograd
from xdn.kernels.winograd.kernel import Filtering
from xdn.kernels.winograd.tiles import filtering, filtering_macs, unit_of
from xdn.kernels.winograd.transform import Winograd
from xdn.kernels.winograd.work import filtering_phases


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what the transforms and the products take."""
    algorithm = best_algorithm(lowering)
    assert algorithm is not None
    return filtering_phases(lowering, unit_of(lowering, algorithm), (most_rows(lowering), lowering.target.tile()[1]))


@family(
    "winograd",
    "Convolution",
    when=lambda lowering: best_algorithm(lowering) is not None,
    rank=2,
    fuses=True,
    footprint=winograd_footprint,
    choices=lambda lowering: winograd_choices(lowering, batch_tiles(lowering.top().channels, lowering)),
    phases=_phases,
)
def lower_winograd(lowering: Lowering) -> Lowered:
    """Transform tiles of the images, multiply, transform back: 36 products instead of 144 for 4x4 results."""
    require_range(lowering)
    algorithm = best_algorithm(lowering)
    assert algorithm is not None
    layer, top = lowering.layer, lowering.top()
    sizes = spread(top.channels, most_rows(lowering))
    weights = pack_filters(layer.weights["weight"], algorithm, sizes, lowering.weights)
    unit = unit_of(lowering, algorithm)
    words = filtering(lowering, unit, weights, sizes)
    source = winograd(algorithm.outputs, sizes[0], epilogue_parts(layer), lowering.target)
    step = Step(source, words, filtering_macs(lowering, algorithm), _rows(lowering, algorithm))
    return Lowered([step], in_place=lowering.over_residual())


def _rows(lowering: Lowering, algorithm: Winograd) -> Rows:
    """Return how the step is run for some rows of tiles."""
    top = lowering.top()
    columns = ceil(top.width / algorithm.outputs)
    offsets = {Filtering.inputs.slot: algorithm.elements, Filtering.outputs.slot: algorithm.outputs**2}
    tables = {slot: columns * count * S64.bytes for slot, count in offsets.items()}
    reads = fused_reads(lowering, filters_of(lowering.layer).window(2))
    count, y = Filtering.tile_count.slot, Filtering.y.slot
    return Rows(top.height, algorithm.outputs, tables, count, columns, reads, y)


@packed_once
def pack_filters(weight: Array, algorithm: Winograd, sizes: list[int], stored: Element = REAL) -> Array:
    """Return (elements, C*K) transformed filters: for each register tile of `sizes` filters, (C, filters)."""
    made = algorithm.transformed(stored.rounded(weight))
    starts = np.cumsum([0, *sizes])
    parts = [made[:, first : first + size].transpose(0, 2, 1) for first, size in zip(starts, sizes, strict=False)]
    return np.ascontiguousarray(np.concatenate([part.reshape(algorithm.elements, -1) for part in parts], axis=1))
