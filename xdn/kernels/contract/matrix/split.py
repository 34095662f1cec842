"""The kernels that split a blob's f32 values into bf16 parts, once for all layers that read them.

::

    high   = bf16(x)                                       cut off where that would be infinite
    middle = bf16(x - high)                                and low = bf16(x - high - middle), where there are three
                                                           parts; zeros after an infinity or a NaN

Batch schedule: for a block and a position all pairs of channels, zeros for those after the last. Channel schedule: all
positions of the map with its border, whose parts are zeros, as those of padding are, which weights of zero would not
take out of a sum where it is not finite; the threads that share an image share the rows.
"""

from collections.abc import Callable

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element
from xdn.codegen.jit import I64, POINTER, VOID, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target, target_named
from xdn.codegen.tiles import NUMBERS, ROWS
from xdn.element import BF16, REAL
from xdn.kernels.contract.matrix.border import Splitting, copying, within_border
from xdn.kernels.core.descriptor import over
from xdn.kernels.core.family import Reach, Rows, Step
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import CHANNEL, BlockLayout
from xdn.kernels.core.parts import PartsLayout, parts_name

_BF16_POINTER = Kind(BF16, "pointer")


def split_step(blob: str, layout: BlockLayout, parts: PartsLayout) -> Step:
    """Return the step that writes the parts of a blob which lies as `layout` says."""
    top, _, left, _ = parts.border
    split = layout.element == REAL
    words = (Splitting if split else over(Splitting, layout.element))(
        x=blob,
        y=parts_name(blob),
        x_block=layout.block_elements,
        x_pitch=layout.position_elements,
        y_block=parts.block_elements,
        y_pitch=parts.position_elements,
        channels=layout.channels,
        positions=layout.positions,
        height=layout.height,
        width=layout.width,
        rows=parts.rows,
        columns=parts.columns,
        top=top,
        left=left,
    )
    channel, target = parts.schedule is CHANNEL, parts.target
    kernel = splitting(channel, parts.parts, target) if split else copying(layout.element, target)
    return Step(kernel, words, rows=None if parts.schedule is CHANNEL else _rows(layout, parts))


def _rows(layout: BlockLayout, parts: PartsLayout) -> Rows:
    """Return how a blob is split for some rows of its map: they begin later in both blobs."""
    begins = {
        Splitting.x.slot: layout.width * layout.position_elements * layout.element.bytes,
        Splitting.y.slot: layout.width * parts.position_elements * parts.element.bytes,
    }
    reads = {Splitting.x.slot: Reach()}
    return Rows(layout.height, 1, begins, Splitting.positions.slot, layout.width, reads, Splitting.y.slot)


def splitting(channel: bool, parts: int, target: Target) -> KernelSource:
    """Return the kernel of one schedule for so many parts."""
    name = KernelName(f"{'channel_' * channel}split{parts}", target.name)
    make = _channel_body if channel else _batch_body
    return kernel_source(name, lambda: make(target_named(name.isa), parts), Splitting)


def parts_in_registers(b: VectorBuilder, x: ir.Value, parts: int) -> list[ir.Value]:
    """Return the parts of a vector of f32 as f32, each with zeros in its lower half."""
    found, rest = [], x
    infinity = b.number(float("inf"))
    finite = b.ir.fcmp_ordered("<", b.magnitude(x), infinity)
    for _ in range(parts):
        bits = b.bits(rest)
        cut = b.ir.and_(bits, b.integer(0xFFFF0000))
        # To the nearest, of two equally near ones to the even.
        odd = b.ir.and_(b.ir.lshr(bits, b.integer(16)), b.integer(1))
        rounded = b.ir.and_(b.ir.add(b.ir.add(bits, b.integer(0x7FFF)), odd), b.integer(0xFFFF0000))
        part = b.where(b.magnitude(b.from_bits(rounded)), "<", infinity, b.from_bits(rounded), b.from_bits(cut))
        # Of a NaN both may be something else.
        part = b.ir.select(b.ir.fcmp_unordered("uno", rest, rest), b.number(float("nan")), part)
        found.append(part)
        rest = b.ir.select(finite, b.sub(rest, part), b.number(0))
    return found


def _upper(b: VectorBuilder, part: ir.Value) -> ir.Value:
    """Return the bits of a bf16 number that is in the upper half of an f32, as i32."""
    return b.ir.lshr(b.bits(part), b.integer(16))


def _emit_pairs(b: VectorBuilder, x: ir.Value, y: ir.Value, channels: ir.Value, parts: int) -> None:
    """Emit the splitting of a position of a block of images, two channels at a time."""
    images = b.target.block_images
    # A pair of channels of an image takes what an f32 does.
    words = b.ir.bitcast(y, POINTER.llvm)

    def write(pair: ir.Value, values: Callable[[int], tuple[ir.Value, ir.Value]]) -> list[ir.Value]:
        """Store the parts of two channels' values, given by the number of the vector of images."""
        step, row = b.ir.udiv(pair, b.const(ROWS)), b.ir.urem(pair, b.const(ROWS))
        for v in range(images // b.target.lanes):
            even, odd = (parts_in_registers(b, value, parts) for value in values(v))
            for number, (one, other) in enumerate(zip(even, odd, strict=True)):
                at = b.ir.add(b.ir.mul(step, b.const(parts)), b.const(number))
                at = b.ir.mul(b.ir.add(b.ir.mul(at, b.const(ROWS)), row), b.const(images))
                both = b.ir.or_(_upper(b, one), b.ir.and_(b.bits(other), b.integer(0xFFFF0000)))
                b.store(b.from_bits(both), b.offset(words, at), v)
        return []

    def both(pair: ir.Value, _: list[ir.Value]) -> list[ir.Value]:
        first = b.offset(x, b.ir.mul(pair, b.const(2 * images)))
        return write(pair, lambda v: (b.load(first, v), b.load(b.offset(first, images), v)))

    def last(pair: ir.Value, _: list[ir.Value]) -> list[ir.Value]:
        return write(pair, lambda v: (b.load(b.offset(x, b.ir.mul(pair, b.const(2 * images))), v), b.number(0)))

    def none(pair: ir.Value, _: list[ir.Value]) -> list[ir.Value]:
        return write(pair, lambda v: (b.number(0), b.number(0)))

    whole, half = b.ir.udiv(channels, b.const(2)), b.ir.udiv(b.ir.add(channels, b.const(1)), b.const(2))
    b.loop(b.const(0), whole, [], both)
    b.loop(whole, half, [], last)
    b.loop(half, b.ir.mul(_steps(b, channels), b.const(ROWS)), [], none)


def _steps(b: VectorBuilder, channels: ir.Value) -> ir.Value:
    """Return how many times 32 channels hold so many."""
    return b.ir.udiv(b.ir.add(channels, b.const(NUMBERS - 1)), b.const(NUMBERS))


def _batch_body(target: Target, parts: int) -> KernelBody:
    """Return the loop nest of the batch schedule."""

    @emitted(VOID, POINTER, _BF16_POINTER, I64)
    def split_position(irbuilder: ir.IRBuilder, x: ir.Value, y: ir.Value, channels: ir.Value) -> None:
        _emit_pairs(VectorBuilder(irbuilder, target), x, y, channels, parts)

    def split(d, frame):
        for block in range(frame.blocks):
            for p in range(d.positions):
                split_position(
                    at_element(frame, d.x, block * d.x_block + p * d.x_pitch),
                    at_element(frame, d.y, block * d.y_block + p * d.y_pitch),
                    d.channels,
                )

    return split


def _store_step(b: VectorBuilder, y: ir.Value, step: ir.Value, parts: list[list[ir.Value]]) -> list[ir.Value]:
    """Store the parts of 32 channels, each given as vectors of i32."""
    kind = ir.VectorType(ir.IntType(16), b.target.lanes)
    for number, vectors in enumerate(parts):
        at = b.ir.mul(b.ir.add(b.ir.mul(step, b.const(len(parts))), b.const(number)), b.const(NUMBERS))
        for v, vector in enumerate(vectors):
            place = b.ir.bitcast(b.offset(y, b.ir.add(at, b.const(v * b.target.lanes))), kind.as_pointer())
            b.ir.store(b.ir.trunc(vector, kind), place, align=BF16.bytes * b.target.lanes)
    return []


def _emit_vectors(b: VectorBuilder, x: ir.Value, y: ir.Value, channels: ir.Value, parts: int) -> None:
    """Emit the splitting of a position of an image, 32 channels at a time."""
    lanes, vectors = b.target.lanes, NUMBERS // b.target.lanes

    def one_step(step: ir.Value, held: int) -> list[ir.Value]:
        """Split 32 channels, of which the blob has `held` vectors."""
        first = b.ir.mul(step, b.const(NUMBERS))
        found = [
            parts_in_registers(b, _own(b, x, b.ir.add(first, b.const(v * lanes)), channels), parts) for v in range(held)
        ]
        zeros = [b.integer(0)] * (vectors - held)
        return _store_step(b, y, step, [[_upper(b, each[n]) for each in found] + zeros for n in range(parts)])

    # The blob's own channels are filled up to whole vectors.
    columns = b.ir.udiv(b.ir.add(channels, b.const(lanes - 1)), b.const(lanes))
    whole = b.ir.udiv(columns, b.const(vectors))
    b.loop(b.const(0), whole, [], lambda step, _: one_step(step, vectors))
    b.loop(whole, _steps(b, channels), [], lambda step, _: one_step(step, 1))


def _own(b: VectorBuilder, x: ir.Value, first: ir.Value, channels: ir.Value) -> ir.Value:
    """Return the vector of channels from `first` on, zeros after the last: what is padding may be no number."""
    there = b.ir.icmp_signed("<", b.lane_numbers(), b.same_word(b.ir.sub(channels, first)))
    return b.ir.select(there, b.load(b.offset(x, first)), b.number(0))


def _channel_body(target: Target, parts: int) -> KernelBody:
    """Return the loop nest of the channel schedule."""

    @emitted(VOID, POINTER, _BF16_POINTER, I64)
    def split_position(irbuilder: ir.IRBuilder, x: ir.Value, y: ir.Value, channels: ir.Value) -> None:
        _emit_vectors(VectorBuilder(irbuilder, target), x, y, channels, parts)

    @emitted(VOID, _BF16_POINTER, I64)
    def clear_position(irbuilder: ir.IRBuilder, y: ir.Value, channels: ir.Value) -> None:
        b = VectorBuilder(irbuilder, target)
        zeros = [[b.integer(0)] * (NUMBERS // target.lanes)] * parts
        b.loop(b.const(0), _steps(b, channels), [], lambda step, _: _store_step(b, y, step, zeros))

    return within_border(split_position, clear_position)
