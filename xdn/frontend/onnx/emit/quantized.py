"""8-bit integers and bf16 in ONNX: what makes them, what layers compute with, filters and biases, Quantize.

A layer that reads integers is written as the same layer of f32 values between QuantizeLinear and DequantizeLinear (the
form that is called QDQ): its bottoms and its filters come from the latter, and by that engines find their kernels for
integers. A layer that reads bf16 computes with f32 values that a Cast to BFLOAT16 has rounded, and another made f32.
"""

import numpy as np
from onnx import TensorProto

from xdn.element import BF16
from xdn.frontend.onnx.emit.base import EMITTERS, Emission, Graph
from xdn.graph import Array, Bf16, Quantized, Reading, WeightsOnly
from xdn.layers.integer import along_filters, integer_filters, rounded_weight, weight_scales
from xdn.layers.quantize import Quantize


@EMITTERS.register("Quantize")
def quantize(out: Emission, params: Quantize) -> None:
    """QuantizeLinear, or Cast to BFLOAT16 and back."""
    stored(out.graph, out.bottoms[0], params.quantized, out.tops[0])


def stored(graph: Graph, source: str, how: Reading, top: str) -> str:
    """Append what makes the integers `top` of the f32 values `source`, or rounds these to bf16; return its name.

    What is rounded to bf16 stays f32 in the file: few operators take BFLOAT16 everywhere.
    """
    if isinstance(how, Quantized):
        return graph.node("QuantizeLinear", [source, *_scale_and_zero(graph, top, how)], top)
    rounded = graph.node("Cast", [source], graph.fresh(f"{top}.rounded"), to=TensorProto.BFLOAT16)
    return graph.node("Cast", [rounded], top, to=TensorProto.FLOAT)


def read(graph: Graph, source: str, how: Reading) -> str:
    """Return the f32 values that a layer reads of `source`, which holds what it reads, or f32 that is rounded to it.

    The nodes are appended once, however many layers read so.
    """
    if (source, how) not in graph.readings:
        held, blob = source, graph.net.blobs.get(source)
        if blob is None or blob.element != how.element:
            held = stored(graph, source, how, graph.fresh(f"{source}.{how.element.name}"))
        if isinstance(how, Quantized):
            inputs = [held, *_scale_and_zero(graph, held, how)]
            held = graph.node("DequantizeLinear", inputs, graph.fresh(f"{held}.values"))
        graph.readings[source, how] = held
    return graph.readings[source, how]


def _scale_and_zero(graph: Graph, name: str, how: Quantized) -> list[str]:
    scale, zero = np.array(how.scale, np.float32), np.array(0, how.element.numpy)
    return [graph.constant(f"{name}.scale", scale), graph.constant(f"{name}.zero", zero)]


def filters(out: Emission) -> list[str]:
    """Return the values of a layer's filters, and of its bias where it has one: f32, or what is read as f32.

    Of integers, those of a bias have 32 bits, and the products of the bottom's and the filters' scales. In bf16, and
    integers where the bottom is f32, are the filters alone.
    """
    params, weights = out.layer.params, out.layer.weights
    if not out.quantized:
        return [_real_filters(out), *([out.weight("bias")] if "bias" in weights else [])]
    (how,) = out.quantized
    made = integer_filters(params, weights, how)
    values = [_filter_values(out, made.weight, weight_scales(params, weights, how))]
    if "bias" in weights:
        constants = [out.constant("bias", made.bias), out.constant("bias_scale", made.factor)]
        values.append(out.step("DequantizeLinear", constants, "bias", axis=0))
    return values


def _real_filters(out: Emission) -> str:
    """Return the f32 values of filters that are multiplied with f32 or bf16, whatever the file holds of them."""
    weights, how = out.layer.weights, next(iter(out.read), None)
    if isinstance(how, WeightsOnly):
        scales = weight_scales(out.layer.params, weights, how)
        integers = rounded_weight(out.layer.params, weights["weight"], scales, how.weight_bits)
        return _filter_values(out, integers, scales)
    return _bf16_values(out, weights["weight"]) if how == Bf16() else out.weight("weight")


def _bf16_values(out: Emission, weight: Array) -> str:
    """Append the f32 values of filters that the file holds in bf16."""
    name = out.graph.raw_constant(f"{out.layer.name}.weight", TensorProto.BFLOAT16, BF16.stored(weight))
    return out.step("Cast", [name], "weight", to=TensorProto.FLOAT)


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
