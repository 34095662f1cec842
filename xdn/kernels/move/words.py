"""Moves of single channels where several channels of an image lie together, as one word of it.

The four channels of a word of 8 bits, and the two of one of bf16, mostly come from one or two words. Of each of these
the bits are rotated to their places, and those that are meant are put there::

    for row in table:
        for i in images of the block:
            y[i] = y[i] & ~mask | rotated(x[i], bits) & mask             x[i] is 0 where x_at is NOTHING
"""

from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, VOID, Kind, emitted
from xdn.codegen.source import KernelBody
from xdn.codegen.target import Target
from xdn.codegen.words import WordBuilder
from xdn.element import BF16, S64, Element
from xdn.graph import Array
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.layout import BlockLayout

#: The x offset of what becomes zero.
NOTHING = -1
#: Bits of a word, and all of them.
_BITS, _WHOLE = 32, (1 << 32) - 1


class Patch(Descriptor):
    """Elements of blocks, and a table with rows (x offset, y offset, bits to rotate by, mask), offsets in elements."""

    x, y = Place(), Place()
    x_block, y_block, row_count = Size(), Size(), Size()
    rows = Pointer(S64)


def patch_body(target: Target, element: Element) -> KernelBody:
    """Return the kernel that puts parts of words into other words."""
    pointer = Kind(element, "pointer")

    @emitted(VOID, pointer, pointer, I64, I64)
    def put(irbuilder: ir.IRBuilder, *args: Any) -> None:
        _emit_put(WordBuilder(irbuilder, target, target.block_images // target.lanes), *args)

    @emitted(VOID, pointer, I64)
    def clear(irbuilder: ir.IRBuilder, *args: Any) -> None:
        _emit_clear(WordBuilder(irbuilder, target, target.block_images // target.lanes), *args)

    def patch(d, frame):
        rows = d.rows
        for block in range(frame.blocks):
            x, y = at_element(frame, d.x, block * d.x_block), at_element(frame, d.y, block * d.y_block)
            for r in range(d.row_count):
                x_at, y_at = rows[4 * r], moved(y, rows[4 * r + 1])
                if x_at < 0:
                    clear(y_at, rows[4 * r + 3])
                else:
                    put(moved(x, x_at), y_at, rows[4 * r + 2], rows[4 * r + 3])

    return patch


def _emit_put(b: WordBuilder, x: ir.Value, y: ir.Value, bits: ir.Value, mask: ir.Value) -> None:
    meant = b.same_word(mask)
    old = b.ir.and_(b.load_words(y), b.ir.not_(meant))
    b.store_words(b.ir.or_(old, b.ir.and_(b.turned(b.load_words(x), b.same_word(bits)), meant)), y)


def _emit_clear(b: WordBuilder, y: ir.Value, mask: ir.Value) -> None:
    b.store_words(b.ir.and_(b.load_words(y), b.ir.not_(b.same_word(mask))), y)


def word_rows(x: Array, y: Array, last: Array, element: Element) -> Array:
    """Return the rows of `Patch` for moves of single elements of a block's first image from places x to places y.

    Parameters
    ----------
    x, y : (n,) int64
        Places; those of x may be `NOTHING`.
    last : (n,) bool
        Which elements are those of a position's last channel: what follows in their words is padding, and may be
        anything that an element of integers is.
    element : Element
    """
    together = element.interleave
    bits = _BITS // together
    at, own = y % together, (1 << bits) - 1
    turn = np.where(x < 0, 0, (at - x) % together)
    words = np.column_stack([np.where(x < 0, NOTHING, x - x % together), y - at, bits * turn])
    starts = np.flatnonzero(np.append(True, (np.diff(words, axis=0) != 0).any(axis=1)))
    masks = np.where(last & (element != BF16), _WHOLE << bits * at & _WHOLE, own << bits * at)
    return np.column_stack([words[starts], np.bitwise_or.reduceat(masks, starts)])


def parted(rows: Array, layout: BlockLayout) -> tuple[Array, Array]:
    """Return runs (x, y, length) of the words that are moved as they are, and the rows that are left."""
    whole = (rows[:, 2] == 0) & (rows[:, 3] == _WHOLE)
    runs = rows[whole, :3]
    runs[:, 2] = layout.images * layout.interleave
    return runs, np.ascontiguousarray(rows[~whole])
