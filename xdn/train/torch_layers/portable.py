"""Layers that PyTorch computes as NumPy does: by the formula in the layer's own file."""

from typing import Any

import torch
from torch import Tensor

from xdn.train.torch_layers.base import Given, torch_layer

#: Types whose formula may give a view of a bottom, or tops that a gradient of their own needs.
_MOVING = (
    "Crop",
    "DepthToSpace",
    "Flatten",
    "Flip",
    "GRU",
    "LSTM",
    "Lstm",
    "Normalize",
    "Permute",
    "Pick",
    "RNN",
    "Reorg",
    "Reshape",
    "Reverse",
    "ShuffleChannel",
    "Slice",
    "Split",
    "Take",
    "TextProposal",
    "Tile",
)
#: Types whose formula gives new tops.
_FRESH = (
    "Axpy",
    "Bias",
    "Binary",
    "ChannelNorm",
    "ChannelScale",
    "Concat",
    "DotProductAttention",
    "Downsample",
    "Eltwise",
    "Gram",
    "ImResize",
    "InnerDistance",
    "Local",
    "MatMul",
    "Mean",
    "NormalizedInnerProduct",
    "Parameter",
    "Region",
    "Resample",
    "Scale",
    "CentredUnpooling",
    "Unary",
    "Where",
)


@torch_layer(*_MOVING)
@torch_layer(*_FRESH, fresh=True)
def portable(params: Any, given: Given) -> tuple[Tensor, ...]:
    """The formula; what only moves values is a view where it can be one."""
    tops: tuple[Tensor, ...] = params.computed(torch, given.bottoms, given.weights, given.n_tops)
    return tops
