"""What kernels compute of 8-bit blobs at a time: groups of channels, which lie alike in blobs of 8 bits and of f32.

batch
    A group is a word's four channels, of all images of a block. In f32 these are four rows; of the last group of a
    position there are as many as channels are left.
channel
    A group is as many channels as a vector of f32 has lanes. A position has so many groups as vectors of f32; what lies
    after them in a blob of 8 bits is padding that nobody fills.

Either way group g begins g * `group_elements` after its position, whatever the element.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from xdn.codegen.target import Target
from xdn.codegen.words import WORD, WordBuilder
from xdn.element import REAL, Element
from xdn.kernels.core.layout import BATCH, BlockLayout, Schedule


def group_elements(target: Target, schedule: Schedule) -> int:
    """Return the elements of a group."""
    return WORD * target.block_images if schedule is BATCH else target.lanes


def group_channels(target: Target, schedule: Schedule) -> int:
    """Return the channels of a group."""
    return WORD if schedule is BATCH else target.lanes


def group_count(layout: BlockLayout) -> int:
    """Return the groups of a position."""
    return -(-layout.channels // group_channels(layout.target, layout.schedule))


@dataclass(frozen=True)
class Groups:
    """Emit loads and stores of groups: lists of values, one for each row of the batch schedule, else a single one.

    Parameters
    ----------
    b : WordBuilder
        Its values are rows of images, or vectors of channels.
    schedule : Schedule
    """

    b: WordBuilder
    schedule: Schedule

    @staticmethod
    def of(irbuilder: ir.IRBuilder, target: Target, schedule: Schedule) -> "Groups":
        """Return what emits groups at the position of an IRBuilder."""
        registers = target.block_images // target.lanes if schedule is BATCH else 1
        return Groups(WordBuilder(irbuilder, target, registers), schedule)

    @property
    def rows(self) -> int:
        """Values of a group."""
        return WORD if self.schedule is BATCH else 1

    def integers(self, pointer: ir.Value, element: Element) -> list[ir.Value]:
        """Load a group of 8-bit integers as i32."""
        if self.schedule is BATCH:
            words = self.b.load_words(pointer)
            return [self.b.part(words, number, element) for number in range(WORD)]
        return [self.b.load_bytes(pointer, element)]

    def values(self, pointer: ir.Value, element: Element, factor: ir.Value) -> list[ir.Value]:
        """Load a group of 8-bit integers as f32, multiplied by a factor."""
        if self.schedule is BATCH:
            return self.b.parts(self.b.load_words(pointer), element, factor)
        return [self.b.load_values(pointer, 0, element, factor)]

    def coefficients(self, pointer: ir.Value) -> list[ir.Value]:
        """Load one f32 for each channel of a group, from that of the first one on."""
        if self.schedule is BATCH:
            return [self.b.broadcast(self.b.scalar(pointer, row)) for row in range(WORD)]
        return [self.b.load(pointer)]

    def load(self, pointer: ir.Value, last: ir.Value) -> list[ir.Value]:
        """Load a group of f32, of which `last` is the number of the last row that is there; it stands for others."""
        b, images = self.b, self.b.target.block_images
        if self.schedule is not BATCH:
            return [b.load(pointer)]
        rows = [b.ir.select(b.ir.icmp_signed("<", b.const(row), last), b.const(row), last) for row in range(WORD)]
        return [b.load(b.offset(pointer, b.ir.mul(row, b.const(images)))) for row in rows]

    def store(
        self,
        values: Sequence[ir.Value],
        pointer: ir.Value,
        element: Element,
        inverse: ir.Value | None = None,
        last: ir.Value | None = None,
    ) -> None:
        """Store a group of f32: as integers, `inverse` being that of their scale, or as it is, rows up to `last`."""
        b = self.b
        if element == REAL:
            self._store_rows(values, pointer, last)
        elif self.schedule is BATCH:
            b.store_words(b.joined(values, element, inverse), pointer)
        else:
            b.store_values(values[0], pointer, 0, element, inverse)

    def _store_rows(self, values: Sequence[ir.Value], pointer: ir.Value, last: ir.Value | None) -> None:
        b = self.b
        b.store(values[0], pointer)
        for row, value in enumerate(values[1:], start=1):
            with b.ir.if_then(b.ir.icmp_signed("<=", b.const(row), last)):
                b.store(value, b.offset(pointer, row * b.target.block_images))
