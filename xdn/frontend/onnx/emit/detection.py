"""Layers of detectors in ONNX: PriorBox, ROIPooling; the others have no form there, nor has a decoder of text."""

import numpy as np

from xdn.frontend.onnx.emit.base import EMITTERS, Emission
from xdn.graph import LayerParams
from xdn.layers.continuationindicator import ContinuationIndicator
from xdn.layers.priorbox import PriorBox
from xdn.layers.priorboxclustered import PriorBoxClustered
from xdn.layers.roipooling import REGION, ROIPooling

#: Layer type -> why it has no form in ONNX.
_WITHOUT_FORM = {
    "CTCGreedyDecoder": "no operator leaves out repeated labels",
    "DetectionOutput": "how many boxes it finds depends on the data",
    "Proposal": "how many regions it finds depends on the data",
    "YoloDetectionOutput": "how many boxes it finds depends on the data",
    "Yolov3DetectionOutput": "how many boxes it finds depends on the data",
    "Region": "no operator treats channels unlike, and it is not yet made of several",
    "PSROIPooling": "no operator averages cells of regions by Caffe's rule",
}


@EMITTERS.register("PriorBox", "PriorBoxClustered")
def prior_box(out: Emission, params: PriorBox | PriorBoxClustered) -> None:
    """A constant: the boxes depend on shapes only, and not on the batch."""
    shapes = [(1, *out.image_shape(name)) for name in out.layer.bottoms]
    # Views of one zero: nothing reads the values.
    (boxes,) = params.reference([np.broadcast_to(np.float32(0), shape) for shape in shapes], {}, 1)
    out.top("Identity", [out.constant("boxes", boxes)])


@EMITTERS.register("ContinuationIndicator")
def continuation_indicator(out: Emission, params: ContinuationIndicator) -> None:
    """A constant."""
    top = out.graph.net.blobs[out.layer.tops[0]].shape
    if None in out.graph.dims(out.layer.tops[0]):
        raise out.unsupported("the number of its streams depends on the batch")
    (kept,) = ContinuationIndicator(time_step=top[0], batch_size=top[1]).reference([], {}, 1)
    out.top("Identity", [out.constant("kept", kept)])


@EMITTERS.register("ROIPooling")
def roi_pooling(out: Emission, params: ROIPooling) -> None:
    """MaxRoiPool."""
    images, regions = out.bottoms
    if len(out.bottom(1).shape) != 2:
        regions = out.step("Reshape", [regions, out.integers("shape", [-1, REGION])], "regions")
    pooled = (params.pooled_h, params.pooled_w)
    out.top("MaxRoiPool", [images, regions], pooled_shape=pooled, spatial_scale=params.spatial_scale)


@EMITTERS.register(*_WITHOUT_FORM)
def without_form(out: Emission, params: LayerParams) -> None:
    """UnsupportedError: results whose number depends on the data, or that no operator gives."""
    raise out.unsupported(_WITHOUT_FORM[out.layer.type])
