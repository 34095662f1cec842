"""Products of matrices on whole arrays, by the register tile of the channel schedule's contraction.

::

    for panel, tile:                                       a panel: NV vectors of columns; a tile: MR rows
        acc[r][v] = bias[v]
        for i in range(inputs):
            acc[r][v] += x[r][i] * w[i][v]                 one fused multiply-add
        y[r][v] = acc[r][v]

Rows are spread evenly over tiles: the first ones have MR rows, the others one less. Weights are packed
``[panel][inputs][NV vectors]``, columns filled up with zeros.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from llvmlite import ir

from xdn import settings
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import moved
from xdn.codegen.jit import I64, POINTER, VOID, emitted
from xdn.codegen.native import address
from xdn.codegen.source import KernelBody
from xdn.codegen.target import Target, host_target
from xdn.element import REAL, real
from xdn.graph import Array, Layer
from xdn.kernels.contract.channel_kernel import contract_positions
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.descriptor import Descriptor, Pointer, Size
from xdn.kernels.core.portion import portion
from xdn.kernels.whole.layers import WHOLE_LAYERS, call

#: Vectors of columns of a panel.
VECTORS = 4


class Product(Descriptor):
    """Rows of x times packed weights; the numbers of a row of y are those of all panels.

    large, tiles
        Tiles with as many rows as the kernel's, and all.
    """

    x, weights, bias, y = (Pointer() for _ in range(4))
    large, tiles, inputs, panels, y_pitch = (Size() for _ in range(5))


def spread_rows(rows: int, target: Target) -> tuple[int, int, int]:
    """Return (rows of a large tile, how many of these there are, tiles in all); the others have one row less.

    The sums of a tile, a panel's vectors and a scalar are in registers together.
    """
    tiles = -(-rows // max(1, (target.registers - VECTORS - 1) // VECTORS))
    large = -(-rows // tiles)
    return large, rows - tiles * (large - 1), tiles


def _tile_of(rows: int, target: Target) -> Any:
    """Return what computes a tile of so many rows."""

    @emitted(VOID, POINTER, POINTER, POINTER, POINTER, I64, I64)
    def tile(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        b = VectorBuilder(irbuilder, target)
        x, weights, bias, y, inputs, pitch = args
        acc = [b.load(bias, v) for v in range(VECTORS)] * rows
        each = [b.offset(x, b.ir.mul(inputs, b.const(r))) for r in range(rows)]
        for number, value in enumerate(contract_positions(b, each, weights, inputs, acc)):
            row, vector = divmod(number, VECTORS)
            b.store(value, b.offset(y, b.ir.mul(pitch, b.const(row))), vector)

    return tile


def _product(rows: int, target: Target) -> KernelBody:
    width, large, small = VECTORS * target.lanes, _tile_of(rows, target), _tile_of(max(1, rows - 1), target)

    def product(d, frame):
        inputs, tiles, pitch = d.inputs, d.tiles, d.y_pitch
        first, end = portion(frame, d.panels * tiles)
        for unit in range(first, end):
            panel = unit // tiles
            number = unit - panel * tiles
            row = number * (rows - 1) + min(number, d.large)
            x, y = moved(d.x, row * inputs), moved(d.y, row * pitch + panel * width)
            weights, bias = moved(d.weights, panel * inputs * width), moved(d.bias, panel * width)
            if number < d.large:
                large(x, weights, bias, y, inputs, pitch)
            else:
                small(x, weights, bias, y, inputs, pitch)

    return product


def packed(rows: Array, width: int) -> Array:
    """Return the rows of a weight (K, I), `width` of them a panel, as ``[panel][I][width]``; zeros fill the last."""
    count, inputs = rows.shape
    panels = -(-count // width)
    whole = np.zeros((panels * width, inputs), real)
    whole[:count] = rows
    return aligned_vectors(whole.reshape(panels, width, inputs).swapaxes(1, 2))


def room(*shape: int) -> Array:
    """Return an array of f32 that vectors may be stored to; what it holds is not known.

    Its memory is the heap's, which is used again without being zeroed: a run needs some megabytes, and soon the next.
    """
    align, count = settings.ARENA_ALIGN_BYTES, prod(shape)
    raw = np.empty(count + align // REAL.bytes, real)
    start = -address(raw) % align // REAL.bytes
    return raw[start : start + count].reshape(shape)


class Factor:
    """A weight (K, I) and a bias (K,), packed to be multiplied with rows."""

    def __init__(self, weight: Array, bias: Array | None):
        self.inputs, width = weight.shape[1], VECTORS * host_target().lanes
        self._panels = -(-len(weight) // width)
        #: Numbers of a row that `times` gives, K filled up.
        self.pitch = self._panels * width
        self.weights = packed(weight, width)
        self.bias = aligned_vectors(np.zeros(len(weight), real) if bias is None else bias, self.pitch)

    def times(self, x: Array) -> Array:
        """Return (M, pitch) for contiguous rows x (M, I)."""
        made = room(len(x), self.pitch)
        if len(x):
            target = host_target()
            rows, large, tiles = spread_rows(len(x), target)
            sizes = {
                "large": large,
                "tiles": tiles,
                "inputs": self.inputs,
                "panels": self._panels,
                "y_pitch": self.pitch,
            }
            words = Product(x=x, weights=self.weights, bias=self.bias, y=made, **sizes)
            call("product", lambda: _product(rows, target), words, tile=(rows, VECTORS), shared=True)
        return made


T = TypeVar("T")
_made: "WeakKeyDictionary[Layer, object]" = WeakKeyDictionary()


def made_once(layer: Layer, make: Callable[[], T]) -> T:
    """Return what was made of a layer's weights; it is kept as long as the layer."""
    if layer not in _made:
        _made[layer] = make()
    return _made[layer]  # type: ignore[return-value]


@WHOLE_LAYERS.register("InnerProduct")
def inner_product(layer: Layer, bottoms: Sequence[Array]) -> tuple[Array, ...]:
    """Multiply the rows before `axis`, such as all steps of sequences."""
    params, weights = layer.params, layer.weights
    factor = made_once(layer, lambda: Factor(params.filters(weights["weight"]), weights.get("bias")))
    x = np.ascontiguousarray(bottoms[0], real)
    kept = x.shape[: params.axis % x.ndim]  # type: ignore[attr-defined]
    top = factor.times(x.reshape(-1, factor.inputs))[:, : params.filter_count]
    return (np.ascontiguousarray(top).reshape(*kept, params.filter_count),)
