"""Weights of codebooks while their centroids are learned: codes stay, and blocks follow their centroids.

A centroid c stands for all blocks of its code, so that its gradient is the sum of theirs (Martinez et al., "Permute,
Quantize, and Fine-tune", 2021). What layers compute with are the values that a file holds, f16(c); gradients pass this
rounding as if there were none.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xdn.errors import WeightsError
from xdn.graph import Layer, Shape
from xdn.graph.codebook import codebook_in

_LARGEST = float(np.finfo(np.float16).max)


class _Blocks(torch.autograd.Function):
    """The centroids (k, block), rounded to f16, that codes (blocks,) name: (blocks, block)."""

    @staticmethod
    def forward(ctx: Any, centroids: Tensor, codes: Tensor) -> Tensor:
        ctx.codes, ctx.shape = codes, centroids.shape
        return centroids.clamp(-_LARGEST, _LARGEST).half().float().index_select(0, codes)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.new_zeros(ctx.shape).index_add_(0, ctx.codes, gradient), None


@dataclass(frozen=True, eq=False)
class Codes:
    """Which centroid each block of a weight is.

    Parameters
    ----------
    codes : (blocks,) int tensor
    shape : tuple of int
        Of the weight.
    """

    codes: Tensor
    shape: Shape

    def weight(self, centroids: Tensor) -> Tensor:
        """Return the weight that centroids (k, block) make."""
        blocks: Tensor = _Blocks.apply(centroids, self.codes)
        return blocks.reshape(self.shape)


def learned_codes(layer: Layer) -> tuple[Tensor, Codes]:
    """Return the centroids (k, block), f32, with which a layer of a codebook begins to learn, and its codes.

    WeightsError where its weight is not of such blocks.
    """
    codebook = codebook_in(layer)
    if codebook is None:
        what = f"its weight is not of 256 blocks of {layer.block} numbers in f16, or fewer, as its codebook says"
        mend = "Make the codebook with xdn-optimize --codebooks, or delete its line (xdn_param) from the prototxt"
        raise WeightsError(what, where=layer.place, mend=mend)
    centroids = torch.from_numpy(codebook.centroids.astype(np.float32))
    codes = torch.from_numpy(codebook.codes.astype(np.int32))
    return centroids, Codes(codes, layer.weights["weight"].shape)
