"""Depthwise convolution of 8-bit integers in blocks of images: words of four channels, each with a filter of its own.

For a block of images, an output position and a word of channels::

    acc[k][v] = bias[k]                                    k < 4 channels, v < NV vectors of images, in s32
    for tap in taps(position):
        acc[k][v] += x[tap][v] . w[tap][k]                 four products in each lane, of which only the k-th is not 0
    y[k][v] = end(acc[k][v])                               `ending.py`

So a word need not be taken apart. Weights are packed ``[tap][channel]``, a word each.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from llvmlite import ir

from xdn.codegen.arithmetic import concatenated
from xdn.codegen.dots import DOTS
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, VOID, WORDS, Kind, emitted
from xdn.codegen.source import KernelBody
from xdn.codegen.target import Target
from xdn.codegen.words import WORD, WordBuilder
from xdn.element import S32, S64
from xdn.graph import Array
from xdn.kernels.contract.task import filters_of, used_elements
from xdn.kernels.contract.words.form import Form
from xdn.kernels.contract.words.lower import in_place
from xdn.kernels.core.aligned import aligned
from xdn.kernels.core.descriptor import Descriptor, Pointer, Size, Table
from xdn.kernels.core.epilogue import fused_reads
from xdn.kernels.core.family import Lowered, Lowering, Rows, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import Groups, group_elements
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.taps import TapLists, distinct, tap_lists
from xdn.kernels.depthwise.batch import depthwise_footprint
from xdn.kernels.depthwise.ending import (
    IntegerDepthwise,
    end_kinds,
    ending_words,
    integer_phases,
    store_group,
    takes_integers,
)
from xdn.layers.integer import integer_filters

#: Cycles of a vector of bytes of results, and of each of its taps.
_VECTOR_CYCLES, _TAP_CYCLES = 24.0, 5.0


class PositionRow(Descriptor):
    """An output position: x offset of its window, first tap, end of taps, offsets of y and residual, row of biases."""

    x, first, end, y, residual, bias = (Size() for _ in range(6))


class BatchIntegers(IntegerDepthwise):
    """What the kernel is told; see the module for the weights.

    tap_words
        Words of weights from one tap to the next.
    """

    positions, position_count = Table(PositionRow), Size()
    taps, tap_words = Pointer(S64), Size()


def _emit_word(irbuilder: ir.IRBuilder, target: Target, form: Form, args: Sequence[ir.Value]) -> None:
    """Emit all images of a word of channels of one position."""
    x, weights, taps, first, end, tap_words, bias, *ends = args
    b, vectors = WordBuilder(irbuilder, target), target.block_images // target.lanes
    dots = DOTS[target.dots](b)

    def one_tap(t: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        row = b.offset(taps, b.ir.mul(t, b.const(2)))
        tap_x, own = b.offset(x, b.scalar(row)), b.offset(weights, b.ir.mul(b.scalar(row, 1), tap_words))
        operands = [dots.operand(b.load_words(tap_x, v), form.x) for v in range(vectors)]
        result = []
        for k in range(WORD):
            weight = b.broadcast(b.scalar(own, k))
            for v, operand in enumerate(operands):
                # Where weights take several words all but this one are 0.
                meant = operand if dots.words == 1 else [operand[k % dots.words]]
                result.append(dots.multiply(acc[k * vectors + v], meant, [weight]))
        return result

    start = [b.broadcast(b.scalar(bias, k)) for k in range(WORD) for _ in range(vectors)]
    acc = b.loop(first, end, start, one_tap)
    groups = Groups.of(irbuilder, target, BATCH)
    sums = [concatenated(irbuilder, acc[k * vectors : (k + 1) * vectors]) for k in range(WORD)]
    store_group(form, groups, sums, ends)


def _body(lowering: Lowering, form: Form) -> KernelBody:
    """Return the loop nest around words, as Numba compiles it."""
    target, size = lowering.target, group_elements(lowering.target, BATCH)
    s32, x_kind = Kind(S32, "pointer"), Kind(form.x, "pointer")

    @emitted(VOID, x_kind, s32, WORDS, I64, I64, I64, s32, *end_kinds(form))
    def word(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit_word(irbuilder, target, form, args)

    def depthwise(d, frame):
        taps, tap_words, channels = d.taps, d.tap_words, d.channels
        residual_scale, inverse = d.residual_scale, d.inverse
        for block in range(frame.blocks):
            for p in range(d.position_count):
                position = d.positions[p]
                x, y = block * d.x_block + position.x, block * d.y_block + position.y
                residual = block * d.residual_block + position.residual
                bias = moved(d.bias, position.bias)
                for g in range(d.groups):
                    at, c = g * size, g * WORD
                    word(
                        at_element(frame, d.x, x + at),
                        moved(d.weights, c),
                        taps,
                        position.first,
                        position.end,
                        tap_words,
                        moved(bias, c),
                        moved(d.multipliers, c),
                        moved(d.coefficients, c),
                        at_element(frame, d.residual, residual + at),
                        at_element(frame, d.y, y + at),
                        residual_scale,
                        inverse,
                        channels - c - 1,
                    )

    return depthwise


def _packed(filters: Array, dots: str, channels: int) -> Array:
    """Return the words of weights of filters (taps, C) int8, for so many channels."""
    wide = np.zeros((len(filters), channels, WORD), np.int8)
    c = np.arange(filters.shape[1])
    wide[:, c, c % WORD] = filters
    c = np.arange(channels)
    return aligned(DOTS[dots].packed(wide)[:, c, c % DOTS[dots].words])


def _biases(bias: Array, filters: Array, lists: TapLists, added: int) -> tuple[Array, Array]:
    """Return what sums begin with, rows of (C,), and which of the rows each position has.

    What the processor adds to each x is taken off here, times the weights of the taps that meet data.
    """
    if not added:
        return bias[None], np.zeros(len(lists.positions), np.int64)
    spans, number = distinct(lists.positions[:, 1:3])
    sums = np.array([filters[lists.taps[first:end, 1]].sum(axis=0, dtype=np.int64) for first, end in spans])
    return (bias - added * sums).astype(np.int32), number


@family(
    "integers_depthwise",
    "Convolution",
    when=takes_integers,
    rank=1,
    quantized=True,
    fuses=True,
    footprint=depthwise_footprint,
    phases=partial(integer_phases, vector_cycles=_VECTOR_CYCLES, tap_cycles=_TAP_CYCLES),
)
def lower_depthwise(lowering: Lowering) -> Lowered:
    """Convolve the integers of each channel with its own filter."""
    layer, bottom, top, dots = lowering.layer, lowering.bottom(), lowering.top(), lowering.target.dots
    window = filters_of(layer).window_over(lowering.bottoms[0])
    lists = tap_lists(lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:], window)
    filters = integer_filters(layer.params, layer.weights, layer.integers[0])
    used = used_elements(filters.weight, lists.used)[:, 0].T
    padded = -(-top.channels // WORD) * WORD
    bias, number = _biases(filters.bias, used, lists, DOTS[dots].added(lowering.bottoms[0].element))
    positions, taps = lists.in_elements(bottom, top)
    residual = lowering.projected().position_elements if layer.residual else 0
    rows = np.column_stack([positions, np.arange(len(positions)) * residual, number * padded])
    words = BatchIntegers(
        **ending_words(lowering, filters, bias, padded),
        weights=_packed(used, dots, padded),
        positions=np.ascontiguousarray(rows),
        position_count=len(rows),
        taps=taps,
        tap_words=padded,
    )
    slots, count = {BatchIntegers.positions.slot: top.width * rows[0].nbytes}, BatchIntegers.position_count.slot
    step_rows = Rows(top.height, 1, slots, count, top.width, fused_reads(lowering, window), BatchIntegers.y.slot)
    form = Form.of(lowering)
    name = form.name(lowering.schedule, lowering.target, op="depthwise")
    source = kernel_source(name, partial(_body, lowering, form), form.declared(BatchIntegers))
    step = Step(source, words, lists.multiplications * top.channels, step_rows)
    return Lowered([step], in_place=in_place(lowering))
