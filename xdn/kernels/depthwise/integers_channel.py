"""Depthwise convolution of 8-bit integers of one image: vectors of channels, four taps at a time.

For an output position and a vector of bytes, a channel each::

    acc[i] = bias[i]                                       i < 4 vectors of s32
    for four taps of the window:
        words[i] = the bytes that the taps have of a channel, side by side, from x[tap] of all four
        acc[i] += words[i] . w[taps][i]                    four products in each lane
    y = end(acc)                                           `ending.py`

Where a tap lies over the border it reads zeros, and so do those that fill up the last four. Bytes are laid side by side
within 16 of them, as processors do: of each 16 channels acc[i] has four. Weights are packed in this order,
``[vector][four taps][i][lane]``. Where tops are integers, and no residual is added, so are all coefficients, and bytes
go back to their places as they are stored; elsewhere sums are put into the order of channels before their end.
"""

from collections.abc import Sequence
from functools import partial, reduce

import numpy as np
from llvmlite import ir

from xdn.codegen.arithmetic import I32, concatenated
from xdn.codegen.dots import DOTS
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, VOID, WORDS, Kind, emitted
from xdn.codegen.source import KernelBody
from xdn.codegen.target import Target
from xdn.codegen.words import WORD, WordBuilder
from xdn.element import REAL, S32, S64, U8
from xdn.graph import Array
from xdn.kernels.contract.task import filters_of, used_elements
from xdn.kernels.contract.words.form import Form
from xdn.kernels.contract.words.lower import in_place
from xdn.kernels.core.aligned import aligned, aligned_bytes
from xdn.kernels.core.descriptor import Descriptor, Pointer, Size, Table
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import Groups
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.portion import portion
from xdn.kernels.core.taps import TapLists, distinct, tap_lists
from xdn.kernels.depthwise.batch import depthwise_footprint
from xdn.kernels.depthwise.ending import (
    IntegerDepthwise,
    end_kinds,
    ending_words,
    group_integers,
    integer_phases,
    store_group,
    takes_integers,
)
from xdn.layers.integer import integer_filters

#: Cycles of a vector of bytes of results, and of each of its taps.
_VECTOR_CYCLES, _TAP_CYCLES = 30.0, 3.0
#: The offset of a tap that lies over the border.
_OUTSIDE = -(1 << 62)
#: Bytes within which processors lay bytes side by side.
_LANE_BYTES = 16


class PositionRow(Descriptor):
    """An output position: x offset of its window, the first of its taps' offsets, offsets of y and residual."""

    x, first, y, residual = (Size() for _ in range(4))


class ChannelIntegers(IntegerDepthwise):
    """What the kernel is told; see the module for the weights.

    taps, fours
        Offsets from the window's first element, `_OUTSIDE` over the border; fours of them that a window has.
    zeros
        A vector of them.
    vectors, vector_words
        Vectors of bytes of a position; words of weights from one to the next.
    """

    positions, position_count = Table(PositionRow), Size()
    taps, fours = Pointer(S64), Size()
    zeros = Pointer(U8)
    vectors, vector_words = Size(), Size()


def _side_by_side(b: WordBuilder, pair: Sequence[ir.Value], size: int, high: bool) -> ir.Value:
    """Return numbers of so many bytes of two vectors in turn, of the lower or the higher half of each `_LANE_BYTES`."""
    count, lane = b.target.vector_bytes // size, _LANE_BYTES // size
    kind, first = ir.VectorType(ir.IntType(8 * size), count), lane // 2 if high else 0
    mask = [at + first + k // 2 + k % 2 * count for at in range(0, count, lane) for k in range(lane)]
    one, other = (b.ir.bitcast(each, kind) for each in pair)
    return b.ir.shuffle_vector(one, other, ir.Constant(ir.VectorType(I32, count), mask))


def _words(b: WordBuilder, taps: Sequence[ir.Value]) -> list[ir.Value]:
    """Return the bytes of four vectors, side by side in four vectors of words."""
    pairs = [[_side_by_side(b, taps[at : at + 2], 1, high) for high in (False, True)] for at in (0, 2)]
    words = [_side_by_side(b, pair, 2, high) for pair in zip(*pairs, strict=True) for high in (False, True)]
    return [b.ir.bitcast(each, ir.VectorType(I32, b.target.lanes)) for each in words]


def _order(target: Target) -> list[int]:
    """Return for each channel of a vector of bytes where its word is among those of `_words`, one vector after another.

    Of each `_LANE_BYTES` channels vector i has the words of four, from 4 * i on.
    """
    lane, within = np.divmod(np.arange(target.vector_bytes), _LANE_BYTES)
    return [int(place) for place in within // WORD * target.lanes + lane * WORD + within % WORD]


def _in_order(b: WordBuilder, sums: Sequence[ir.Value]) -> list[ir.Value]:
    """Return sums in the order of channels."""
    lanes, order, whole = b.target.lanes, _order(b.target), concatenated(b.ir, sums)
    parts = [order[at : at + lanes] for at in range(0, len(order), lanes)]
    return [b.ir.shuffle_vector(whole, whole, ir.Constant(ir.VectorType(I32, lanes), part)) for part in parts]


def _bytes_in_order(b: WordBuilder, integers: Sequence[ir.Value]) -> ir.Value:
    """Return the last bytes of the four vectors in the order of channels, as words."""
    size = b.target.vector_bytes
    kind, places = ir.VectorType(ir.IntType(8), size), np.arange(size)
    lane, number, channel = places // _LANE_BYTES * _LANE_BYTES, places % _LANE_BYTES // WORD, places % WORD
    zero, found = ir.Constant(kind, [0] * size), []
    for i, value in enumerate(integers):
        # The channels of vector i are a word of each lane; other words are zeros, of the second operand.
        mask = [int(at) for at in np.where(number == i, lane + WORD * channel, size)]
        taken = b.ir.shuffle_vector(b.ir.bitcast(value, kind), zero, ir.Constant(ir.VectorType(I32, size), mask))
        found.append(b.ir.bitcast(taken, value.type))
    return reduce(b.ir.or_, found)


def _keeps_order(form: Form) -> bool:
    """Return whether coefficients lie in the order of sums, and these are put in that of channels as bytes."""
    return form.top != REAL and form.residual is None


def _emit_vector(irbuilder: ir.IRBuilder, target: Target, form: Form, args: Sequence[ir.Value]) -> None:
    """Emit all channels of a vector of bytes of one position."""
    x, zeros, taps, fours, weights, bias, *blobs, residual_scale, inverse, left = args
    groups = Groups.of(irbuilder, target, CHANNEL)
    b, lanes = groups.b, target.lanes
    dots = DOTS[target.dots](b)
    bytes_at = ir.IntType(8).as_pointer()
    weights, start = b.ir.bitcast(weights, bytes_at), b.ir.bitcast(bias, bytes_at)
    four_bytes = WORD * dots.words * target.vector_bytes

    def one_tap(number: ir.Value) -> ir.Value:
        offset = b.scalar(taps, number)
        outside = b.ir.icmp_signed("==", offset, b.const(_OUTSIDE))
        return b.load_words(b.ir.select(outside, zeros, b.offset(x, offset)))

    def one_four(f: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        own = b.offset(weights, b.ir.mul(f, b.const(four_bytes)))
        first = b.ir.mul(f, b.const(WORD))
        words = _words(b, [one_tap(b.ir.add(first, b.const(k))) for k in range(WORD)])
        result = []
        for i, word in enumerate(words):
            factors = [b.load_words(own, i * dots.words + number) for number in range(dots.words)]
            result.append(dots.multiply(acc[i], dots.operand(word, form.x), factors))
        return result

    acc = b.loop(b.const(0), fours, [b.load_words(start, i) for i in range(WORD)], one_four)
    if _keeps_order(form):
        multipliers, at, residual, y = blobs
        more = (residual, y, residual_scale, inverse, left)
        ends = [(b.offset(multipliers, i * lanes), b.offset(at, i * lanes), *more) for i in range(WORD)]
        integers = [group_integers(form, groups, [total], each)[0] for total, each in zip(acc, ends, strict=True)]
        b.store_words(_bytes_in_order(b, integers), y)
        return
    for n, total in enumerate(_in_order(b, acc)):
        # f32 has no more groups than channels ask for.
        with b.ir.if_then(b.ir.icmp_signed("<", b.const(n), left)):
            own = [b.offset(pointer, n * lanes) for pointer in blobs]
            store_group(form, groups, [total], [*own, residual_scale, inverse, left])


def _body(lowering: Lowering, form: Form) -> KernelBody:
    """Return the loop nest around vectors, as Numba compiles it."""
    target = lowering.target
    vector_bytes, s32, x_kind = target.vector_bytes, Kind(S32, "pointer"), Kind(form.x, "pointer")

    @emitted(VOID, x_kind, Kind(U8, "pointer"), WORDS, I64, s32, s32, *end_kinds(form))
    def vector(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit_vector(irbuilder, target, form, args)

    def depthwise(d, frame):
        fours, groups, vector_words = d.fours, d.groups, d.vector_words
        residual_scale, inverse = d.residual_scale, d.inverse
        begin, end = portion(frame, d.position_count)
        for block in range(frame.blocks):
            for p in range(begin, end):
                position = d.positions[p]
                x, y = block * d.x_block + position.x, block * d.y_block + position.y
                residual = block * d.residual_block + position.residual
                taps = moved(d.taps, position.first)
                for v in range(d.vectors):
                    c = v * vector_bytes
                    vector(
                        at_element(frame, d.x, x + c),
                        d.zeros,
                        taps,
                        fours,
                        moved(d.weights, v * vector_words),
                        moved(d.bias, c),
                        moved(d.multipliers, c),
                        moved(d.coefficients, c),
                        at_element(frame, d.residual, residual + c),
                        at_element(frame, d.y, y + c),
                        residual_scale,
                        inverse,
                        groups - v * WORD,
                    )

    return depthwise


def _as_summed(values: Array, target: Target) -> Array:
    """Return one number for each channel in the order of sums."""
    found = np.empty_like(values).reshape(-1, target.vector_bytes)
    found[:, _order(target)] = values.reshape(found.shape)
    return aligned(found)


def _packed(filters: Array, target: Target, channels: int) -> Array:
    """Return the weights of filters (taps, C) int8 in the order of the kernel, for so many channels."""
    fours, size, dots = -(-len(filters) // WORD), target.vector_bytes, DOTS[target.dots]
    wide = np.zeros((fours * WORD, channels), np.int8)
    wide[: len(filters), : filters.shape[1]] = filters
    vectors = wide.reshape(fours, WORD, channels // size, size).transpose(2, 0, 3, 1)
    words = np.empty_like(vectors)
    words[:, :, _order(target)] = vectors
    packed = dots.packed(words).reshape(channels // size, fours, WORD, target.lanes, dots.words)
    return aligned(packed.swapaxes(3, 4))


def _taps(lists: TapLists, pitch: int) -> tuple[Array, Array]:
    """Return the offsets of all taps for each list of those that meet data, and which list each position has."""
    spans, number = distinct(lists.positions[:, 1:3])
    offsets = np.full((len(spans), -(-len(lists.used) // WORD) * WORD), _OUTSIDE, np.int64)
    for own, (first, end) in zip(offsets, spans, strict=True):
        own[lists.taps[first:end, 1]] = lists.taps[first:end, 0] * pitch
    return offsets, number


@family(
    "channel_integers_depthwise",
    "Convolution",
    when=takes_integers,
    rank=1,
    quantized=True,
    fuses=True,
    schedules=(CHANNEL,),
    footprint=depthwise_footprint,
    phases=partial(integer_phases, vector_cycles=_VECTOR_CYCLES, tap_cycles=_TAP_CYCLES),
)
def lower_depthwise(lowering: Lowering) -> Lowered:
    """Convolve the integers of each channel with its own filter, many channels at a time."""
    layer, bottom, top, target = lowering.layer, lowering.bottom(), lowering.top(), lowering.target
    window, channels = filters_of(layer).window_over(lowering.bottoms[0]), bottom.position_elements
    lists = tap_lists(lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:], window)
    filters = integer_filters(layer.params, layer.weights, layer.integers[0])
    used = used_elements(filters.weight, lists.used)[:, 0].T
    # What the processor adds to each x, zeros over the border too, is taken off here.
    added = DOTS[target.dots].added(lowering.bottoms[0].element) * used.sum(axis=0, dtype=np.int64)
    form = Form.of(lowering)
    words = ending_words(lowering, filters, (filters.bias - added).astype(np.int32), channels)
    for name in ("bias", "multipliers", "coefficients") if _keeps_order(form) else ("bias",):
        words[name] = _as_summed(words[name], target)
    offsets, number = _taps(lists, channels)
    residual = lowering.projected().position_elements if layer.residual else 0
    places, outputs = lists.positions[:, 0], np.arange(len(number))
    rows = [places * channels, number * offsets.shape[1], outputs * top.position_elements, outputs * residual]
    packed = _packed(used, target, channels)
    told = ChannelIntegers(
        **words,
        weights=packed,
        positions=np.column_stack(rows),
        position_count=len(number),
        taps=offsets,
        fours=offsets.shape[1] // WORD,
        zeros=aligned_bytes(target.vector_bytes, target.vector_bytes),
        vectors=channels // target.vector_bytes,
        vector_words=len(packed) // (channels // target.vector_bytes),
    )
    source = kernel_source(
        form.name(lowering.schedule, lowering.target, op="depthwise"),
        partial(_body, lowering, form),
        form.declared(ChannelIntegers),
    )
    step = Step(source, told, lists.multiplications * top.channels)
    return Lowered([step], in_place=in_place(lowering))
