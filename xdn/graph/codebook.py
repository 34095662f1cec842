"""Weights of a codebook: runs of numbers, of which a weight has few different ones, and which of them stand where.

A block is `block` numbers of a weight, one after another as the weight lies in memory. A codebook holds the different
blocks, the centroids, in f16; each block of the weight is then a code of 8 bits. It says how files hold a weight, and
what training changes; layers compute with the f32 values.
"""

from dataclasses import dataclass

import numpy as np

from xdn.element import real
from xdn.graph.blob import Array, Shape
from xdn.graph.layer import Layer
from xdn.graph.net import Net

#: How many centroids a code of 8 bits tells apart.
MOST_CENTROIDS = 256
#: The first so many blocks are looked at alone: most weights of no codebook show there what they are.
_FEW = 1 << 12
#: So many numbers are spread at a time, or one block.
_PART = 1 << 20
#: An odd factor whose powers spread the numbers of a block over 64 bits (Knuth's multiplicative hashing).
_SPREAD = 0x9E3779B97F4A7C15


@dataclass(frozen=True, eq=False)
class Codebook:
    """A weight as centroids and codes.

    Parameters
    ----------
    centroids : (k, block) f16
        k is 256 at most.
    codes : (blocks,) u8
        The centroid of each block, below k.
    """

    centroids: Array
    codes: Array

    @property
    def bytes(self) -> int:
        """What centroids and codes take in a file."""
        return self.centroids.nbytes + self.codes.nbytes

    def weight(self, shape: Shape) -> Array:
        """Return the f32 weight of `shape`, in new memory."""
        made: Array = self.centroids.astype(real).take(self.codes, axis=0).reshape(shape)
        return made


def codebook_of(weight: Array, block: int) -> Codebook | None:
    """Return the codebook whose weight has the very bits of `weight`, f32.

    None where blocks of so many numbers do not divide it, some number is not one of f16, or more than 256 different
    blocks stand in it. The order of centroids follows from the blocks alone.
    """
    if block < 1 or weight.size % block or not weight.size:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        halves = np.ascontiguousarray(weight, real).astype(np.float16).reshape(-1, block)
        if not np.array_equal(halves.astype(real).view(np.uint32).ravel(), weight.view(np.uint32).ravel()):
            return None
    bits = halves.view(np.uint16)
    if len(np.unique(_keys(bits[:_FEW]))) > MOST_CENTROIDS:
        return None
    keys, first, codes = np.unique(_keys(bits), return_index=True, return_inverse=True)
    if len(keys) > MOST_CENTROIDS or not np.array_equal(bits[first][codes], bits):
        return None
    return Codebook(halves[first], codes.astype(np.uint8))


def codebook_in(layer: Layer) -> Codebook | None:
    """Return the codebook that makes the weight of a layer, None where it says none or has another weight."""
    return codebook_of(layer.weights["weight"], layer.block) if layer.block and layer.weights else None


def without_codebooks(net: Net) -> Net:
    """Return the net with the same weights, which files hold as f32."""
    return net.replace(layers=tuple(layer.replace(block=0) if layer.block else layer for layer in net.layers))


def with_held_codebooks(net: Net) -> Net:
    """Return the net where no layer says that its weight is a codebook's which is not, such as one fused since."""
    lost = {layer.name for layer in net.layers if layer.block and layer.weights and codebook_in(layer) is None}
    layers = (layer.replace(block=0) if layer.name in lost else layer for layer in net.layers)
    return net.replace(layers=tuple(layers)) if lost else net


def _keys(bits: Array) -> Array:
    """Return (B,) u64, a number that tells blocks (B, block) of 16 bits each apart, but for a chance of 2^-48 or so."""
    factors = np.cumprod(np.full(bits.shape[1], _SPREAD, np.uint64))
    step = max(1, _PART // bits.shape[1])
    parts = (bits[first : first + step].astype(np.uint64) for first in range(0, len(bits), step))
    return np.concatenate([part @ factors for part in parts])
