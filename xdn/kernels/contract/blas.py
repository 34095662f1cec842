"""Pointwise convolution and InnerProduct of one image by SciPy's BLAS: a matrix product between two passes over y.

::

    y[p][k]  = bias[k] (+ residual[p][k])                  for the thread's positions, or for its channels
    y[p][k] += sum over c of x[p][c] * w[c][k]             sgemm
    y[p][k]  = f(y[p][k], coefficient[k])                  epilogue "relu", "sigmoid", ...

It is there to be compared with: a layer is computed so only where a configuration says it, which the tuner makes where
this is faster on the machine at hand. The order of BLAS's sums is its own, so results differ in the last bits.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen.blas import add_product, sgemm_address
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, VOID, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target, target_named
from xdn.element import REAL, real
from xdn.graph import Array
from xdn.kernels.contract.task import Contraction, can_be_contracted, contraction_task, filters_of
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.choice import BLAS, Choice
from xdn.kernels.core.descriptor import Size
from xdn.kernels.core.epilogue import SUM, Fused, activation_of, epilogue_parts, fused_words
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.portion import portion
from xdn.layers.window import Window


class Product(Fused):
    """What a product of matrices is told; weights are packed ``[depth][C']``.

    rows, depth
        Of a block, each with `depth` values of x.
    x_pitch, y_pitch
        Elements from one row to the next.
    by_channels
        Not 0: threads share channels, not rows.
    sgemm
        Address of BLAS's function.
    """

    rows, depth, x_pitch, y_pitch, by_channels, sgemm = (Size() for _ in range(6))


def blas(epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel for an instruction set; `epilogue` as `epilogue_parts` gives it."""
    name = KernelName("channel_blas", target.name, epilogue)
    return kernel_source(name, lambda: _body(name), Product)


def _pass(name: KernelName, emit: Callable[[VectorBuilder, list[ir.Value], tuple[str, ...]], ir.Value]) -> Any:
    """Return the intrinsic that does something to each vector of some rows of y."""
    target = target_named(name.isa)

    @emitted(VOID, I64, I64, I64, POINTER, POINTER, POINTER)
    def rows_of_vectors(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        rows, vectors, pitch, *pointers = args
        b = VectorBuilder(irbuilder, target)

        def one_row(row: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            at_row = b.ir.mul(row, pitch)

            def one_vector(v: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
                at = b.ir.mul(v, b.const(target.lanes))
                y, added = (b.offset(pointer, b.ir.add(at_row, at)) for pointer in pointers[:2])
                b.store(emit(b, [y, added, b.offset(pointers[2], at)], name.epilogue), y)
                return carried

            return b.loop(b.const(0), vectors, carried, one_vector)

        b.loop(b.const(0), rows, [], one_row)

    return rows_of_vectors


def _emit_begin(b: VectorBuilder, pointers: list[ir.Value], epilogue: tuple[str, ...]) -> ir.Value:
    _, residual, bias = pointers
    return b.add(b.load(residual), b.load(bias)) if SUM in epilogue else b.load(bias)


def _emit_end(b: VectorBuilder, pointers: list[ir.Value], epilogue: tuple[str, ...]) -> ir.Value:
    y, _, coefficient = pointers
    activation = activation_of(epilogue)
    return activation.emit(b, b.load(y), b.load(coefficient)) if activation else b.load(y)


def _body(name: KernelName) -> KernelBody:
    lanes = target_named(name.isa).lanes
    begin, end, active = _pass(name, _emit_begin), _pass(name, _emit_end), activation_of(name.epilogue) is not None

    def multiply(d, frame):
        x_pitch, y_pitch, rows = d.x_pitch, d.y_pitch, d.rows * frame.blocks
        vectors = y_pitch // lanes
        first, last, vector, vector_end = 0, rows, 0, vectors
        if d.by_channels != 0:
            vector, vector_end = portion(frame, vectors)
        else:
            first, last = portion(frame, rows)
        vectors, rows = vector_end - vector, last - first
        if vectors == 0 or rows == 0:
            return
        channel = vector * lanes
        y_at = first * y_pitch + channel
        y, residual = at_element(frame, d.y, y_at), at_element(frame, d.residual, y_at)
        x, weights = at_element(frame, d.x, first * x_pitch), moved(d.weights, channel)
        begin(rows, vectors, y_pitch, y, residual, moved(d.bias, channel))
        columns = vectors * lanes
        add_product(d.sgemm, rows, columns, d.depth, x, x_pitch, weights, y_pitch, y, y_pitch)
        if active:
            end(rows, vectors, y_pitch, y, y, moved(d.coefficients, channel))

    return multiply


def _takes(lowering: Lowering) -> bool:
    """Return whether BLAS is asked for, and the layer is one matrix product."""
    layer = lowering.layer
    if lowering.choice.algorithm != BLAS or layer.projection is not None or lowering.weights != REAL:
        return False
    if layer.type == "InnerProduct":
        return can_be_contracted(lowering)
    params = filters_of(layer)
    window = params.window_over(lowering.bottoms[0])
    return window == Window((1,) * window.axes) and params.group == 1


@family(
    "channel_blas",
    "Convolution",
    "InnerProduct",
    when=_takes,
    rank=3,
    fuses=True,
    schedules=(CHANNEL,),
    scalars=True,
    choices=lambda lowering: [Choice(BLAS)],
)
def lower_blas(lowering: Lowering) -> Lowered:
    """Multiply matrices of positions and filters by SciPy's BLAS."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    task = contraction_task(lowering)
    weights, pitch = _matrix(lowering, task), top.position_elements
    words = Product(
        weights=weights,
        **fused_words(lowering, task.bias),
        rows=top.positions,
        depth=weights.size // pitch,
        x_pitch=bottom.block_elements // top.positions,
        y_pitch=pitch,
        by_channels=top.positions == 1,
        sgemm=sgemm_address(),
    )
    step = Step(blas(epilogue_parts(layer), lowering.target), words, macs=task.filter_macs * top.channels)
    return Lowered([step], in_place=lowering.over_residual())


def _matrix(lowering: Lowering, task: Contraction) -> Array:
    """Return (depth, C') weights, flat: for each value of x at a position, padding between them included."""
    (source,), layout = task.sources, lowering.bottom()
    filters, channels, *window = source.weight.shape
    made = np.zeros((*window, layout.position_elements, lowering.top().position_elements), real)
    made[..., :channels, :filters] = np.moveaxis(source.weight, (0, 1), (-1, -2))
    return aligned_vectors(made)
