"""Layers of detectors in ONNX: PriorBox, ROIPooling; the others have no form there."""

from collections.abc import Sequence
from typing import cast

import numpy as np

from xdn.frontend.onnx.emit.base import EMITTERS, Emit, Graph, unsupported
from xdn.graph import Layer
from xdn.layers.roipooling import REGION, ROIPooling


@EMITTERS.register("PriorBox")
def prior_box(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """A constant: the boxes depend on shapes only, and not on the batch."""
    shapes = [(1, *graph.image_shape(layer, name)) for name in layer.bottoms]
    # Views of one zero: nothing reads the values.
    (boxes,) = layer.params.reference([np.broadcast_to(np.float32(0), shape) for shape in shapes], {}, 1)
    graph.node("Identity", [graph.constant(f"{layer.name}.boxes", boxes)], tops[0])


@EMITTERS.register("ROIPooling")
def roi_pooling(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """MaxRoiPool."""
    params, regions = cast(ROIPooling, layer.params), bottoms[1]
    if len(graph.bottom(layer, 1).shape) != 2:
        shape = graph.integers(f"{layer.name}.shape", [-1, REGION])
        regions = graph.step("Reshape", [regions, shape], f"{tops[0]}.regions")
    pooled = (params.pooled_h, params.pooled_w)
    graph.node("MaxRoiPool", [bottoms[0], regions], tops[0], pooled_shape=pooled, spatial_scale=params.spatial_scale)


def _without_form(reason: str) -> Emit:
    def emit(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
        raise unsupported(layer, reason)

    emit.__doc__ = f"UnsupportedError: {reason}."
    return emit


EMITTERS.register("DetectionOutput")(_without_form("how many boxes it finds depends on the data"))
EMITTERS.register("Proposal")(_without_form("how many regions it finds depends on the data"))
EMITTERS.register("PSROIPooling")(_without_form("no operator averages cells of regions by Caffe's rule"))
