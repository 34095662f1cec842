"""The kernels of the channel schedule that lay a border of zeros around a map; of 8 bits it is copied as it is.

The threads that share an image share the rows of the map with its border.
"""

from typing import Any

from llvmlite import ir

from xdn.codegen.intrinsics import at_element
from xdn.codegen.jit import I64, VOID, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target, target_named
from xdn.codegen.words import WordBuilder
from xdn.element import BF16, Element
from xdn.kernels.core.descriptor import Descriptor, Place, Size, over
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.portion import portion


class Splitting(Descriptor):
    """What a splitting of a blob is told.

    x, y
        The blob and its parts.
    x_block, x_pitch, y_block, y_pitch
        Elements of a block, and from one position to the next.
    channels, positions
        Of the blob.
    height, width, rows, columns, top, left
        Of the map, and of the map with its border; where it begins there. Only the channel schedule has a border.
    """

    x, y = Place(), Place(BF16)
    x_block, x_pitch, y_block, y_pitch, channels, positions = (Size() for _ in range(6))
    height, width, rows, columns, top, left = (Size() for _ in range(6))


def within_border(write_position: Any, clear_position: Any) -> KernelBody:
    """Return the loops over a map with its border: around (x, y, channels), and around (y, channels)."""

    def write(d, frame):
        rows = d.rows
        first, end = portion(frame, rows * frame.blocks)
        for number in range(first, end):
            block = number // rows
            row = number - block * rows
            for column in range(d.columns):
                y = at_element(frame, d.y, block * d.y_block + (row * d.columns + column) * d.y_pitch)
                h, w = row - d.top, column - d.left
                if 0 <= h < d.height and 0 <= w < d.width:
                    x = at_element(frame, d.x, block * d.x_block + (h * d.width + w) * d.x_pitch)
                    write_position(x, y, d.channels)
                else:
                    clear_position(y, d.channels)

    return write


def copying(element: Element, target: Target) -> KernelSource:
    """Return the kernel that copies blobs of an element."""
    name = KernelName("channel_border", target.name, element=element)
    return kernel_source(name, lambda: _body(element, target_named(name.isa)), over(Splitting, element))


def _body(element: Element, target: Target) -> KernelBody:
    pointer, numbers = Kind(element, "pointer"), target.vector_bytes // element.bytes

    def vectors(b: WordBuilder, channels: ir.Value) -> ir.Value:
        return b.ir.udiv(b.ir.add(channels, b.const(numbers - 1)), b.const(numbers))

    @emitted(VOID, pointer, pointer, I64)
    def copy_position(irbuilder: ir.IRBuilder, x: ir.Value, y: ir.Value, channels: ir.Value) -> None:
        b = WordBuilder(irbuilder, target)

        def one(vector: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            at = b.ir.mul(vector, b.const(numbers))
            b.store_words(b.load_words(b.offset(x, at)), b.offset(y, at))
            return carried

        b.loop(b.const(0), vectors(b, channels), [], one)

    @emitted(VOID, pointer, I64)
    def clear_position(irbuilder: ir.IRBuilder, y: ir.Value, channels: ir.Value) -> None:
        b = WordBuilder(irbuilder, target)

        def one(vector: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            b.store_words(b.integer(0), b.offset(y, b.ir.mul(vector, b.const(numbers))))
            return carried

        b.loop(b.const(0), vectors(b, channels), [], one)

    return within_border(copy_position, clear_position)
