"""Layers that PyTorch leaves to their NumPy reference: PriorBox and others of detectors, ArgMax and the like."""

import numpy as np
import torch
from torch import Tensor

from xdn.graph import Array, LayerParams
from xdn.train.torch_layers.base import Given, refuse_gradient, torch_layer

#: Types that are left to their reference.
_TYPES = (
    "Accum",
    "ArgMax",
    "BatchReduction",
    "BatchReindex",
    "BoxOutput",
    "CTCGreedyDecoder",
    "ClusterDetections",
    "CombineRegressions",
    "CompactBilinear",
    "ContinuationIndicator",
    "Correlation",
    "Correlation1D",
    "DataAugmentation",
    "DeformableConvolution",
    "DenseCRF",
    "DetectionOutput",
    "Filter",
    "FlowWarp",
    "HyperColumns",
    "MultiStageMeanfield",
    "Nms",
    "NonMaxSuppression",
    "PriorBox",
    "PriorBoxClustered",
    "Proposal",
    "PSROIAlign",
    "PSROIPooling",
    "Put",
    "ROIAlign",
    "Resize",
    "ROIPooling",
    "SpatialTransformer",
    "Unpooling",
    "Warp",
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
        refuse_gradient([*given.bottoms, *given.weights.values()])
        arrays = [_array(bottom) for bottom in given.bottoms]
    weights = {name: _array(weight) for name, weight in given.weights.items()}
    tops = params.reference(arrays, weights, given.n_tops)
    device = given.x.device if given.bottoms else None
    return tuple(torch.from_numpy(np.ascontiguousarray(top)).to(device) for top in tops)


def _array(tensor: Tensor) -> Array:
    """Return a tensor's values, f32."""
    found: Array = tensor.detach().float().contiguous().cpu().numpy()
    return found
