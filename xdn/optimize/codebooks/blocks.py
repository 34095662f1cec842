"""Which layers get codebooks, and how long their blocks are."""

from dataclasses import dataclass
from math import prod

from xdn.graph import ChannelAxis, Layer, Net, Side
from xdn.optimize.codebooks.config import BLOCKS, CodebookConfig
from xdn.optimize.match import sharers
from xdn.optimize.quantize.choice import is_product

#: A codebook has at most a centroid for so many blocks.
_BLOCKS_A_CENTROID = 4


@dataclass(frozen=True)
class Blocks:
    """How a layer's weight is cut into blocks.

    Parameters
    ----------
    length : int
        Numbers in each.
    channels : int
        The channels of the layer's bottom that they belong to, each with as many; 1 where they belong to one, or where
        no order of the bottom's channels would change them.
    centroids : int
        In the codebook.
    """

    length: int
    channels: int
    centroids: int


def multiplying(net: Net) -> list[Layer]:
    """Return the layers that multiply values with a weight of their own."""
    return [layer for layer in net.layers if "weight" in layer.weights and is_product(net, layer)]


def blocks_of(net: Net, layer: Layer, config: CodebookConfig, is_first: bool) -> Blocks | str:
    """Return how the weight of a layer that is `multiplying` is cut, or why it is not, a clause.

    A block holds the weights by which a filter multiplies some channels of the bottom, one after another: of a weight
    (K, C, R, S) m * R * S numbers, m being what `config` wants or the largest number below that divides C.
    """
    if config.keeps(layer.name):
        return "it was asked for"
    if sharers(net, layer):
        return "it shares its weights"
    if is_first:
        return "it is the first that multiplies with weights"
    shape = layer.weights["weight"].shape
    kernel, along = prod(shape[2:]), 1 if shape[1] > 1 else 0
    pointwise, window = BLOCKS[config.blocks if len(shape) > 2 else "small"]
    wanted = pointwise if kernel == 1 else window
    together = max(m for m in range(1, wanted + 1) if shape[along] % m == 0)
    blocks = prod(shape) // (together * kernel)
    axis = layer.params.weight_channels(net.bottom_blobs(layer))["weight"][along]
    of_bottom = isinstance(axis, ChannelAxis) and axis.side is Side.BOTTOM and axis.each == 1
    made = Blocks(together * kernel, together if of_bottom else 1, min(config.centroids, blocks // _BLOCKS_A_CENTROID))
    if made.centroids < 2 or blocks + 2 * made.length * made.centroids >= 4 * prod(shape):
        return "a codebook would take as much"
    return made
