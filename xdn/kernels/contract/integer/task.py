"""What layers that read 8-bit integers contract: sources and filters, words of four channels, which groups meet which.

Kernels read four channels that lie together as one word. The channels of a group need not begin with a word, nor the
filters that are stored together end with one: a tile reads all words that hold channels of its filters' groups, and
has zeros for the weights of the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xdn.codegen.dots import DOTS
from xdn.codegen.words import WORD
from xdn.element import S8, U8
from xdn.graph import Array, LayerParams, Quantized, Weights
from xdn.graph.epilogue import projection_weights
from xdn.kernels.contract.task import Source, can_be_contracted, contraction_task, used_elements
from xdn.kernels.core.aligned import aligned
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.layout import BlockLayout
from xdn.kernels.core.packing import packed_once
from xdn.kernels.core.taps import distinct
from xdn.layers.integer import IntegerFilters, integer_filters, rounded_weight, weight_scales

#: Blobs of integers.
_INTEGERS = (U8, S8)


def words_of(channels: int) -> int:
    """Return the words of so many channels, the last one filled up."""
    return -(-channels // WORD)


@dataclass(frozen=True)
class Span:
    """Filters `first` <= k < `end`, and the first word of channels that a tile of them reads."""

    first: int
    end: int
    word: int


@dataclass(frozen=True, eq=False)
class IntegerSource:
    """What is summed over.

    Parameters
    ----------
    source : Source
        Its weights are f32.
    params : LayerParams
        Of the layer, or of a projection.
    weights : mapping
        By the names that `params` has for them.
    read : Quantized
        As what the blob is read.
    groups : int
    dots : str
        How the target multiplies.
    """

    source: Source
    params: LayerParams
    weights: Weights
    read: Quantized
    groups: int
    dots: str

    @cached_property
    def filters(self) -> IntegerFilters:
        """Weights as integers."""
        return integer_filters(self.params, self.weights, self.read)

    @property
    def count(self) -> int:
        """Filters."""
        return len(self.source.weight)

    def _words_of(self, first: int, end: int) -> tuple[int, int]:
        """Return the first word that filters read, and the one after the last."""
        filters, channels = self.count // self.groups, self.source.channels
        last_group = (min(end, self.count) - 1) // filters
        return first // filters * channels // WORD, words_of((last_group + 1) * channels)

    def spans(self, ranges: Sequence[tuple[int, int]]) -> tuple[list[Span], int]:
        """Return ranges of filters as spans that all read as many words, and how many."""
        found = [self._words_of(*each) for each in ranges]
        width = max(end - first for first, end in found)
        most = words_of(self.source.layout.channels) - width
        return [Span(*each, min(word, most)) for each, (word, _) in zip(ranges, found, strict=True)], width

    def runs(self, top: BlockLayout, width: int) -> tuple[Array, Array]:
        """Return positions and runs as `TapLists.in_runs` gives them, of words."""
        found: tuple[Array, Array] = self.source.lists.in_runs(self.source.layout, top, width, WORD)
        return found

    def pack(self, spans: Sequence[Span], width: int, rows: int, lanes: int = 1) -> Array:
        """Return the weights for tiles of `rows` filters, as `pack` does."""
        how = Packing(self.source.weight.shape, self.groups, self.dots, rows, width, lanes)
        scales = weight_scales(self.params, self.weights, self.read)
        return pack(self.weights["weight"], self.params, scales, self.source.lists.used, spans, how)

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
class IntegerTask:
    """What a layer contracts."""

    sources: tuple[IntegerSource, ...]

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
    sources = [IntegerSource(own, layer.params, layer.weights, layer.integers[0], group, dots)]
    if layer.projection is not None:
        weights = projection_weights(layer.weights)
        sources += [IntegerSource(each, layer.projection, weights, layer.integers[-1], 1, dots) for each in others]
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
    """Return (tiles, taps, width, rows / lanes, words of four weights, lanes) s32, flat.

    Parameters
    ----------
    weight : array
        f32, as the layer has it.
    params : LayerParams
    scales : (K,)
        What 1 stands for in each filter.
    used : (taps,) int64
        Elements of the window, numbered row-major.
    spans : sequence of Span
        The filters of each tile.
    how : Packing
    """
    integers = params.filters(rounded_weight(params, weight, scales)).reshape(how.shape)
    taps = used_elements(integers, used).transpose(2, 0, 1)
    filters, channels = len(integers) // how.groups, integers.shape[1]
    wide = np.zeros((len(spans), len(used), how.rows, how.width * WORD), np.int8)
    for tile, span in zip(wide, spans, strict=True):
        for group in range(span.first // filters, -(-span.end // filters)):
            first, end = max(span.first, group * filters), min(span.end, (group + 1) * filters)
            begin = group * channels - span.word * WORD
            tile[:, first - span.first : end - span.first, begin : begin + channels] = taps[:, first:end]
    words = wide.reshape(*wide.shape[:3], how.width, WORD).swapaxes(2, 3)
    way = DOTS[how.dots]
    split = way.packed(words).reshape(*words.shape[:3], how.rows // how.lanes, how.lanes, way.words)
    return aligned(split.swapaxes(4, 5))
