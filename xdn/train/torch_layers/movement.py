"""Layers that take values to other places, in PyTorch: Slice, Crop, Pad, Permute, Tile, ShuffleChannel and others."""

from collections.abc import Mapping, Sequence
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
from xdn.train.torch_layers.base import Mode, blobs_of, torch_layer


@torch_layer("Slice", counts_tops=True)
def slice_(
    params: Slice, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode, n_tops: int
) -> tuple[Tensor, ...]:
    """A view of the bottom for each top."""
    (bottom,) = blobs_of(bottoms)
    parts = pairwise(params.ends(bottom, n_tops))
    return tuple(bottoms[0].narrow(params.along(bottom), begin, end - begin) for begin, end in parts)


@torch_layer("Crop")
def crop(params: Crop, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """A view of the first bottom."""
    return bottoms[0][params.window(blobs_of(bottoms))]


@torch_layer("Pad")
def pad(params: Pad, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """A copy with zeros around it."""
    rows, columns = params.border()
    return F.pad(bottoms[0], (*columns, *rows))


@torch_layer("Permute")
def permute(params: Permute, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """A view with the axes in their new order."""
    return bottoms[0].permute(params.axes(blobs_of(bottoms)[0]))


@torch_layer("Tile")
def tile(params: Tile, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Copies, joined."""
    return torch.cat([bottoms[0]] * params.tiles, params.axis)


@torch_layer("ShuffleChannel")
def shuffle_channel(
    params: ShuffleChannel, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode
) -> Tensor:
    """Groups and channels of a group, transposed."""
    n, c, *rest = bottoms[0].shape
    grouped = bottoms[0].reshape(n, params.group, c // params.group, *rest)
    return grouped.transpose(1, 2).reshape(bottoms[0].shape)


@torch_layer("Reorg")
def reorg(params: Reorg, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Darknet's order, and its inverse with `reverse`."""
    n, c, h, w = bottoms[0].shape
    s = params.stride
    (top,) = params.infer(blobs_of(bottoms), 1)
    if params.reverse:
        parted = bottoms[0].reshape(n, s, s, c // (s * s), h, w).permute(0, 3, 4, 1, 5, 2)
    else:
        parted = bottoms[0].reshape(n, c // (s * s), h, s, w, s).permute(0, 3, 5, 1, 2, 4)
    return parted.reshape(top.shape)


@torch_layer("Upsample")
def upsample(params: Upsample, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Each position repeated; with a mask each value at its place, and its gradient from there.

    The mask has no gradient. Places outside of the top go to an element after it, which is cut off.
    """
    x = bottoms[0]
    n, c, h, w = x.shape
    p, q = params.output_size(h, w)
    if len(bottoms) == 1:
        return F.interpolate(x, (p, q), mode="nearest")
    places = bottoms[1].reshape(n * c, h * w)
    within = (places >= 0) & (places < p * q)
    rows = torch.where(within, places, p * q).long()
    top = x.new_zeros(n * c, p * q + 1).scatter(1, rows, x.reshape(n * c, h * w))
    return top[:, : p * q].reshape(n, c, p, q)
