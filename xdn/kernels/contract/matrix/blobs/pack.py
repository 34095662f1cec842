"""How channels are cut into steps of the tile unit, and filters packed for them, as blobs and filters are stored.

A step is `depth` words of channels that lie together, 16 where there are as many. In the batch schedule a row of a
register is a word of all images: the last step begins earlier, so that it ends with the last word, and has zeros for
the weights of channels that the step before has summed. So nothing is read beyond a position, whatever lies there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xdn.codegen.tiles import ROWS, WORDS
from xdn.element import BF16, S32
from xdn.graph import Array, LayerParams
from xdn.kernels.contract.task import used_elements
from xdn.kernels.contract.words.task import IntegerSource, WordSource, WordTask
from xdn.kernels.core.aligned import aligned
from xdn.kernels.core.packing import packed_once
from xdn.layers.integer import rounded_weight, weight_scales


@dataclass(frozen=True)
class Steps:
    """The steps of a position's channels.

    Parameters
    ----------
    channels, together : int
        Of the position; that are a word.
    depth : int
        Words of a step.
    firsts : tuple of int
        The first word of each step.
    """

    channels: int
    together: int
    depth: int
    firsts: tuple[int, ...]

    @staticmethod
    def of_images(channels: int, together: int, depth: int) -> "Steps":
        """Return steps of `depth` words, of which a position has as many at least, that end where its words do."""
        words = -(-channels // together)
        firsts = tuple(min(first, words - depth) for first in range(0, words, depth))
        return Steps(channels, together, depth, firsts)

    @staticmethod
    def of_lines(channels: int, together: int) -> "Steps":
        """Return whole steps, the last one filled up, as the channels of an image lie."""
        words = -(-channels // together)
        return Steps(channels, together, WORDS, tuple(range(0, words, WORDS)))

    def spread(self, numbers: Array) -> Array:
        """Return the numbers (K, channels, taps) as (K, steps, depth x together, taps): each once, else zeros."""
        length = self.depth * self.together
        wide = np.zeros((len(numbers), len(self.firsts), length, numbers.shape[2]), numbers.dtype)
        done = 0
        for number, first in enumerate(self.firsts):
            begin = first * self.together
            end = min(begin + length, self.channels)
            wide[:, number, done - begin : end - begin] = numbers[:, done:end]
            done = end
        return wide


def steps_of_words(task: WordTask) -> list[Steps]:
    """Return the steps of each source's channels: of as many words as the registers can hold of all of them."""
    depth = min(WORDS, *(each.words for each in task.sources))
    return [Steps.of_images(each.source.channels, each.together, depth) for each in task.sources]


def steps_of_lines(task: WordTask) -> list[Steps]:
    """Return the same of whole cache lines, as blobs of the channel schedule have them.

    What is padding there may be anything: of bf16 it could be infinite, which no weight of zero takes out of a sum.
    """
    if not all(isinstance(each, IntegerSource) for each in task.sources):
        return steps_of_words(task)
    return [Steps.of_lines(each.source.channels, each.together) for each in task.sources]


@dataclass(frozen=True)
class Filters:
    """In which order a kernel reads filters.

    Parameters
    ----------
    steps : Steps
    registers : int
        Of filters of a tile.
    columns : bool
        Whether they are the columns of what is multiplied, else the rows.
    """

    steps: Steps
    registers: int
    columns: bool

    @property
    def step_words(self) -> int:
        """32-bit words of a tile's filters, of one step."""
        return self.registers * ROWS * self.steps.depth

    def packed(self, numbers: Array, firsts: Sequence[int]) -> Array:
        """Return filters (K, channels, taps) as 32-bit words, flat.

        They are (tiles, taps, steps, registers, 16, depth) where filters are rows, and (..., depth, 16) where they are
        columns: of the tiles whose first filters are `firsts`, zeros after the last one.
        """
        rows = self.registers * ROWS
        wide = self.steps.spread(numbers)
        filled = np.zeros((max(firsts) + rows, *wide.shape[1:]), wide.dtype)
        filled[: len(wide)] = wide[: len(filled)]
        tiles = np.stack([filled[first : first + rows] for first in firsts])
        shape = len(firsts), self.registers, ROWS, wide.shape[1], self.steps.depth, self.steps.together, wide.shape[3]
        order = (0, 6, 3, 1, 4, 2, 5) if self.columns else (0, 6, 3, 1, 2, 4, 5)
        return aligned(tiles.reshape(shape).transpose(order)).view(S32.numpy)


def pack(source: WordSource, firsts: list[int], how: Filters) -> Array:
    """Return the filters of a source, integers or bf16, as `Filters.packed` gives them."""
    used = source.source.lists.used
    if isinstance(source, IntegerSource):
        scales = weight_scales(source.params, source.weights, source.read)
        return _pack_integers(source.weights["weight"], source.params, scales, used, firsts, how)
    return _pack_bf16(source.source.weight, used, firsts, how)


@packed_once
def _pack_integers(
    weight: Array, params: LayerParams, scales: Array, used: Array, firsts: list[int], how: Filters
) -> Array:
    filters = params.filters(rounded_weight(params, weight, scales))
    return how.packed(used_elements(filters.reshape(len(filters), how.steps.channels, -1), used), firsts)


@packed_once
def _pack_bf16(weight: Array, used: Array, firsts: list[int], how: Filters) -> Array:
    return how.packed(BF16.stored(used_elements(weight, used)), firsts)
