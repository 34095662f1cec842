"""Attention: scores, their softmax, and the mean of the values, for a few steps of a head at a time.

In the channel schedule the steps of a sequence are channels: a vector holds queries, keys and values are scalars. In
the batch schedule a vector holds images, of queries, keys and values alike. Either way, for each head and panel of
steps, rows being what a panel has of each::

    for tile of keys:                                      MR rows of the scores
        for i in range(depth):
            acc[r] += key[r][i] * query[i]                 one fused multiply-add of a row
    most = max of scale * scores[s] + mask[s]
    scores[s] = e ** (scale * scores[s] + mask[s] - most);  total = sum of scores[s]
    for tile of y:                                         MR elements of a value
        for s in range(keys):
            acc[r] += value[s][r] * scores[s]
        y[r] = acc[r] / total

The last tile begins earlier, and computes again what the one before it has. Scores of a panel stay in the core's cache.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element
from xdn.codegen.jit import I64, NUMBER, POINTER, VOID, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.codegen.target import Target
from xdn.kernels.contract.panels import panel_tile, panels_of, tile_rows
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Scratch, Size
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BATCH, BOTH, Schedule
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Loop, Phase
from xdn.kernels.normalise.softmax import emit_powers, emit_quotients

#: Cycles of a vector of scores between the products: it is loaded and stored twice, and raised to a power.
_SCORE_CYCLES = 30.0
#: The words of kernel names where a mask is added.
_MASKED = "mask"


class Attending(Descriptor):
    """Heads and panels; keys, elements of a query and of a value; what panels and images' elements are apart.

    scores
        A panel's, of all heads and panels of a block.
    """

    q, k, v, mask, y, scores = (*(Place() for _ in range(5)), Scratch())
    q_pitch, k_pitch, v_pitch, mask_pitch, y_pitch = (Size() for _ in range(5))
    q_block, k_block, v_block, mask_block, y_block = (Size() for _ in range(5))
    heads, panels, keys, depth, values, width, images = (Size() for _ in range(7))
    scale = Number()


def _softmax_of(builder: Callable[[ir.IRBuilder], VectorBuilder], schedule: Schedule, masked: bool) -> Any:
    """Return what makes exponentials of scores, and leaves their sum after the last."""

    @emitted(VOID, POINTER, POINTER, I64, I64, I64, NUMBER)
    def softmax(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        b = builder(irbuilder)
        scores, mask, count, row, mask_step, factor = args
        scale = b.broadcast(factor)

        def find_most(number: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            place = b.offset(scores, b.ir.mul(row, number))
            value = b.mul(b.load(place), scale)
            if masked:
                at = b.offset(mask, b.ir.mul(mask_step, number))
                value = b.add(value, b.load(at) if schedule is BATCH else b.broadcast(b.scalar(at)))
            b.store(value, place)
            return [b.larger(value, carried[0])]

        (most,) = b.loop(b.const(0), count, [b.number(float("-inf"))], find_most)
        total = emit_powers(b, scores, count, scores, row, most)
        b.store(total, b.offset(scores, b.ir.mul(row, count)))

    return softmax


def _divide_by(builder: Callable[[ir.IRBuilder], VectorBuilder]) -> Any:
    """Return what divides so many rows of y by a row."""

    @emitted(VOID, POINTER, POINTER, I64, I64)
    def divide(irbuilder: ir.IRBuilder, y: ir.Value, total: ir.Value, count: ir.Value, pitch: ir.Value) -> None:
        b = builder(irbuilder)
        emit_quotients(b, y, count, pitch, b.load(total))

    return divide


def _body(name: KernelName, target: Target, schedule: Schedule) -> KernelBody:
    """Return the loops around the tiles, as Numba compiles them."""
    assert name.tile is not None
    rows, registers = name.tile
    builder = partial(VectorBuilder, target=target, registers=registers)
    tile, row = panel_tile(rows, builder, schedule), registers * target.lanes
    softmax, divide = _softmax_of(builder, schedule, _MASKED in name.epilogue), _divide_by(builder)

    def attention(d, frame):
        keys, depth, values, images, panels = d.keys, d.depth, d.values, d.images, d.panels
        begin, end = portion(frame, d.heads * panels)
        for block in range(frame.blocks):
            for unit in range(begin, end):
                head = unit // panels
                step = (unit - head * panels) * d.width
                q = at_element(frame, d.q, block * d.q_block + head * depth * d.q_pitch + step)
                scores = at_element(frame, d.scores, unit * (keys + 1) * row)
                total = at_element(frame, d.scores, (unit * (keys + 1) + keys) * row)
                for first in range(0, keys, rows):
                    s = min(first, keys - rows)
                    k = at_element(frame, d.k, block * d.k_block + head * depth * d.k_pitch + s * images)
                    into = at_element(frame, d.scores, (unit * (keys + 1) + s) * row)
                    tile(k, q, into, depth, d.k_pitch, images, d.q_pitch, row)
                mask = at_element(frame, d.mask, block * d.mask_block)
                softmax(scores, mask, keys, row, d.mask_pitch, d.scale)
                for first in range(0, values, rows):
                    e = head * values + min(first, values - rows)
                    v = at_element(frame, d.v, block * d.v_block + e * d.v_pitch)
                    y = at_element(frame, d.y, block * d.y_block + e * d.y_pitch + step)
                    tile(v, scores, y, keys, images, d.v_pitch, row, d.y_pitch)
                y = at_element(frame, d.y, block * d.y_block + head * values * d.y_pitch + step)
                divide(y, total, values, d.y_pitch)

    return attention


def _sizes(lowering: Lowering) -> tuple[int, int, int, int]:
    """Return heads, keys, and the elements of a query and of a value."""
    (_, _, heads, depth), (_, keys, _, _), (_, _, _, values), *_ = (bottom.shape for bottom in lowering.bottoms)
    return heads, keys, depth, values


def _tiling(lowering: Lowering) -> tuple[int, int, int]:
    """Return rows of a tile, registers of a row, and panels of a head."""
    (registers, panels), (_, keys, _, values) = panels_of(lowering), _sizes(lowering)
    return min(tile_rows(lowering.target, registers, values), keys), registers, panels


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what the tiles and the exponentials of all panels take."""
    (rows, registers, panels), (heads, keys, depth, values) = _tiling(lowering), _sizes(lowering)
    tiles = -(-keys // rows) * depth + -(-values // rows) * keys
    step = lowering.target.rates.step(rows, registers)
    cycles = heads * panels * (tiles * step + keys * registers * _SCORE_CYCLES)
    held = float(4 * keys * registers * lowering.target.vector_bytes)
    streams = (lowering.read, lowering.written, Loop(heads * panels * held, held))
    return (Phase(cycles, streams, heads * panels),)


@family("attention", "DotProductAttention", schedules=BOTH, phases=_phases)
def lower_attention(lowering: Lowering) -> Lowered:
    """Weigh values by the softmax of scores, panel by panel."""
    layer, (rows, registers, panels) = lowering.layer, _tiling(lowering)
    names = ("q", "k", "v", "mask")[: len(layer.bottoms)]
    layouts = {name: lowering.bottom(number) for number, name in enumerate(names)} | {"y": lowering.top()}
    (heads, keys, depth, values), row = _sizes(lowering), registers * lowering.target.lanes
    words = Attending(
        **dict(zip(names, layer.bottoms, strict=True)),
        y=layer.tops[0],
        scores=heads * panels * (keys + 1) * row,
        **{f"{name}_pitch": layout.position_elements for name, layout in layouts.items()},
        **{f"{name}_block": layout.block_elements for name, layout in layouts.items()},
        heads=heads,
        panels=panels,
        keys=keys,
        depth=depth,
        values=values,
        width=row,
        images=lowering.top().images,
        scale=lowering.params.scale,
    )
    masked = (_MASKED,) * ("mask" in names)
    op = lowering.schedule.op("attention")
    name = KernelName(op, lowering.target.name, epilogue=masked, tile=(rows, registers))
    macs = heads * lowering.bottoms[0].shape[1] * keys * (depth + values)
    source = kernel_source(name, partial(_body, name, lowering.target, lowering.schedule), Attending)
    return Lowered([Step(source, words, macs=macs)])
