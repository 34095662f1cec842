"""Pad and Upsample in PyTorch; what only takes values to other places: portable.py."""

import torch
from torch import Tensor
from torch.nn import functional as F

from xdn.layers.pad import Pad
from xdn.layers.upsample import Upsample
from xdn.train.torch_layers.base import Given, torch_layer


@torch_layer("Pad")
def pad(params: Pad, given: Given) -> Tensor:
    """A copy with zeros around it."""
    rows, columns = params.border()
    return F.pad(given.x, (*columns, *rows))


@torch_layer("Upsample")
def upsample(params: Upsample, given: Given) -> Tensor:
    """Each position repeated; with a mask each value at its place, and its gradient from there.

    The mask has no gradient. Places outside of the top go to an element after it, which is cut off.
    """
    x = given.x
    n, c, h, w = x.shape
    p, q = params.output_size(h, w)
    if len(given.bottoms) == 1:
        return F.interpolate(x, (p, q), mode="nearest")
    places = given.bottoms[1].reshape(n * c, h * w)
    within = (places >= 0) & (places < p * q)
    rows = torch.where(within, places, p * q).long()
    top = x.new_zeros(n * c, p * q + 1).scatter(1, rows, x.reshape(n * c, h * w))
    return top[:, : p * q].reshape(n, c, p, q)
