"""Interp and DeephiResize in PyTorch."""

import torch
from torch import Tensor
from torch.nn import functional as F

from xdn.layers.deephiresize import DeephiResize
from xdn.layers.interp import Interp
from xdn.train.torch_layers.base import Given, torch_layer


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
