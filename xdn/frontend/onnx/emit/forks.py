"""Layers of single forks, in ONNX: norms, factors and distances; what compares or warps images has no form there."""

from math import prod

import numpy as np

from xdn.frontend.onnx.emit.base import EMITTERS, Emission
from xdn.graph import Array, LayerParams
from xdn.layers.channelnorm import ChannelNorm
from xdn.layers.channelscale import ChannelScale
from xdn.layers.innerdistance import InnerDistance
from xdn.layers.mean import Mean
from xdn.layers.normalizedinnerproduct import NormalizedInnerProduct

#: Layer type -> why it has no form in ONNX.
_WITHOUT_FORM = {
    "Accum": "it is not yet made of several operators",
    "BoxOutput": "no operator suppresses boxes of several scales by its rule",
    "BatchReduction": "it is not yet made of several operators",
    "ClusterDetections": "no operator groups boxes by likeness",
    "CombineRegressions": "it is not yet made of several operators",
    "CompactBilinear": "no operator transforms into spectra in this version",
    "Correlation": "no operator compares displaced windows",
    "Correlation1D": "no operator compares displaced windows",
    "DataAugmentation": "it is not yet made of several operators",
    "DenseCRF": "no operator filters over places and colours",
    "DeformableConvolution": "no operator of this version moves a window's elements",
    "FlowWarp": "no operator follows a flow by its rule for borders",
    "Gram": "it is not yet made of several operators",
    "HyperColumns": "it is not yet made of several operators",
    "Local": "no operator has filters for each place",
    "MultiStageMeanfield": "no operator filters over places and colours",
    "Nms": "no operator lists the peaks of a map",
    "PSROIAlign": "no operator averages samples of each cell's own channels",
    "Resize": "no operator has zeros past the last place",
    "SpatialTransformer": "no operator reads along a grid whose last row is short of 1",
    "Warp": "it is not yet made of several operators",
}


@EMITTERS.register("ChannelNorm")
def channel_norm(out: Emission, params: ChannelNorm) -> None:
    """The root of ReduceSumSquare and eps."""
    total = out.step("ReduceSumSquare", out.bottoms, "total", axes=[1])
    out.top("Sqrt", [out.step("Add", [total, out.scalar("eps", params.eps)], "kept")])


@EMITTERS.register("ChannelScale")
def channel_scale(out: Emission, params: ChannelScale) -> None:
    """Mul, the factors with one channel."""
    source, factors = out.bottoms
    if not params.do_forward:
        out.top("Identity", [source])
        return
    shape = [-1, 1, *out.bottom().shape[2:]]
    out.top("Mul", [source, out.step("Reshape", [factors, out.integers("shape", shape)], "factors")])


@EMITTERS.register("Mean")
def mean(out: Emission, params: Mean) -> None:
    """Mul and Add of a number for each channel."""
    factor, offset = (each.reshape(-1, 1, 1) for each in params.terms(out.bottom().shape[1]))
    scaled = out.step("Mul", [*out.bottoms, out.constant("factor", factor)], "scaled")
    out.top("Add", [scaled, out.constant("offset", offset)])


@EMITTERS.register("InnerDistance")
def inner_distance(out: Emission, params: InnerDistance) -> None:
    """Sub of all points, then ReduceSumSquare or ReduceL1."""
    axis = out.bottom().axis(params.axis)
    inputs = prod(out.bottom().shape[axis:])
    source = out.step("Reshape", [out.bottoms[0], out.integers("rows", [-1, 1, inputs])], "rows")
    if len(out.bottoms) > 1:
        points = out.bottoms[1]
    else:
        points = out.constant("unit", _unit(out)) if params.normalize else out.weight("weight")
    points = out.step("Reshape", [points, out.integers("points", [params.num_output, inputs])], "points")
    apart = out.step("Sub", [source, points], "apart")
    how = "ReduceSumSquare" if params.distance_type == "L2" else "ReduceL1"
    found = out.step(how, [apart], "distance", axes=[2], keepdims=0)
    if params.bias_term:
        bias = out.bottoms[2] if len(out.bottoms) > 1 else out.weight("bias")
        found = out.step("Add", [found, out.step("Reshape", [bias, out.integers("flat", [-1])], "bias")], "moved")
    out.reshaped(found)


def _unit(out: Emission) -> Array:
    """Return the layer's weight with rows of length 1."""
    weight = out.layer.weights["weight"]
    found: Array = weight / np.sqrt(np.square(weight).sum(axis=1, keepdims=True) + np.float32(1e-6))
    return found


@EMITTERS.register("NormalizedInnerProduct")
def normalized_inner_product(out: Emission, params: NormalizedInnerProduct) -> None:
    """MatMul with rows of length 1, and Add of the bias."""
    unit = _unit(out)
    rows = out.step("Reshape", [*out.bottoms, out.integers("rows", [-1, unit.shape[1]])], "rows")
    found = out.step("MatMul", [rows, out.constant("unit", np.ascontiguousarray(unit.T))], "found")
    out.reshaped(out.step("Add", [found, out.weight("bias")], "moved") if params.bias_term else found)


@EMITTERS.register(*_WITHOUT_FORM)
def without_form(out: Emission, params: LayerParams) -> None:
    """UnsupportedError."""
    raise out.unsupported(_WITHOUT_FORM[out.layer.type])
