"""Layers that PyTorch leaves to their NumPy reference: PriorBox and others of detectors, ArgMax and the like."""

import numpy as np
import torch
from torch import Tensor

from xdn.graph import LayerParams
from xdn.train.torch_layers.base import Given, refuse_gradient, torch_layer

#: Types that are left to their reference.
_TYPES = (
    "ArgMax",
    "BatchReindex",
    "CTCGreedyDecoder",
    "ClusterDetections",
    "ContinuationIndicator",
    "Correlation",
    "Correlation1D",
    "DetectionOutput",
    "Filter",
    "FlowWarp",
    "HyperColumns",
    "PriorBox",
    "PriorBoxClustered",
    "Proposal",
    "PSROIPooling",
    "ROIPooling",
    "Unpooling",
    "YoloDetectionOutput",
    "Yolov3DetectionOutput",
)


@torch_layer(*_TYPES)
def by_reference(params: LayerParams, given: Given) -> tuple[Tensor, ...]:
    """The reference's values, f32; UnsupportedError where a gradient is to pass, but for a constant of the shapes."""
    if params.reads_shapes_only:
        # Views of one zero: nothing reads the values.
        arrays = [np.broadcast_to(np.float32(0), tuple(bottom.shape)) for bottom in given.bottoms]
    else:
        refuse_gradient(given.bottoms)
        arrays = [bottom.detach().float().contiguous().cpu().numpy() for bottom in given.bottoms]
    tops = params.reference(arrays, {}, given.n_tops)
    device = given.x.device if given.bottoms else None
    return tuple(torch.from_numpy(np.ascontiguousarray(top)).to(device) for top in tops)
