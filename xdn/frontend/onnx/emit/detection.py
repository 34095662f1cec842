"""Layers of detectors in ONNX: PriorBox, ROIPooling, ROIAlign; others have no form there, nor has a decoder of text."""

import numpy as np
from onnx import TensorProto

from xdn.frontend.onnx.emit.base import EMITTERS, Emission
from xdn.graph import LayerParams
from xdn.layers.continuationindicator import ContinuationIndicator
from xdn.layers.priorbox import PriorBox
from xdn.layers.priorboxclustered import PriorBoxClustered
from xdn.layers.roialign import ROIAlign
from xdn.layers.roipooling import REGION, ROIPooling
from xdn.layers.textproposal import COUNT, TextProposal

#: Layer type -> why it has no form in ONNX.
_WITHOUT_FORM = {
    "CTCGreedyDecoder": "no operator leaves out repeated labels",
    "DetectionOutput": "how many boxes it finds depends on the data",
    "NonMaxSuppression": "where no box is left it gives one row, and the operator of that name none",
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


@EMITTERS.register("TextProposal")
def text_proposal(out: Emission, params: TextProposal) -> None:
    """The strips as constants, and arithmetic on all of them at once."""
    h, w = out.image_shape(out.layer.bottoms[0])[1:]
    left, top, right, bottom = np.ascontiguousarray(params.strips(h, w).T)
    probabilities, deltas, size = out.bottoms
    own = out.constant("heights", bottom - top + 1)
    centres = out.constant("centres", (top + bottom) / 2)
    half, one, least = (out.scalar(name, value) for name, value in (("half", 0.5), ("one", 1), ("least", 0)))

    def by_position(source: str, wish: str, columns: int) -> str:
        """Return channels of all positions as rows of so many columns."""
        turned = out.step("Transpose", [source], f"{wish}_turned", perm=(0, 2, 3, 1))
        return out.step("Reshape", [turned, out.integers(f"{wish}_shape", [-1, columns])], wish)

    moves = by_position(deltas, "moves", 2)
    parts = [out.fresh(name) for name in ("move", "growth")]
    out.graph.node("Split", [moves], *parts, axis=1)
    move, growth = (out.step("Squeeze", [part, out.integers("column", [1])], "of_strips") for part in parts)
    tall = out.step("Mul", [out.step("Exp", [growth], "grown"), own], "tall")
    middle = out.step("Add", [out.step("Mul", [move, own], "moved"), centres], "middle")
    begin = out.step("Sub", [middle, out.step("Mul", [tall, half], "half_tall")], "begin")
    end = out.step("Add", [begin, tall], "end")
    last = out.step("Sub", [out.step("Reshape", [size, out.integers("flat", [-1])], "sizes"), one], "last")
    edges = []
    for edge, axis in ((out.constant("left", left), 1), (begin, 0), (out.constant("right", right), 1), (end, 0)):
        bound = out.step("Gather", [last, out.integers("axis", [axis])], "bound", axis=0)
        within = out.step("Max", [out.step("Min", [edge, bound], "below"), least], "within")
        edges.append(out.step("Unsqueeze", [within, out.integers("column", [1])], "edge"))
    out.top("Concat", edges, axis=1)
    if len(out.tops) == 2:
        second = [out.integers("second", [COUNT]), out.integers("all", [2 * COUNT]), out.integers("channels", [1])]
        scores = by_position(out.step("Slice", [probabilities, *second], "text"), "scores", 1)
        out.graph.node("Identity", [scores], out.tops[1])


def _regions(out: Emission) -> str:
    """Return the second bottom as (R, 5)."""
    if len(out.bottom(1).shape) == 2:
        return out.bottoms[1]
    return out.step("Reshape", [out.bottoms[1], out.integers("shape", [-1, REGION])], "regions")


@EMITTERS.register("ROIPooling")
def roi_pooling(out: Emission, params: ROIPooling) -> None:
    """MaxRoiPool."""
    if params.pad_ratio:
        raise out.unsupported("its regions grow by their pad_ratio, and it is not yet made of several operators")
    images, regions = out.bottoms[0], _regions(out)
    pooled = (params.pooled_h, params.pooled_w)
    out.top("MaxRoiPool", [images, regions], pooled_shape=pooled, spatial_scale=params.spatial_scale)


@EMITTERS.register("ROIAlign")
def roi_align(out: Emission, params: ROIAlign) -> None:
    """RoiAlign, its regions' images as integers."""
    parts = [out.fresh(name) for name in ("number", "corners")]
    out.graph.node("Split", [_regions(out), out.integers("split", [1, REGION - 1])], *parts, axis=1)
    flat = out.step("Reshape", [parts[0], out.integers("flat", [-1])], "flat")
    images = out.step("Cast", [flat], "images", to=TensorProto.INT64)
    out.top(
        "RoiAlign",
        [out.bottoms[0], parts[1], images],
        coordinate_transformation_mode="output_half_pixel",
        output_height=params.pooled_h,
        output_width=params.pooled_w,
        sampling_ratio=max(0, params.sampling_ratio or 0),
        spatial_scale=params.spatial_scale,
    )


@EMITTERS.register(*_WITHOUT_FORM)
def without_form(out: Emission, params: LayerParams) -> None:
    """UnsupportedError: results whose number depends on the data, or that no operator gives."""
    raise out.unsupported(_WITHOUT_FORM[out.layer.type])
