"""Layers that normalise an image by its own moments, in PyTorch: Normalize, MVN."""

import torch
from torch import Tensor

from xdn.layers.mvn import MVN
from xdn.layers.normalize import Normalize
from xdn.train.torch_layers.base import Given, torch_layer
from xdn.train.torch_layers.normalise import spread


@torch_layer("Normalize")
def normalize(params: Normalize, given: Given) -> Tensor:
    """Divide by the norm, then multiply by the learned scale where there is one."""
    x = given.x
    axes = tuple(range(1, x.ndim if params.across_spatial else 2))
    if params.norm == "L1":
        unit = x / (x.abs().sum(axes, keepdim=True) + params.eps)
    else:
        unit = x / torch.sqrt(x.square().sum(axes, keepdim=True) + params.eps)
    return unit * spread(given.weights["scale"], 1, x.ndim) if params.scaled else unit


@torch_layer("MVN")
def mvn(params: MVN, given: Given) -> Tensor:
    """Subtract the mean, then divide by the deviation and eps.

    A root has no finite slope at 0: below the least normal f32 the variance counts as that, and has no gradient.
    """
    shape = given.x.shape
    x = given.x.reshape(shape[0], 1 if params.across_channels else shape[1], -1)
    centred = x - x.mean(2, keepdim=True)
    if params.normalize_variance:
        variance = centred.square().mean(2, keepdim=True)
        deviation = variance.clamp_min(torch.finfo(torch.float32).tiny).sqrt()
        centred = centred / (deviation + params.eps)
    return centred.reshape(shape)
