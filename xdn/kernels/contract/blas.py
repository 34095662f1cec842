"""Pointwise convolution and InnerProduct of one image by SciPy's BLAS: a matrix product between two passes over y.

::

    y[p][k]  = bias[k] (+ residual[p][k])                  for the thread's positions, or for its channels
    y[p][k] += sum over c of x[p][c] * w[c][k]             sgemm
    y[p][k]  = f(y[p][k], coefficient[k])                  epilogue "relu", "sigmoid", ...

It is there to be compared with: a layer is computed so only where a configuration says it, which the tuner makes where
this is faster on the machine at hand. The order of BLAS's sums is its own, so results differ in the last bits.
"""

from collections.abc import Callable

import numpy as np
from llvmlite import ir

from xdn.codegen.blas import add_product, sgemm_address
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.jit import F32_POINTER, I64, VOID, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target, target_named
from xdn.kernels.contract.task import Contraction, convolution_task, inner_product_task, takes_images
from xdn.kernels.core.choice import BLAS, Choice
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.epilogue import SUM, activation_of, coefficients, epilogue_parts
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, CHANNEL, F32_BYTES, aligned_vectors
from xdn.kernels.core.portion import portion
from xdn.layers.window import Window

#: WEIGHTS: [depth][C']. ROWS: of a block, each with DEPTH values of x. BY_CHANNELS: threads share channels, not rows.
X, Y, RESIDUAL, WEIGHTS, BIAS, COEFFICIENTS, ROWS, DEPTH, X_PITCH, Y_PITCH, BY_CHANNELS, SGEMM = range(12)
WORD_COUNT = 12


def blas(epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel for an instruction set; `epilogue` as `epilogue_parts` gives it."""
    name = KernelName("channel_blas", target.name, epilogue)
    return KernelSource(name, lambda: _body(name))


def _pass(name: KernelName, emit: Callable[[VectorBuilder, list[ir.Value], tuple[str, ...]], ir.Value]):
    """Return the intrinsic that does something to each vector of some rows of y."""
    target = target_named(name.isa)

    @emitted(VOID, I64, I64, I64, F32_POINTER, F32_POINTER, F32_POINTER)
    def rows_of_vectors(irbuilder, *args):
        rows, vectors, pitch, *pointers = args
        b = VectorBuilder(irbuilder, target)

        def one_row(row, carried):
            at_row = b.ir.mul(row, pitch)

            def one_vector(v, carried):
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

    def multiply(desc, frame):
        arena, x_pitch, y_pitch, rows = frame[ARENA], desc[X_PITCH], desc[Y_PITCH], desc[ROWS] * frame[BLOCKS]
        vectors = y_pitch // lanes
        first, last, channel, channel_end = 0, rows, 0, vectors
        if desc[BY_CHANNELS] != 0:
            channel, channel_end = portion(frame, vectors)
        else:
            first, last = portion(frame, rows)
        vectors, rows = channel_end - channel, last - first
        if vectors == 0 or rows == 0:
            return
        y_at, channel_at = (first * y_pitch + channel * lanes) * F32_BYTES, channel * lanes * F32_BYTES
        y, residual = f32_at(arena + desc[Y] + y_at), f32_at(arena + desc[RESIDUAL] + y_at)
        x, weights = f32_at(arena + desc[X] + first * x_pitch * F32_BYTES), f32_at(desc[WEIGHTS] + channel_at)
        begin(rows, vectors, y_pitch, y, residual, f32_at(desc[BIAS] + channel_at))
        columns = vectors * lanes
        add_product(desc[SGEMM], rows, columns, desc[DEPTH], x, x_pitch, weights, y_pitch, y, y_pitch)
        if active:
            end(rows, vectors, y_pitch, y, y, f32_at(desc[COEFFICIENTS] + channel_at))

    return multiply


def _takes(lowering: Lowering) -> bool:
    """Return whether BLAS is asked for, and the layer is one matrix product."""
    layer = lowering.layer
    if lowering.choice.algorithm != BLAS or layer.projection is not None:
        return False
    if layer.type == "InnerProduct":
        return takes_images(lowering)
    window = layer.params.window_over(lowering.bottoms[0])
    return window == Window((1,) * window.axes) and layer.params.group == 1


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
    task = inner_product_task(lowering) if layer.type == "InnerProduct" else convolution_task(lowering)
    weights, x_pitch, pitch = _matrix(lowering, task), bottom.block_elements // top.positions, top.position_elements
    bias, slopes = aligned_vectors(task.bias, pitch), aligned_vectors(coefficients(layer, top.channels), pitch)
    descriptor = {
        WEIGHTS: address(weights),
        BIAS: address(bias),
        COEFFICIENTS: address(slopes),
        ROWS: top.positions,
        DEPTH: weights.size // pitch,
        X_PITCH: x_pitch,
        Y_PITCH: pitch,
        BY_CHANNELS: top.positions == 1,
        SGEMM: sgemm_address(),
    }
    step = Step(
        blas(epilogue_parts(layer), lowering.target),
        words(WORD_COUNT, descriptor),
        {X: layer.bottoms[0], Y: layer.tops[0]} | lowering.residual_at(RESIDUAL),
        (weights, bias, slopes),
        macs=sum(source.lists.multiplications * source.channels for source in task.sources) * top.channels,
    )
    return Lowered([step], in_place=lowering.over_residual())


def _matrix(lowering: Lowering, task: Contraction) -> np.ndarray:
    """Return (depth, C') weights, flat: for each value of x at a position, padding between them included."""
    (source,), layout = task.sources, lowering.bottom()
    filters, channels, *window = source.weight.shape
    made = np.zeros((*window, layout.position_elements, lowering.top().position_elements), np.float32)
    made[..., :channels, :filters] = np.moveaxis(source.weight, (0, 1), (-1, -2))
    return aligned_vectors(made)
