"""Layers that PyTorch leaves to their NumPy reference: PriorBox and others of detectors, ArgMax."""

import numpy as np
import torch
from torch import Tensor

from xdn.graph import LayerParams
from xdn.layers.priorbox import PriorBox
from xdn.train.torch_layers.base import Given, refuse_gradient, torch_layer


@torch_layer("PriorBox")
def prior_box(params: PriorBox, given: Given) -> Tensor:
    """A constant of the bottoms' shapes, f32."""
    # Views of one zero: nothing reads the values.
    (boxes,) = params.reference([np.broadcast_to(np.float32(0), tuple(x.shape)) for x in given.bottoms], {}, 1)
    return torch.from_numpy(boxes).to(given.x.device)


@torch_layer("ArgMax", "DetectionOutput", "Proposal", "PSROIPooling", "ROIPooling")
def by_reference(params: LayerParams, given: Given) -> tuple[Tensor, ...]:
    """The reference's values, f32; UnsupportedError where a gradient is to pass."""
    refuse_gradient(given.bottoms)
    arrays = [bottom.detach().float().contiguous().cpu().numpy() for bottom in given.bottoms]
    tops = params.reference(arrays, {}, given.n_tops)
    return tuple(torch.from_numpy(np.ascontiguousarray(top)).to(given.x.device) for top in tops)
