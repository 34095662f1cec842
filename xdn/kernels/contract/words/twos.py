"""Weights for ``vpmaddubsw``: words of channels in twos, whose sums of pairs s16 holds whatever x is.

The instruction multiplies u8 by s8, and adds neighbours in s16, where it saturates. Of two words the pairs are added
there, too, before they are widened to s32. For both together, or a word alone, each half has such weights in every
filter of a tile that no sum of products is beyond s16::

    255 * (the sum of the positive weights)               <= 32767         that is, 128 at most
    255 * (the sum of the magnitudes of the negative ones) <= 32767

A word that is beyond that by itself becomes two, one of its even channels and one of its odd ones, where each pair has
a single weight. Any two words of a tap may go together, for the order of sums is free: those with the largest weights
are tried with those with the smallest. Words of zeros are left out. So each tile has its own order of words, and says
beside the weights where these are in x::

    twos and single words of all tiles, then where each tile begins, in words of 32 bits
    per tile: number of each tap's first two, and of the end; the same of its single words; counted from the tile on
              per two: offset of each word of x, then per filter the weights of both words
              per single word: its offset, then the weights of each filter
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xdn.graph import Array, LayerParams
from xdn.kernels.contract.words.task import IntegerSource, Packing, Span, laid_out
from xdn.kernels.core.aligned import aligned
from xdn.kernels.core.layout import BlockLayout
from xdn.kernels.core.packing import packed_once
from xdn.layers.integer import rounded_weight

#: The largest sum of magnitudes of one sign that is multiplied in s16.
MOST = 32767 // 255
#: What two words and one take, of the time in which ``vpmaddwd`` multiplies one: on a Zen 4 that is held to AVX2.
_TWO_COST, _ONE_COST = 1.45, 0.9
#: How often words that have found no partner are tried with others.
_ROUNDS = 8


def word_size(rows: int) -> int:
    """Return the words of 32 bits that a word of channels takes in tiles of so many filters, with its offset."""
    return 1 + rows


def tap_runs(source: IntegerSource, top: BlockLayout) -> tuple[Array, Array]:
    """Return positions as `TapLists.in_runs` gives them, and runs of neighbouring taps.

    A row of these: where the numbers of a tile's single words begin, after those of its twos; first tap; taps.
    """
    positions, taps = source.source.lists.in_elements(source.source.layout, top)
    begins = np.ones(len(taps), bool)
    begins[1:] = np.diff(taps[:, 1]) != 1
    heads = positions[:, 1]
    begins[heads[heads < len(taps)]] = True
    starts = np.flatnonzero(begins)
    positions[:, 1:3] = np.append(0, np.cumsum(begins))[positions[:, 1:3]]
    ones = np.full(len(starts), len(source.source.lists.used) + 1)
    return positions, np.column_stack([ones, taps[starts, 1], np.diff(np.append(starts, len(taps)))])


def pack_twos(source: IntegerSource, spans: Sequence[Span], width: int, rows: int) -> Array:
    """Return the weights of tiles of `rows` filters; see the module."""
    layout, lists = source.source.layout, source.source.lists
    offsets = np.zeros(len(lists.used), np.int64)
    offsets[lists.taps[:, 1]] = lists.taps[:, 0] * layout.position_elements
    places = offsets[:, None] + np.arange(width) * layout.images * layout.interleave
    scales, how = source.scales, source.packing(width, rows, 1)
    return _pack(source.weights["weight"], source.params, scales, lists.used, spans, how, places)


@packed_once
def _pack(
    weight: Array, params: LayerParams, scales: Array, used: Array, spans: Sequence[Span], how: Packing, places: Array
) -> Array:
    """Return the weights; `places` (taps, width): where each word of x begins, from the position's window on."""
    words = laid_out(params.filters(rounded_weight(params, weight, scales)), used, spans, how)
    return in_twos(words.view(np.int8).reshape(len(spans), len(used), how.width, how.rows, 4), places)


@dataclass(frozen=True, eq=False)
class _Items:
    """What is multiplied at once: words, or halves of them.

    Parameters
    ----------
    segment : (n,) int64
        Which tap of which tile each belongs to.
    place : (n,) int64
        Where its word of x begins.
    weights : (n, rows, 4) int8
    """

    segment: Array
    place: Array
    weights: Array

    @staticmethod
    def of(words: Array, places: Array) -> "_Items":
        """Return the items of words (tiles, taps, width, rows, 4)."""
        tiles, taps, width, *each = words.shape
        flat = words.reshape(-1, *each)
        segment = np.arange(tiles * taps).repeat(width)
        place = np.tile(places.ravel(), tiles)
        beyond = _loads(flat).max(axis=1, initial=0) > MOST
        whole = flat.any(axis=(1, 2)) & ~beyond
        even, odd = (flat[beyond] * np.array(mask, np.int8) for mask in ((1, 0, 1, 0), (0, 1, 0, 1)))
        return _Items(
            np.concatenate([segment[whole], segment[beyond], segment[beyond]]),
            np.concatenate([place[whole], place[beyond], place[beyond]]),
            np.concatenate([flat[whole], even, odd]),
        )


def _loads(weights: Array) -> Array:
    """Return (n, loads) int16: the sums of each sign's magnitudes in each half of each filter's word."""
    one, other = weights[..., 0::2].astype(np.int16), weights[..., 1::2].astype(np.int16)
    positive = np.maximum(one, 0) + np.maximum(other, 0)
    both = np.stack([positive, positive - one - other], axis=1)
    return both.reshape(len(weights), 4 * weights.shape[1])


def _matched(items: _Items) -> tuple[Array, Array]:
    """Return the first item of each two, and the second, -1 of one that stays alone; ordered by their segments."""
    loads = _loads(items.weights)
    left = np.lexsort((-loads.max(axis=1, initial=0), items.segment))
    firsts, seconds, free = [], [], np.ones(len(loads), bool)
    for _ in range(_ROUNDS):
        segment = items.segment[left]
        start = np.searchsorted(segment, segment)
        last = np.searchsorted(segment, segment, side="right") - 1
        here = np.arange(len(left))
        # The n-th largest of a segment, and the n-th smallest.
        partner = start + last - here
        first, second = left[here < partner], left[partner[here < partner]]
        fits = (loads[first] + loads[second] <= MOST).all(axis=1)
        if not fits.any():
            break
        firsts.append(first[fits])
        seconds.append(second[fits])
        free[first[fits]] = free[second[fits]] = False
        left = left[free[left]]
    found = np.concatenate([*firsts, left]), np.concatenate([*seconds, np.full(len(left), -1)])
    order = np.argsort(items.segment[found[0]], kind="stable")
    return found[0][order], found[1][order]


def in_twos(words: Array, places: Array) -> Array:
    """Return weights in twos and single words, flat s32.

    Parameters
    ----------
    words : (tiles, taps, width, rows, 4) int8
    places : (taps, width)
        Where each word of x begins.
    """
    tiles, taps, _, rows, _ = words.shape
    items, size = _Items.of(words, places), word_size(rows)
    first, second = _matched(items)
    alone, paired = first[second < 0], np.stack([first[second >= 0], second[second >= 0]], axis=1)
    told = np.concatenate([items.place[:, None], np.ascontiguousarray(items.weights).view(np.int32)[..., 0]], axis=1)
    # Offsets, then of each filter, those of both words side by side.
    twos = told[paired].swapaxes(1, 2).reshape(-1, 2 * size).astype(np.int32)
    ones = told[alone].astype(np.int32)
    ends = [np.searchsorted(items.segment[each], np.arange(tiles * taps + 1)) for each in (paired[:, 0], alone)]
    # The numbers fill as many twos as they take.
    head = -(-2 * (taps + 1) // (2 * size))
    parts, begins = [], []
    at = 2 + tiles
    for tile in range(tiles):
        two, one = (each[tile * taps : (tile + 1) * taps + 1] for each in ends)
        numbers = np.zeros(head * 2 * size, np.int32)
        numbers[: taps + 1] = head + two - two[0]
        numbers[taps + 1 : 2 * (taps + 1)] = 2 * (head + two[-1] - two[0]) + one - one[0]
        parts += [numbers, twos[two[0] : two[-1]].ravel(), ones[one[0] : one[-1]].ravel()]
        begins.append(at)
        at += sum(map(len, parts[-3:]))
    return aligned(np.concatenate([np.array([len(twos), len(ones), *begins], np.int32), *parts]))


def begins_of(packed: Array, tiles: int) -> Array:
    """Return where each tile's weights begin."""
    return packed[2 : 2 + tiles]


def cost_of(packed: Array) -> float:
    """Return what the weights of all tiles take, in words that ``vpmaddwd`` multiplies in that time."""
    return float(packed[0] * _TWO_COST + packed[1] * _ONE_COST)
