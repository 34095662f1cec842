"""What layers that read bf16 contract: filters rounded to bf16, whose pairs of channels are words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xdn.element import BF16
from xdn.graph import Array
from xdn.kernels.contract.task import can_be_contracted, contraction_task
from xdn.kernels.contract.words.task import Packing, Span, WordSource, WordTask, laid_out
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.packing import packed_once


@dataclass(frozen=True, eq=False)
class Bf16Source(WordSource):
    """Numbers of bf16.

    Parameters
    ----------
    source, groups, dots
    bias : (K,) array
        Of all sources; f32.
    """

    bias: Array

    def pack(self, spans: Sequence[Span], width: int, rows: int, lanes: int = 1) -> Array:
        """Return the weights for tiles of `rows` filters, as `laid_out` does."""
        return pack_bf16(self.source.weight, self.source.lists.used, spans, self.packing(width, rows, lanes))

    def biases(self) -> tuple[Array, Array]:
        """Return (1, K) f32, what sums begin with, and (P*Q,) zeros."""
        return self.bias[None], np.zeros(len(self.source.lists.positions), np.int64)


def is_of_bf16(lowering: Lowering) -> bool:
    """Return whether all blobs that a layer reads hold bf16, and it can be contracted."""
    return can_be_contracted(lowering) and all(b.element == BF16 for b in (*lowering.bottoms, *lowering.added))


def pair_task(lowering: Lowering) -> WordTask:
    """Return what a layer of `is_of_bf16` contracts."""
    task, way = contraction_task(lowering), lowering.target.way(BF16)
    return WordTask([Bf16Source(each, task.groups, way, task.bias) for each in task.sources])


@packed_once
def pack_bf16(weight: Array, used: Array, spans: Sequence[Span], how: Packing) -> Array:
    """Return filters (K, C/G, R, S) f32 as bf16 that is `laid_out`."""
    return laid_out(BF16.stored(weight), used, spans, how)
