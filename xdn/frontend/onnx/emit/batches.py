"""Layers that choose among the images of a batch, or have learned values for a top, in ONNX."""

from onnx import TensorProto

from xdn.frontend.onnx.emit.base import EMITTERS, Emission
from xdn.graph import LayerParams


@EMITTERS.register("BatchReindex")
def batch_reindex(out: Emission, params: LayerParams) -> None:
    """Gather of images."""
    images, numbers = out.bottoms
    out.top("Gather", [images, out.step("Cast", [numbers], "numbers", to=TensorProto.INT64)], axis=0)


@EMITTERS.register("Filter")
def filter_(out: Emission, params: LayerParams) -> None:
    """Compress of each bottom but the last, which says what is left."""
    *kept, selector = out.bottoms
    flat = out.step("Reshape", [selector, out.integers("flat", [-1])], "selector")
    chosen = out.step("Cast", [flat], "chosen", to=TensorProto.BOOL)
    for bottom, top in zip(kept, out.tops, strict=True):
        out.graph.node("Compress", [bottom, chosen], top, axis=0)


@EMITTERS.register("Parameter")
def parameter(out: Emission, params: LayerParams) -> None:
    """A constant."""
    out.top("Identity", [out.weight("parameter")])
