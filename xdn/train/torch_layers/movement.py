"""Layers that take values to other places, in PyTorch: Slice, Crop, Pad, Permute, Tile, ShuffleChannel and others."""

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from xdn.layers.crop import Crop
from xdn.layers.pad import Pad
from xdn.layers.permute import Permute
from xdn.layers.reorg import Reorg
from xdn.layers.shufflechannel import ShuffleChannel
from xdn.layers.slice import Slice
from xdn.layers.tile import Tile
from xdn.layers.upsample import Upsample
from xdn.train.torch_layers.base import Given, torch_layer


@torch_layer("Slice")
def slice_(params: Slice, given: Given) -> tuple[Tensor, ...]:
    """A view of the bottom for each top."""
    (bottom,) = given.blobs
    parts = pairwise(params.ends(bottom, given.n_tops))
    return tuple(given.x.narrow(params.along(bottom), begin, end - begin) for begin, end in parts)


@torch_layer("Crop")
def crop(params: Crop, given: Given) -> Tensor:
    """A view of the first bottom."""
    return given.x[params.window(given.blobs)]


@torch_layer("Pad")
def pad(params: Pad, given: Given) -> Tensor:
    """A copy with zeros around it."""
    rows, columns = params.border()
    return F.pad(given.x, (*columns, *rows))


@torch_layer("Permute")
def permute(params: Permute, given: Given) -> Tensor:
    """A view with the axes in their new order."""
    return given.x.permute(params.axes(given.blobs[0]))


@torch_layer("Tile")
def tile(params: Tile, given: Given) -> Tensor:
    """Copies, joined."""
    return torch.cat([given.x] * params.tiles, params.axis)


@torch_layer("ShuffleChannel")
def shuffle_channel(params: ShuffleChannel, given: Given) -> Tensor:
    """Groups and channels of a group, transposed."""
    n, c, *rest = given.x.shape
    grouped = given.x.reshape(n, params.group, c // params.group, *rest)
    return grouped.transpose(1, 2).reshape(given.x.shape)


@torch_layer("Reorg")
def reorg(params: Reorg, given: Given) -> Tensor:
    """Darknet's order, and its inverse with `reverse`."""
    n, c, h, w = given.x.shape
    s = params.stride
    (top,) = params.infer(given.blobs, 1)
    if params.reverse:
        parted = given.x.reshape(n, s, s, c // (s * s), h, w).permute(0, 3, 4, 1, 5, 2)
    else:
        parted = given.x.reshape(n, c // (s * s), h, s, w, s).permute(0, 3, 5, 1, 2, 4)
    return parted.reshape(top.shape)


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
