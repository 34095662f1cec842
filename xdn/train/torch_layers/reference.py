"""Layers that PyTorch leaves to their NumPy reference: PriorBox and others of detectors, ArgMax."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from xdn.graph import LayerParams
from xdn.layers.priorbox import PriorBox
from xdn.train.torch_layers.base import Mode, refuse_gradient, torch_layer


@torch_layer("PriorBox")
def prior_box(params: PriorBox, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """A constant of the bottoms' shapes, f32."""
    # Views of one zero: nothing reads the values.
    (boxes,) = params.reference([np.broadcast_to(np.float32(0), tuple(x.shape)) for x in bottoms], {}, 1)
    return torch.from_numpy(boxes).to(bottoms[0].device)


@torch_layer("ArgMax", "DetectionOutput", "Proposal", "PSROIPooling", "ROIPooling", counts_tops=True)
def by_reference(
    params: LayerParams, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode, n_tops: int
) -> tuple[Tensor, ...]:
    """The reference's values, f32; UnsupportedError where a gradient is to pass."""
    refuse_gradient(bottoms)
    arrays = [bottom.detach().float().contiguous().cpu().numpy() for bottom in bottoms]
    tops = params.reference(arrays, {}, n_tops)
    return tuple(torch.from_numpy(np.ascontiguousarray(top)).to(bottoms[0].device) for top in tops)
