"""8-bit integers in ONNX: QuantizeLinear, DequantizeLinear, filters and biases as integers, Quantize.

A layer that reads integers is written as the same layer of f32 values between such nodes (the form that is called QDQ):
its bottoms and its filters come from DequantizeLinear, and by that engines find their kernels for integers.
"""

import numpy as np
from onnx import TensorProto

from xdn.frontend.onnx.emit.base import EMITTERS, Emission, Graph
from xdn.graph import Array, Quantized
from xdn.layers.integer import along_filters, integer_filters, weight_scales
from xdn.layers.quantize import Quantize


@EMITTERS.register("Quantize")
def quantize(out: Emission, params: Quantize) -> None:
    """QuantizeLinear."""
    stored(out.graph, out.bottoms[0], params.quantized, out.tops[0])


def stored(graph: Graph, source: str, how: Quantized, top: str) -> str:
    """Append what makes the integers `top` of the f32 values `source`, and return their name."""
    return graph.node("QuantizeLinear", [source, *_scale_and_zero(graph, top, how)], top)


def read(graph: Graph, source: str, how: Quantized) -> str:
    """Return the f32 values that a layer reads of `source`, which holds integers or f32; in f32 they are rounded.

    The nodes are appended once, however many layers read so.
    """
    if (source, how) not in graph.readings:
        integers, blob = source, graph.net.blobs.get(source)
        if blob is None or blob.element != how.element:
            integers = stored(graph, source, how, graph.fresh(f"{source}.{how.element.name}"))
        inputs = [integers, *_scale_and_zero(graph, integers, how)]
        graph.readings[source, how] = graph.node("DequantizeLinear", inputs, graph.fresh(f"{integers}.values"))
    return graph.readings[source, how]


def _scale_and_zero(graph: Graph, name: str, how: Quantized) -> list[str]:
    scale, zero = np.array(how.scale, np.float32), np.array(0, how.element.numpy)
    return [graph.constant(f"{name}.scale", scale), graph.constant(f"{name}.zero", zero)]


def filters(out: Emission) -> list[str]:
    """Return the values of a layer's filters, and of its bias where it has one: f32, or what integers stand for.

    Integers of a bias have 32 bits, and the products of the bottom's and the filters' scales.
    """
    params, weights = out.layer.params, out.layer.weights
    if not out.read:
        return [out.weight(name) for name in ("weight", "bias") if name in weights]
    made = integer_filters(params, weights, out.read[0])
    values = [_filter_values(out, made.weight, weight_scales(params, weights, out.read[0]))]
    if "bias" in weights:
        constants = [out.constant("bias", made.bias), out.constant("bias_scale", made.factor)]
        values.append(out.step("DequantizeLinear", constants, "bias", axis=0))
    return values


def _filter_values(out: Emission, weight: Array, scales: Array) -> str:
    """Append the values of integers, each times the scale of its filter; int8 constants, and f32 scales."""
    numbers = along_filters(out.layer.params, weight, np.arange(len(scales)))
    for axis in range(weight.ndim):
        along = np.arange(weight.shape[axis]).reshape(-1, *(1,) * (weight.ndim - 1 - axis))
        if weight.shape[axis] == len(scales) and (numbers == along).all():
            zeros = out.constant("weight_zero", np.zeros(len(scales), np.int8))
            constants = [out.constant("weight", weight), out.constant("weight_scale", scales), zeros]
            return out.step("DequantizeLinear", constants, "weight", axis=axis)
    # A transposed window's filters lie along one axis in each group, and each group has others.
    steps = along_filters(out.layer.params, weight, scales)
    steps = steps[np.index_exp[:, :] + np.index_exp[:1] * (weight.ndim - 2)]
    integers = out.step("Cast", [out.constant("weight", weight)], "integers", to=TensorProto.FLOAT)
    return out.step("Mul", [integers, out.constant("weight_scale", np.ascontiguousarray(steps))], "weight")
