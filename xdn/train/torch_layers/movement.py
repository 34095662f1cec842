"""Pad, Embed, and what changes the size of images, in PyTorch; what moves values otherwise: portable.py."""

import torch
from torch import Tensor
from torch.nn import functional as F

from xdn.layers.deephiresize import DeephiResize
from xdn.layers.embed import Embed
from xdn.layers.interp import Interp
from xdn.layers.pad import Pad
from xdn.layers.upsample import Upsample
from xdn.train.torch_layers.base import Given, torch_layer


@torch_layer("Pad")
def pad(params: Pad, given: Given) -> Tensor:
    """A copy with its border."""
    if params.kind != "ZERO":
        rows, columns = (torch.from_numpy(each).to(given.x.device) for each in params.places(given.x.shape[2:]))
        return given.x[:, :, rows][..., columns]
    above, left = params.border(given.x.shape[2:])
    return F.pad(given.x, (*left, *above))


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


@torch_layer("Interp")
def interp(params: Interp, given: Given) -> Tensor:
    """Bilinear with aligned corners, after the crop."""
    (top,) = params.infer(given.blobs, 1)
    h, w = given.x.shape[2:]
    part = given.x[:, :, -params.pad_beg : h + params.pad_end, -params.pad_beg : w + params.pad_end]
    return F.interpolate(part, top.shape[2:], mode="bilinear", align_corners=True)


@torch_layer("DeephiResize")
def deephi_resize(params: DeephiResize, given: Given) -> Tensor:
    """Bilinear between the middles of places, or copies of the nearest."""
    x, sizes = given.x, given.x.shape[2:]
    if params.resize_type == "BILINEAR":
        return F.interpolate(x, params.output_size(*sizes), mode="bilinear", align_corners=False)
    rows, columns = (torch.from_numpy(places).to(x.device) for places in params.places(*sizes))
    return x.index_select(2, rows).index_select(3, columns)


@torch_layer("Embed")
def embed(params: Embed, given: Given) -> Tensor:
    """Rows of the weight, which has the gradient, and the bias; the numbers have none."""
    rows = given.x.detach().float().nan_to_num().clamp(0, params.input_dim - 1).long()
    found = F.embedding(rows, given.weights["weight"])
    return found + given.weights["bias"] if params.bias_term else found
