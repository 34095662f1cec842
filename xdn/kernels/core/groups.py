"""What kernels compute at a time of blobs that are stored in less than f32: groups of channels, which lie alike.

batch
    A group has the channels of a word, of all images of a block: four of 8 bits, two of bf16, four where blobs of both
    meet. In f32 these are as many rows; of the last group of a position there are as many as channels are left.
channel
    A group is as many channels as a vector of f32 has lanes. A position has so many groups as vectors of f32; what lies
    after them in a blob of 8 bits is padding that nobody fills, in one of bf16 a last group of zeros.

Either way group g begins g * `group_elements` after its position, whatever the element.
"""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from llvmlite import ir

from xdn.codegen.target import Target
from xdn.codegen.words import WORD, WordBuilder
from xdn.element import BF16, REAL, Element
from xdn.kernels.core.layout import BATCH, BlockLayout, Schedule

#: Channels of a word of bf16.
_HALVES = BF16.interleave


def together(elements: Iterable[Element]) -> int:
    """Return the channels of a group of the batch schedule, where blobs of these elements meet."""
    return max(element.interleave for element in elements)


def group_elements(target: Target, schedule: Schedule, word: int = WORD) -> int:
    """Return the elements of a group; `word` are its channels in the batch schedule (`together`)."""
    return word * target.block_images if schedule is BATCH else target.lanes


def group_channels(target: Target, schedule: Schedule, word: int = WORD) -> int:
    """Return the channels of a group."""
    return word if schedule is BATCH else target.lanes


def group_count(layout: BlockLayout, word: int = WORD) -> int:
    """Return the groups of a position; of bf16 with those of zeros."""
    if layout.schedule is not BATCH and layout.element == BF16:
        return layout.position_elements // layout.target.lanes
    return -(-layout.channels // group_channels(layout.target, layout.schedule, word))


def stored_words(element: Element, top: Element, target: Target) -> tuple[str, ...]:
    """Return what the names of kernels that read an element say of what they store: bf16 is rounded in several ways."""
    rounding = (target.pairs,) if top == BF16 else ()
    return () if element == top == REAL else ("to", top.name, *rounding)


@dataclass(frozen=True)
class Groups:
    """Emit loads and stores of groups: lists of values, one for each row of the batch schedule, else a single one.

    Parameters
    ----------
    b : WordBuilder
        Its values are rows of images, or vectors of channels.
    schedule : Schedule
    word : int
        Channels of a group of the batch schedule.
    """

    b: WordBuilder
    schedule: Schedule
    word: int = WORD

    @staticmethod
    def of(irbuilder: ir.IRBuilder, target: Target, schedule: Schedule, word: int = WORD) -> "Groups":
        """Return what emits groups at the position of an IRBuilder."""
        registers = target.block_images // target.lanes if schedule is BATCH else 1
        return Groups(WordBuilder(irbuilder, target, registers), schedule, word)

    @property
    def rows(self) -> int:
        """Values of a group."""
        return self.word if self.schedule is BATCH else 1

    @property
    def elements(self) -> int:
        """Elements of a group."""
        return group_elements(self.b.target, self.schedule, self.word)

    @property
    def channels(self) -> int:
        """Channels of a group."""
        return group_channels(self.b.target, self.schedule, self.word)

    def read(
        self, pointer: ir.Value, element: Element, last: ir.Value, factor: ir.Value | None = None
    ) -> list[ir.Value]:
        """Load a group as f32, integers times a factor; `last` is the number of the last channel that is there."""
        if element == REAL:
            return self.load(pointer, last)
        if element == BF16:
            return self._halves(pointer, last)
        return self.values(pointer, element, factor)

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
            return [self.b.broadcast(self.b.scalar(pointer, row)) for row in range(self.word)]
        return [self.b.load(pointer)]

    def load(self, pointer: ir.Value, last: ir.Value) -> list[ir.Value]:
        """Load a group of f32, of which `last` is the number of the last row that is there; it stands for others."""
        b, images = self.b, self.b.target.block_images
        if self.schedule is not BATCH:
            return [b.load(pointer)]
        rows = [b.ir.select(b.ir.icmp_signed("<", b.const(row), last), b.const(row), last) for row in range(self.word)]
        return [b.load(b.offset(pointer, b.ir.mul(row, b.const(images)))) for row in rows]

    def _halves(self, pointer: ir.Value, last: ir.Value) -> list[ir.Value]:
        """Load a group of bf16; the first word stands for one that is not there."""
        b, found = self.b, []
        if self.schedule is not BATCH:
            return [b.load_stored(pointer, 0, BF16)]
        for row in range(0, self.word, _HALVES):
            place = b.offset(pointer, row * b.target.block_images)
            if row:
                place = b.ir.select(b.ir.icmp_signed("<=", b.const(row), last), place, pointer)
            found += b.parts(b.load_words(place), BF16)
        return found

    def store(
        self,
        values: Sequence[ir.Value],
        pointer: ir.Value,
        element: Element,
        inverse: ir.Value | None = None,
        last: ir.Value | None = None,
    ) -> None:
        """Store a group of f32: as integers, `inverse` being that of their scale, or up to the channel `last`."""
        b = self.b
        if element == REAL:
            self._store_rows(values, pointer, last)
        elif element == BF16:
            self._store_halves(values, pointer, last)
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

    def _store_halves(self, values: Sequence[ir.Value], pointer: ir.Value, last: ir.Value | None) -> None:
        """Store bf16, zeros after the last channel: what is padding is multiplied by zeros, and must be finite."""
        b, zero = self.b, self.b.number(0)
        if self.schedule is not BATCH:
            there = b.ir.icmp_signed("<=", b.lane_numbers(), b.same_word(last))
            b.store_values(b.ir.select(there, values[0], zero), pointer, 0, BF16)
            return
        for row in range(0, self.word, _HALVES):
            first, second = values[row : row + _HALVES]
            second = b.ir.select(b.ir.icmp_signed("<", b.const(row), last), second, zero)
            with b.ir.if_then(b.ir.icmp_signed("<=", b.const(row), last)) if row else nullcontext():
                b.store_words(b.joined([first, second], BF16), b.offset(pointer, row * b.target.block_images))
