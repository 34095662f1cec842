"""Depthwise convolution of bf16, with any window: groups of channels, each channel with its own filter, sums in f32.

For an output position and a group of channels (`xdn/kernels/core/groups.py`)::

    acc = bias
    for tap in taps(position):
        acc += w[tap] * f32(x[tap])                        in the order of the kernels of f32
    acc += residual                                        epilogue "sum"
    y    = f(acc, coefficient)                             epilogue "relu", "sigmoid", ...; as f32, bf16 or integers

Weights are rounded to bf16, and packed ``[tap][channel]`` as f32.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from llvmlite import ir

from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, NUMBER, POINTER, VOID, WORDS, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.element import BF16, REAL, S64, Element
from xdn.graph import Array
from xdn.kernels.contract.task import filters_of
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Pointer, Size, Table, redeclared
from xdn.kernels.core.epilogue import SUM, Fused, activation_of, coefficients, epilogue_parts, fused_reads
from xdn.kernels.core.family import Lowered, Lowering, Rows, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import Groups, group_channels, group_count, group_elements, stored_words, together
from xdn.kernels.core.layout import BATCH, BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.taps import count_taps
from xdn.kernels.core.work import Phase
from xdn.kernels.depthwise.batch import depthwise_footprint, is_depthwise, tapped_filters

#: Cycles of a vector of bf16 of results, and of each of its taps.
_VECTOR_CYCLES, _TAP_CYCLES = 8.0, 3.5


class PositionRow(Descriptor):
    """An output position: x offset of its window, first tap, end of taps, offsets of y and residual."""

    x, first, end, y, residual = (Size() for _ in range(5))


class GroupedDepthwise(Fused):
    """What the kernel is told; see the module for the weights.

    pitch
        Channels from one tap's weights to the next one's.
    inverse
        The reciprocal of the scale of a top of integers.
    """

    positions, position_count = Table(PositionRow), Size()
    taps, pitch = Pointer(S64), Size()
    groups, channels, residual_block, inverse = Size(), Size(), Size(), Number()


def _elements(lowering: Lowering) -> tuple[Element, Element, Element | None]:
    """Return the elements of bottom, top and residual."""
    residual = lowering.added[0].element if lowering.layer.residual else None
    return lowering.bottoms[0].element, lowering.tops[0].element, residual


def _emit_group(lowering: Lowering, groups: Groups, args: Sequence[ir.Value]) -> None:
    """Emit a group of channels of one position."""
    x, weights, taps, first, end, pitch, bias, at, residual, y, inverse, last = args
    b, parts, (bottom, top, added) = groups.b, epilogue_parts(lowering.layer), _elements(lowering)

    def one_tap(t: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        row = b.offset(taps, b.ir.mul(t, b.const(2)))
        values = groups.read(b.offset(x, b.scalar(row)), bottom, last)
        own = groups.coefficients(b.offset(weights, b.ir.mul(b.scalar(row, 1), pitch)))
        return [b.fma(*each) for each in zip(own, values, acc, strict=True)]

    acc = b.loop(first, end, groups.coefficients(bias), one_tap)
    if added is not None:
        acc = [b.add(*each) for each in zip(acc, groups.read(residual, added, last), strict=True)]
    if activation := activation_of(parts):
        own = groups.coefficients(at) if activation.per_channel else [b.broadcast(b.scalar(at))] * groups.rows
        acc = [activation.emit(b, *each) for each in zip(acc, own, strict=True)]
    groups.store(acc, y, top, b.broadcast(inverse), last)


def _body(lowering: Lowering) -> KernelBody:
    """Return the loop nest around groups, as Numba compiles it."""
    target, schedule, word = lowering.target, lowering.schedule, _word(lowering)
    size, channels_of_group = group_elements(target, schedule, word), group_channels(target, schedule, word)
    x_kind, y_kind, added = (Kind(element or REAL, "pointer") for element in _elements(lowering))

    @emitted(VOID, x_kind, POINTER, WORDS, I64, I64, I64, POINTER, POINTER, added, y_kind, NUMBER, I64)
    def group(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit_group(lowering, Groups.of(irbuilder, target, schedule, word), args)

    def depthwise(d, frame):
        taps, pitch, channels, inverse = d.taps, d.pitch, d.channels, d.inverse
        begin, stop = portion(frame, d.position_count)
        for block in range(frame.blocks):
            for p in range(begin, stop):
                position = d.positions[p]
                x, y = block * d.x_block + position.x, block * d.y_block + position.y
                residual = block * d.residual_block + position.residual
                for g in range(d.groups):
                    at, c = g * size, g * channels_of_group
                    group(
                        at_element(frame, d.x, x + at),
                        moved(d.weights, c),
                        taps,
                        position.first,
                        position.end,
                        pitch,
                        moved(d.bias, c),
                        moved(d.coefficients, c),
                        at_element(frame, d.residual, residual + at),
                        at_element(frame, d.y, y + at),
                        inverse,
                        channels - c - 1,
                    )

    return depthwise


def _word(lowering: Lowering) -> int:
    """Return the channels of a group of the batch schedule."""
    return together(blob.element for blob in (*lowering.bottoms, *lowering.tops, *lowering.added))


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what the taps take, and what ends their sums."""
    sizes, places = lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:]
    taps = count_taps(sizes, places, filters_of(lowering.layer).window_over(lowering.bottoms[0]))
    top = lowering.top()
    vectors = top.block_elements * BF16.bytes / lowering.target.vector_bytes
    return lowering.moving(0.0, vectors * (_VECTOR_CYCLES + _TAP_CYCLES * taps / top.positions))


def _packed(filters: Array, channels: int) -> Array:
    """Return filters (taps, C), rounded to bf16, for so many channels."""
    weights = aligned_vectors(np.empty(0), len(filters) * channels)
    weights.reshape(-1, channels)[:, : filters.shape[1]] = BF16.rounded(filters)
    return weights


@family(
    "bf16_depthwise",
    "Convolution",
    when=is_depthwise,
    rank=1,
    bf16=True,
    fuses=True,
    schedules=BOTH,
    footprint=depthwise_footprint,
    phases=_phases,
)
def lower_depthwise(lowering: Lowering) -> Lowered:
    """Convolve each channel of bf16 with its own filter."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    lists, filters = tapped_filters(lowering)
    groups = group_count(top, _word(lowering))
    channels = groups * group_channels(lowering.target, lowering.schedule, _word(lowering))
    positions, taps = lists.in_elements(bottom, top)
    added = lowering.projected() if layer.residual else None
    residuals = np.arange(len(positions)) * (added.position_elements if added else 0)
    words = GroupedDepthwise(
        x=layer.bottoms[0],
        y=layer.tops[0],
        residual=layer.residual,
        weights=_packed(filters, channels),
        bias=aligned_vectors(layer.weights.get("bias", np.zeros(0)), channels),
        coefficients=aligned_vectors(coefficients(layer, top.channels), channels),
        x_block=bottom.block_elements,
        y_block=top.block_elements,
        positions=np.column_stack([positions, residuals]),
        position_count=len(positions),
        taps=taps,
        pitch=channels,
        groups=groups,
        channels=top.channels,
        residual_block=added.block_elements if added else 0,
        inverse=lowering.inverse,
    )
    in_place = lowering.over_residual() if added == top else {}
    step = Step(_source(lowering), words, lists.multiplications * top.channels, _rows(lowering, positions))
    return Lowered([step], in_place=in_place)


def _rows(lowering: Lowering, positions: Array) -> Rows | None:
    """Return how the kernel is run for some rows of blocks; images are not cut."""
    if lowering.schedule is not BATCH:
        return None
    top, words = lowering.top(), GroupedDepthwise
    tables = {words.positions.slot: top.width * positions.itemsize * PositionRow.size}
    reads = fused_reads(lowering, filters_of(lowering.layer).window_over(lowering.bottoms[0]))
    return Rows(top.height, 1, tables, words.position_count.slot, top.width, reads, words.y.slot)


def _source(lowering: Lowering) -> KernelSource:
    bottom, top, added = _elements(lowering)
    parts = tuple(part + added.name if added and part == SUM else part for part in epilogue_parts(lowering.layer))
    parts += stored_words(bottom, top, lowering.target)
    name = KernelName(lowering.schedule.op("depthwise"), lowering.target.name, parts, element=bottom)
    declared = GroupedDepthwise
    for field, element in (("x", bottom), ("y", top), ("residual", added or REAL)):
        declared = redeclared(declared, element, Place, field)
    return kernel_source(name, partial(_body, lowering), declared)
