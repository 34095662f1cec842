"""3x3 convolution with stride 1 by Winograd's minimal filtering, where that takes less time than the direct sums.

Direct convolution multiplies 9 C values for a result, less at the border; F(4x4, 3x3) takes 36 / 16 C, F(2x2, 3x3) 4 C,
but both transform inputs and results. What remains of a tile that reaches over the border is computed and dropped, so
a map of 2x2 gains nothing.
"""

from collections.abc import Iterable
from math import ceil

import numpy as np

from xdn import settings
from xdn.codegen.target import core_cache_bytes
from xdn.kernels.contract.batch import batch_tiles, most_rows
from xdn.kernels.contract.task import spread
from xdn.kernels.core.choice import WINOGRADS, Choice
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.epilogue import coefficients, epilogue_parts
from xdn.kernels.core.family import Lowered, Lowering, Reach, Rows, Step, family, packed_weights, words
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import F32_BYTES, B, BlockLayout, aligned_bytes
from xdn.kernels.core.packing import packed_once
from xdn.kernels.core.tables import shared
from xdn.kernels.core.taps import count_taps
from xdn.kernels.winograd import batch_kernel as k
from xdn.kernels.winograd.transform import WINOGRAD, Winograd
from xdn.layers.window import Window

#: Cycles that the transforms of inputs and of outputs take for a channel of a tile and a vector of images, by m; most
#: go to rows that come from the second level of the cache and return there.
_TRANSFORM_CYCLES = {2: (70.0, 60.0), 4: (200.0, 160.0)}
#: Vectors that a processor multiplies and adds in a cycle, times the share of it that contractions reach.
_VECTORS_A_CYCLE = 2 * 0.88
#: How many times the direct sums must take it: below that, their smaller rounding error is worth more.
_LEAST_GAIN = 1.05


def _cycles(lowering: Lowering, algorithm: Winograd) -> float:
    """Return about how many cycles a vector of images takes."""
    c, top = lowering.bottom().channels, lowering.top()
    tiles = ceil(top.height / algorithm.outputs) * ceil(top.width / algorithm.outputs)
    of_input, of_output = _TRANSFORM_CYCLES[algorithm.outputs]
    products = algorithm.elements * c * top.channels / _VECTORS_A_CYCLE
    return tiles * (products + of_input * c + of_output * top.channels)


def _direct_cycles(lowering: Lowering) -> float:
    """Return about how many cycles the direct sums of a vector of images take."""
    sizes, places = lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:]
    taps = count_taps(sizes, places, lowering.layer.params.window(2))
    return taps * lowering.bottom().channels * lowering.top().channels / _VECTORS_A_CYCLE


def best_algorithm(lowering: Lowering) -> Winograd | None:
    """Return the algorithm that is chosen, else the one that should take the least time; None for the direct sums."""
    params = lowering.layer.params
    window = params.window_over(lowering.bottoms[0])
    fits = window == Window((3, 3), pad=window.pad) and params.group == 1 and lowering.layer.projection is None
    asked = lowering.choice.algorithm
    if not (fits and lowering.winograd) or (asked and asked not in WINOGRADS):
        return None
    if asked:
        return next(algorithm for m, algorithm in WINOGRAD.items() if asked == _name(m))
    best = min(WINOGRAD.values(), key=lambda algorithm: _cycles(lowering, algorithm))
    return best if _LEAST_GAIN * _cycles(lowering, best) < _direct_cycles(lowering) else None


def _name(outputs: int) -> str:
    """Return what a choice calls F(outputs x outputs, 3x3)."""
    return f"winograd{outputs}"


def winograd_choices(lowering: Lowering, tiles: Iterable[tuple[int, int]]) -> list[Choice]:
    """Return the choices of the algorithm that `best_algorithm` gives, with each register tile."""
    algorithm = best_algorithm(lowering)
    assert algorithm is not None
    return [Choice(_name(algorithm.outputs), tile) for tile in tiles]


def winograd_footprint(lowering: Lowering) -> Footprint:
    """Return what transformed filters take, which are made in f64, and the tables of places, 36 of 16 positions."""
    weights, positions = packed_weights(lowering), lowering.top().positions
    return Footprint(4 * weights.kept, 16 * weights.kept) + Footprint(32 * positions, 64 * positions)


@family(
    "winograd",
    "Convolution",
    when=lambda lowering: best_algorithm(lowering) is not None,
    rank=2,
    fuses=True,
    footprint=winograd_footprint,
    choices=lambda lowering: winograd_choices(lowering, batch_tiles(lowering.top().channels, lowering)),
)
def lower_winograd(lowering: Lowering) -> Lowered:
    """Transform tiles of the images, multiply, transform back: 36 products instead of 144 for 4x4 results."""
    algorithm = best_algorithm(lowering)
    assert algorithm is not None
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    sizes = spread(top.channels, most_rows(lowering))
    weights = pack_filters(layer.weights["weight"], algorithm, sizes)
    bias = np.ascontiguousarray(layer.weights.get("bias", np.zeros(top.channels)), np.float32)
    slopes = coefficients(layer, top.channels)
    zeros = aligned_bytes(bottom.position_elements * F32_BYTES, settings.ARENA_ALIGN_BYTES)
    inputs, outputs = tile_tables(lowering, algorithm)
    unit, scratch = _unit(lowering, algorithm)
    descriptor = {
        k.WEIGHTS: address(weights),
        k.BIAS: address(bias),
        k.COEFFICIENTS: address(slopes),
        k.ZEROS: address(zeros),
        k.INPUTS: address(inputs),
        k.OUTPUTS: address(outputs),
        k.TILE_COUNT: len(inputs),
        k.UNIT: unit,
        k.CHANNELS: bottom.channels,
        k.FILTERS: top.channels,
        k.X_BLOCK: bottom.block_elements,
        k.Y_BLOCK: top.block_elements,
        k.FULL_TILES: sizes.count(sizes[0]),
        k.SMALL_TILES: len(sizes) - sizes.count(sizes[0]),
        k.V_PLACE: _padded(bottom.channels) * B,
        k.M_PLACE: _padded(top.channels) * B,
    }
    step = Step(
        k.winograd(algorithm.outputs, sizes[0], epilogue_parts(layer), lowering.target),
        words(k.WORD_COUNT, descriptor),
        {k.X: layer.bottoms[0], k.Y: layer.tops[0]} | lowering.residual_at(k.RESIDUAL),
        (weights, bias, slopes, zeros, inputs, outputs),
        macs=len(inputs) * algorithm.elements * bottom.channels * top.channels,
        rows=_rows(lowering, algorithm, inputs[0].nbytes, outputs[0].nbytes),
        scratch=scratch,
    )
    return Lowered([step], in_place=lowering.over_residual())


def _padded(channels: int) -> int:
    """Return an odd number of rows: distances that are powers of two would all fall into one set of a cache."""
    return channels | 1


def _unit(lowering: Lowering, algorithm: Winograd) -> tuple[int, dict[int, int]]:
    """Return how many places are transformed at a time, so that V and M stay in the core's cache; their bytes."""
    rows = {k.V: _padded(lowering.bottom().channels), k.M: _padded(lowering.top().channels)}
    place_bytes = {slot: algorithm.elements * count * B * F32_BYTES for slot, count in rows.items()}
    unit = max(1, core_cache_bytes() // 2 // sum(place_bytes.values()))
    return unit, {slot: unit * size for slot, size in place_bytes.items()}


def _rows(lowering: Lowering, algorithm: Winograd, input_bytes: int, output_bytes: int) -> Rows:
    """Return how the step is run for some rows of tiles, whose rows in the tables have these sizes."""
    window, top = lowering.layer.params.window(2), lowering.top()
    columns = ceil(top.width / algorithm.outputs)
    reads = {k.X: Reach.of(window)} | dict.fromkeys(lowering.residual_at(k.RESIDUAL), Reach())
    tables = {k.INPUTS: columns * input_bytes, k.OUTPUTS: columns * output_bytes}
    return Rows(top.height, algorithm.outputs, tables, k.TILE_COUNT, columns, reads, k.Y)


@packed_once
def pack_filters(weight: np.ndarray, algorithm: Winograd, sizes: list[int]) -> np.ndarray:
    """Return (elements, C*K) transformed filters: for each register tile of `sizes` filters, (C, filters)."""
    made = algorithm.transformed(weight)
    starts = np.cumsum([0, *sizes])
    parts = [made[:, first : first + size].transpose(0, 2, 1) for first, size in zip(starts, sizes, strict=False)]
    return np.ascontiguousarray(np.concatenate([part.reshape(algorithm.elements, -1) for part in parts], axis=1))


def tile_tables(lowering: Lowering, algorithm: Winograd) -> tuple[np.ndarray, np.ndarray]:
    """Return (tiles, elements) places of inputs and (tiles, m*m) of results, in f32 of a block; -1: none."""
    return _tile_tables(lowering.bottom(), lowering.top(), lowering.layer.params.window(2).pad, algorithm)


@shared
def _tile_tables(
    bottom: BlockLayout, top: BlockLayout, pad: tuple[int, ...], algorithm: Winograd
) -> tuple[np.ndarray, np.ndarray]:
    pad_h, pad_w = pad
    m, size = algorithm.outputs, algorithm.inputs

    def places(layout: BlockLayout, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        inside = ((rows >= 0) & (rows < layout.height))[:, None] & ((columns >= 0) & (columns < layout.width))[None, :]
        place = (rows[:, None] * layout.width + columns[None, :]) * layout.position_elements
        return np.where(inside, place, -1).ravel()

    corners = [(p, q) for p in range(0, top.height, m) for q in range(0, top.width, m)]
    inputs = [places(bottom, p - pad_h + np.arange(size), q - pad_w + np.arange(size)) for p, q in corners]
    outputs = [places(top, p + np.arange(m), q + np.arange(m)) for p, q in corners]
    return np.array(inputs, np.int64), np.array(outputs, np.int64)
