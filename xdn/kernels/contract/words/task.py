"""What layers that read 8-bit integers or bf16 contract: sources, filters, words of channels, which groups meet which.

Kernels read channels that lie together, four of 8 bits or two of bf16, as one word. The channels of a group need not
begin with a word, nor the filters that are stored together end with one: a tile reads all words that hold channels of
its filters' groups, and has zeros for the weights of the others. (In bf16 an infinity or a NaN in such a word spreads
to the neighbouring group.)
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xdn.codegen.dots import DOTS
from xdn.element import S8, U8, real
from xdn.graph import Array, LayerParams, Quantized, Weights
from xdn.graph.epilogue import projection_weights
from xdn.kernels.contract.task import Source, can_be_contracted, contraction_task, used_elements
from xdn.kernels.core.aligned import aligned
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.layout import BlockLayout
from xdn.kernels.core.packing import packed_once
from xdn.kernels.core.taps import distinct
from xdn.layers.integer import IntegerFilters, integer_filters, rounded_weight, weight_scales

#: Types of layers.
CONTRACTED = ("Convolution", "Deconvolution", "InnerProduct")
#: Blobs of integers.
_INTEGERS = (U8, S8)


def words_of(channels: int, together: int = U8.interleave) -> int:
    """Return the words of so many channels, the last one filled up; `together` are those of a word."""
    return -(-channels // together)


@dataclass(frozen=True)
class Span:
    """Filters `first` <= k < `end`, and the first word of channels that a tile of them reads."""

    first: int
    end: int
    word: int


@dataclass(frozen=True, eq=False)
class WordSource(ABC):
    """What is summed over.

    Parameters
    ----------
    source : Source
        Its weights are f32.
    groups : int
    dots : str
        How the target multiplies.
    """

    source: Source
    groups: int
    dots: str

    @property
    def count(self) -> int:
        """Filters."""
        return len(self.source.weight)

    @property
    def together(self) -> int:
        """Channels of a word."""
        return self.source.layout.element.interleave

    @property
    def words(self) -> int:
        """Words that each filter's channels take, where they begin with one."""
        return words_of(self.source.channels, self.together)

    def _words_of(self, first: int, end: int) -> tuple[int, int]:
        """Return the first word that filters read, and the one after the last."""
        filters, channels = self.count // self.groups, self.source.channels
        last_group = (min(end, self.count) - 1) // filters
        last = words_of((last_group + 1) * channels, self.together)
        return first // filters * channels // self.together, last

    def spans(self, ranges: Sequence[tuple[int, int]]) -> tuple[list[Span], int]:
        """Return ranges of filters as spans that all read as many words, and how many."""
        found = [self._words_of(*each) for each in ranges]
        width = max(end - first for first, end in found)
        most = words_of(self.source.layout.channels, self.together) - width
        return [Span(*each, min(word, most)) for each, (word, _) in zip(ranges, found, strict=True)], width

    def runs(self, top: BlockLayout, width: int) -> tuple[Array, Array]:
        """Return positions and runs as `TapLists.in_runs` gives them, of words."""
        found: tuple[Array, Array] = self.source.lists.in_runs(self.source.layout, top, width, self.together)
        return found

    def packing(self, width: int, rows: int, lanes: int) -> "Packing":
        """Return how weights are packed for tiles of `rows` filters."""
        return Packing(self.source.weight.shape, self.groups, self.dots, rows, width, lanes)

    @abstractmethod
    def pack(self, spans: Sequence[Span], width: int, rows: int, lanes: int = 1) -> Array:
        """Return the weights for tiles of `rows` filters, as `laid_out` does."""

    @abstractmethod
    def biases(self) -> tuple[Array, Array]:
        """Return (rows, K), what sums begin with, and (P*Q,) which of the rows each position has."""

    @property
    def factor(self) -> Array:
        """(K,) f32, what a sum of 1 stands for in each filter; nothing of sums that are f32."""
        return np.empty(0, real)


@dataclass(frozen=True, eq=False)
class IntegerSource(WordSource):
    """Integers of 8 bits.

    Parameters
    ----------
    source, groups, dots
    params : LayerParams
        Of the layer, or of a projection.
    weights : mapping
        By the names that `params` has for them.
    read : Quantized
        As what the blob is read.
    """

    params: LayerParams
    weights: Weights
    read: Quantized

    @cached_property
    def filters(self) -> IntegerFilters:
        """Weights as integers."""
        return integer_filters(self.params, self.weights, self.read)

    @property
    def scales(self) -> Array:
        """(K,) f32, what 1 stands for in each filter."""
        return weight_scales(self.params, self.weights, self.read)

    @property
    def factor(self) -> Array:
        """(K,) f32, what a sum of 1 stands for in each filter."""
        return self.filters.factor

    def pack(self, spans: Sequence[Span], width: int, rows: int, lanes: int = 1) -> Array:
        """Return the weights for tiles of `rows` filters, as `laid_out` does."""
        how = self.packing(width, rows, lanes)
        return pack(self.weights["weight"], self.params, self.scales, self.source.lists.used, spans, how)

    def biases(self) -> tuple[Array, Array]:
        """Return (rows, K) s32, what sums begin with, and (P*Q,) which of the rows each position has.

        What the processor adds to each x of a sum is taken off here, times the weights of the taps that meet data.
        """
        added, own, lists = DOTS[self.dots].added(self.read.element), self.filters.bias, self.source.lists
        if not added:
            return own[None], np.zeros(len(lists.positions), np.int64)
        filters = self.params.filters(self.filters.weight).reshape(self.source.weight.shape)
        sums = used_elements(filters, lists.used).sum(axis=1, dtype=np.int64)
        spans, number = distinct(lists.positions[:, 1:3])
        taken = [sums[:, lists.taps[first:end, 1]].sum(axis=1) for first, end in spans]
        return (own - added * np.array(taken)).astype(np.int32), number


@dataclass(frozen=True, eq=False)
class WordTask:
    """What a layer contracts."""

    sources: Sequence[WordSource]

    @property
    def filters(self) -> int:
        """Filters of all groups."""
        return self.sources[0].count

    @property
    def groups(self) -> int:
        """Groups of the first source; a second one has none."""
        return self.sources[0].groups

    @property
    def filter_macs(self) -> int:
        """Multiply-adds that a filter takes, of all sources."""
        return sum(s.source.lists.multiplications * s.source.channels for s in self.sources)


@dataclass(frozen=True, eq=False)
class IntegerTask(WordTask):
    """What a layer of integers contracts."""

    sources: tuple[IntegerSource, ...]


def is_of_integers(lowering: Lowering) -> bool:
    """Return whether all blobs that a layer reads as integers hold integers, and it can be contracted.

    A residual may be one of f32, as which it is read then.
    """
    read = [*lowering.bottoms, *lowering.added][: len(lowering.layer.integers)]
    return can_be_contracted(lowering) and all(blob.element in _INTEGERS for blob in read)


def integer_task(lowering: Lowering) -> IntegerTask:
    """Return what a layer of `is_of_integers` contracts."""
    layer, dots = lowering.layer, lowering.target.dots
    own, *others = contraction_task(lowering).sources
    group = getattr(layer.params, "group", 1)
    sources = [IntegerSource(own, group, dots, layer.params, layer.weights, layer.integers[0])]
    if layer.projection is not None:
        weights = projection_weights(layer.weights)
        sources += [IntegerSource(each, 1, dots, layer.projection, weights, layer.integers[-1]) for each in others]
    return IntegerTask(tuple(sources))


@dataclass(frozen=True)
class Packing:
    """The order in which a kernel reads weights.

    Parameters
    ----------
    shape : tuple of int
        Of the filters, (K, C/G, R, S).
    groups : int
    dots : str
        How the target multiplies.
    rows, width : int
        Filters of a tile, and words of channels that each reads; zeros stand for what is not there.
    lanes : int
        Filters of a vector, whose words lie side by side; 1 where each filter's lie together.
    """

    shape: tuple[int, ...]
    groups: int
    dots: str
    rows: int
    width: int
    lanes: int = 1


@packed_once
def pack(weight: Array, params: LayerParams, scales: Array, used: Array, spans: Sequence[Span], how: Packing) -> Array:
    """Return a layer's weights f32 as integers that are `laid_out`; `scales` (K,): what 1 stands for in each filter."""
    return laid_out(params.filters(rounded_weight(params, weight, scales)), used, spans, how)


def laid_out(filters: Array, used: Array, spans: Sequence[Span], how: Packing) -> Array:
    """Return (tiles, taps, width, rows / lanes, stored words of a word, lanes) s32, flat.

    Parameters
    ----------
    filters : array
        int8, or the bits of bf16.
    used : (taps,) int64
        Elements of the window, numbered row-major.
    spans : sequence of Span
        The filters of each tile.
    how : Packing
    """
    taps, together = used_elements(filters.reshape(how.shape), used).transpose(2, 0, 1), 4 // filters.itemsize
    count, channels = how.shape[0] // how.groups, how.shape[1]
    wide = np.zeros((len(spans), len(used), how.rows, how.width * together), filters.dtype)
    for tile, span in zip(wide, spans, strict=True):
        for group in range(span.first // count, -(-span.end // count)):
            first, end = max(span.first, group * count), min(span.end, (group + 1) * count)
            begin = group * channels - span.word * together
            tile[:, first - span.first : end - span.first, begin : begin + channels] = taps[:, first:end]
    words = wide.reshape(*wide.shape[:3], how.width, together).swapaxes(2, 3)
    way = DOTS[how.dots]
    split = way.packed(words).reshape(*words.shape[:3], how.rows // how.lanes, how.lanes, way.words)
    return aligned(split.swapaxes(4, 5))
