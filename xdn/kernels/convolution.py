"""Convolution and InnerProduct as contractions: tables of tiles, positions and taps, packed weights."""

from dataclasses import dataclass

import numpy as np

from xdn.codegen.isa import core_cache_bytes
from xdn.kernels import contraction as k
from xdn.kernels.epilogue import coefficients, epilogue_parts
from xdn.kernels.family import Lowered, Lowering, Pointwise, Step, address, family, words
from xdn.kernels.layout import B
from xdn.kernels.taps import TapLists, tap_lists
from xdn.layers.window import Window



@dataclass(frozen=True)
class Contraction:
    """A contraction over tap lists, before it is cut into tiles.

    Parameters
    ----------
    weight : (K, C/G, R, S)
        Filters.
    bias : (K,) or None
    groups : int
    window : Window
        How the filters slide.
    """

    weight: np.ndarray
    bias: np.ndarray | None
    groups: int
    window: Window


def spread(rows: int, most: int) -> list[int]:
    """Return `rows` split into as few parts as `most` allows, as even as possible, larger parts first."""
    count = -(-rows // most)
    small, larger = divmod(rows, count)
    return [small + 1] * larger + [small] * (count - larger)


@family("contract", "Convolution", fuses=True)
def lower_convolution(lowering: Lowering) -> Lowered:
    """Contract taps and input channels; any kernel, stride, padding, dilation and group count."""
    layer = lowering.layer
    window = layer.params.window()
    task = Contraction(layer.weights["weight"], layer.weights.get("bias"), layer.params.group, window)
    return lower_contraction(lowering, task)


@family("contract_all", "InnerProduct", fuses=True)
def lower_inner_product(lowering: Lowering) -> Lowered:
    """Contract everything that an image has: one position, whose taps are the positions of the bottom."""
    layer, bottom = lowering.layer, lowering.bottom()
    if lowering.bottoms[0].axis(layer.params.axis) != 1:
        raise lowering.unsupported(f"the executor runs InnerProduct over axis 1, not axis {layer.params.axis}")
    weight = layer.weights["weight"]
    if layer.params.transpose:
        weight = weight.T
    weight = weight.reshape(-1, bottom.channels, bottom.height, bottom.width)
    window = Window((bottom.height, bottom.width))
    return lower_contraction(lowering, Contraction(weight, layer.weights.get("bias"), 1, window))


def lower_contraction(lowering: Lowering, task: Contraction) -> Lowered:
    """Return one step for each number of rows that the tiles have."""
    lists = tap_lists(lowering.bottom(), lowering.top(), task.window)
    filters = task.weight.shape[0] // task.groups
    sizes = spread(filters, lowering.isa.tile()[0])
    steps = []
    for rows in dict.fromkeys(sizes):
        starts = [sum(sizes[:i]) for i, size in enumerate(sizes) if size == rows]
        steps.append(_step(lowering, task, lists, rows, starts))
    layer = lowering.layer
    return Lowered(steps, in_place={layer.tops[0]: layer.residual} if layer.residual else {})


def _step(lowering: Lowering, task: Contraction, lists: TapLists, rows: int, starts: list[int]) -> Step:
    """Return the step for the tiles of `rows` filters that begin at `starts` in each group."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    filters, channels = task.weight.shape[0] // task.groups, task.weight.shape[1]
    firsts = [(g, g * filters + start) for g in range(task.groups) for start in starts]
    weights = pack_weights(task.weight, lists.used, [first for _, first in firsts], rows)
    per_tile = len(lists.used) * channels * rows
    tiles = np.array([(g * channels * B, i * per_tile, first) for i, (g, first) in enumerate(firsts)], np.int64)
    given = np.zeros(task.weight.shape[0]) if task.bias is None else task.bias
    bias = np.ascontiguousarray(given, np.float32)
    positions, taps = lists.in_elements(bottom, top)
    slopes = coefficients(layer, top.channels)
    blobs = {k.X: layer.bottoms[0], k.Y: layer.tops[0]}
    if layer.residual:
        blobs[k.RESIDUAL] = layer.residual
    pointwise = None
    if task.window == Window((1, 1)):
        pointwise = Pointwise(k.POSITIONS, k.POSITION_COUNT, positions[0].nbytes, len(positions))
    descriptor = {
        k.WEIGHTS: address(weights),
        k.BIAS: address(bias),
        k.TILES: address(tiles),
        k.TILE_COUNT: len(tiles),
        k.POSITIONS: address(positions),
        k.POSITION_COUNT: len(positions),
        k.TAPS: address(taps),
        k.CHANNELS: channels,
        k.X_BLOCK: bottom.block_elements,
        k.Y_BLOCK: top.block_elements,
        k.TILE_GROUP: _tile_group(len(tiles), weights.nbytes),
        k.COEFFICIENTS: address(slopes),
    }
    return Step(
        k.contraction(rows, epilogue_parts(layer), lowering.isa),
        words(k.WORD_COUNT, descriptor),
        blobs,
        (weights, bias, tiles, positions, taps, slopes),
        macs=lists.multiplications * channels * rows * len(tiles),
        pointwise=pointwise,
    )


def _tile_group(tiles: int, weight_bytes: int) -> int:
    """Return how many tiles' weights fill a quarter of the core's cache, one at least."""
    return max(1, min(tiles, tiles * (core_cache_bytes() // 4) // weight_bytes))


def pack_weights(weight: np.ndarray, used: np.ndarray, firsts: list[int], rows: int) -> np.ndarray:
    """Return (tiles, taps, C/G, rows): the filters first..first+rows of each tile at the used taps."""
    taps = weight[:, :, used[:, 0], used[:, 1]]  # (K, C/G, U)
    picked = np.stack([taps[first : first + rows] for first in firsts])
    return np.ascontiguousarray(picked.transpose(0, 3, 2, 1), np.float32)
