"""Small ONNX models, with every operator that is read: what the fuzzer changes, as bytes or as protobuf's text."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import onnx
from google.protobuf import text_format
from onnx import TensorProto, helper, numpy_helper, parser

from xdn.frontend.onnx.read.base import READERS
from xdn.graph import Array

_OPSET, _IR_VERSION = 18, 9
#: The file beside a model that has some of its values.
VALUES = "values.bin"


def _ramp(*shape: int) -> Array:
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def _positive(*shape: int) -> Array:
    return np.abs(_ramp(*shape)) + np.float32(0.5)


def _model(graph: str, constants: Mapping[str, Array] | None = None, opset: int = _OPSET) -> onnx.ModelProto:
    """Return the model of a graph in ONNX's own text, with constants by name."""
    made = parser.parse_graph(graph)
    made.initializer.extend(numpy_helper.from_array(array, name) for name, array in (constants or {}).items())
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=_IR_VERSION)


def _windows() -> onnx.ModelProto:
    constants = {"w": _ramp(4, 1, 3, 3), "b": _ramp(4), "v": _positive(4), "t": _ramp(4, 2, 3, 3), "f": _ramp(80, 4)}
    graph = """windows (float[N, 2, 9, 8] x) => (float[N, 80] y) {
        c = Conv <pads = [1, 0, 1, 2], strides = [1, 2], dilations = [2, 1], group = 2> (x, w, b)
        n = BatchNormalization <epsilon = 0.001> (c, b, b, b, v)
        m = MaxPool <kernel_shape = [3, 2], pads = [1, 0, 1, 1], ceil_mode = 1> (n)
        a = AveragePool <kernel_shape = [2, 2], pads = [0, 1, 0, 0], count_include_pad = 1> (m)
        l = LRN <size = 3, alpha = 0.01, bias = 1.5> (a)
        d = ConvTranspose <strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 0]> (l, t)
        q = GlobalMaxPool (d)
        g = GlobalAveragePool (l)
        o = Flatten <axis = 1> (g)
        p = Gemm <alpha = 0.5, beta = 2.0, transB = 1> (o, f)
        y = Softmax <axis = -1> (p)
    }"""
    return _model(graph, constants)


def _shapes() -> onnx.ModelProto:
    """The third dimension of the reshaped is computed of the input's shape."""
    numbers = {
        "zero": [0], "one": [1], "two": [2], "minus": [-1], "four": [4], "split": [1, 3], "times": [1, 2, 1, 1],
        "ends": [0, 0, 1, 0, 0, 0, 0, 2], "wide": [2, 4, 1, 1], "most": [2**31],
    }  # fmt: skip
    graph = """shapes (float[2, 4, 3, 5] x) => (y, z, w) {
        s = Shape (x)
        h = Gather <axis = 0> (s, two)
        n = Mul (h, four)
        r = Concat <axis = 0> (zero, n, minus)
        a = Reshape (x, r)
        t = Transpose <perm = [0, 2, 1]> (a)
        u = Unsqueeze (t, one)
        q = Squeeze (u, one)
        c = Slice (q, one, most, two, one)
        w = Relu (c)
        b, d = Split <axis = 1> (x, split)
        e = Concat <axis = 1> (b, d, b)
        g = Expand (b, wide)
        k = Pad <mode = "constant"> (e, ends)
        i = Tile (k, times)
        j = Identity (i)
        z = Sum (g, x)
        y = Flatten <axis = 2> (j)
    }"""
    return _model(graph, {name: np.array(value, np.int64) for name, value in numbers.items()})


def _elements() -> onnx.ModelProto:
    constants = {"v": _positive(3, 1, 1), "two": np.array(2, np.float32), "low": np.array(-1, np.float32)}
    graph = """elements (float[N, 3, 4, 4] x, float[N, 3, 4, 4] z) => (y) {
        a = Add (x, z)
        b = Sub (a, v)
        c = Mul (b, v)
        d = Div (c, v)
        e = Pow (d, two)
        f = Max (e, z)
        g = Min (f, x)
        h = Mean (g, x, z)
        i = Clip (h, low, two)
        j = PRelu (i, v)
        k = LeakyRelu <alpha = 0.2> (j)
        l = Elu <alpha = 0.5> (k)
        m = Selu (l)
        n = HardSigmoid <alpha = 0.2, beta = 0.4> (m)
        o = Sqrt (n)
        p = Exp (o)
        q = Log (p)
        r = Sigmoid (q)
        s = Tanh (r)
        t = Softplus (s)
        u = Abs (t)
        w = Neg (u)
        y = LogSoftmax <axis = 1> (w)
    }"""
    return _model(graph, constants)


def _sizes() -> onnx.ModelProto:
    constants = {
        "scales": np.array([1, 1, 2, 2], np.float32), "sizes": np.array([1, 1, 9, 7], np.int64),
        "axes": np.array([1, 2], np.int64), "w": _ramp(7, 5), "b": _ramp(5),
    }  # fmt: skip
    graph = """sizes (float[1, 4, 4, 4] x) => (y, z) {
        d = DepthToSpace <blocksize = 2, mode = "CRD"> (x)
        r = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (d, , , sizes)
        n = Resize <coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (x, , scales)
        m = ReduceMean <keepdims = 1> (n, axes)
        s = SpaceToDepth <blocksize = 2> (x)
        a = MatMul (r, w)
        y = Add (a, b)
        o = ReduceMax <keepdims = 0> (s, axes)
        z = ReduceSum <noop_with_empty_axes = 1> (m)
    }"""
    return _model(graph, constants)


def _integers() -> onnx.ModelProto:
    constants = {
        "s": np.array(0.05, np.float32), "o": np.array(128, np.uint8), "ws": np.array([0.1, 0.2], np.float32),
        "wo": np.zeros(2, np.int8), "w": np.arange(-9, 9, dtype=np.int8).reshape(2, 1, 3, 3),
        "i": np.zeros((), np.int8),
    }  # fmt: skip
    graph = """integers (float[N, 2, 5, 5] x) => (y, z) {
        q = QuantizeLinear (x, s, o)
        d = DequantizeLinear (q, s, o)
        f = DequantizeLinear <axis = 0> (w, ws, wo)
        c = Conv <group = 2> (d, f)
        e = QuantizeLinear (c, s, i)
        y = DequantizeLinear (e, s, i)
        h = Cast <to = 16> (x)
        z = Cast <to = 1> (h)
    }"""
    return _model(graph, constants)


def _constants() -> onnx.ModelProto:
    """Most is computed while the model is read."""
    graph = """constants (float[1, 2, 3] x) => (y, z) {
        a = Constant <value_ints = [2, 3]> ()
        f = Constant <value_float = 0.5> ()
        b = ConstantOfShape (a)
        c = Constant <value = float[2] {1.5, -2.0}> ()
        i = Constant <value = int64[1] {1}> ()
        d = Unsqueeze (c, i)
        e = Add (b, d)
        g = Mul (e, f)
        n = Size (g)
        k = Cast <to = 1> (n)
        y = Add (x, g)
        z = Div (x, k)
    }"""
    return _model(graph)


def _sequences() -> onnx.ModelProto:
    """Recurrent operators, one after the other."""
    constants = {
        "lw": _ramp(2, 8, 3), "lr": _ramp(2, 8, 2), "lb": _ramp(2, 16), "gw": _ramp(1, 6, 4), "gr": _ramp(1, 6, 2),
        "gb": _ramp(1, 12), "rw": _ramp(1, 2, 2), "rr": _ramp(1, 2, 2), "shape": np.array([0, 0, 4], np.int64),
        "way": np.array([1], np.int64),
    }  # fmt: skip
    graph = """sequences (float[5, 2, 3] x) => (y, h) {
        l = LSTM <hidden_size = 2, direction = "bidirectional"> (x, lw, lr, lb)
        t = Transpose <perm = [0, 2, 1, 3]> (l)
        s = Reshape (t, shape)
        g, gh = GRU <hidden_size = 2, linear_before_reset = 1> (s, gw, gr, gb)
        q = Squeeze (g, way)
        y, h = RNN <hidden_size = 2, direction = "reverse"> (q, rw, rr, , , gh)
    }"""
    return _model(graph, constants)


def _old() -> onnx.ModelProto:
    """An operator set in which parameters were attributes."""
    graph = """old (float[N, 2, 6, 6] x) => (y) {
        p = Pad <mode = "constant", pads = [0, 0, 1, 1, 0, 0, 1, 1], value = 0.0> (x)
        u = Upsample <mode = "nearest"> (p, scales)
        c = Clip <min = 0.0, max = 6.0> (u)
        s = Slice <axes = [2], starts = [1], ends = [-1]> (c)
        d = Dropout <ratio = 0.4> (s)
        q = Unsqueeze <axes = [1]> (d)
        t = Squeeze <axes = [1]> (q)
        y = Softmax (t)
    }"""
    return _model(graph, {"scales": np.array([1, 1, 2, 2], np.float32)}, 9)


def _beside() -> onnx.ModelProto:
    """A weight lies in a file beside the model, and metadata say what is done to the images."""
    made = _model("beside (float[N, 4] x) => (y) { y = MatMul (x, w) }")
    weight = made.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=(4, 8))
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", VALUES), ("offset", "128"), ("length", "128")):
        weight.external_data.add(key=key, value=value)
    helper.set_model_props(made, {"xdn.images.x": '{"transform": {"scale": 0.5, "std": [2.0]}, "resize": [8, 8]}'})
    return made


@cache
def models() -> tuple[bytes, ...]:
    """Return the models as files."""
    made = (_windows(), _shapes(), _elements(), _sizes(), _integers(), _constants(), _sequences(), _old(), _beside())
    return tuple(model.SerializeToString() for model in made)


def texts() -> tuple[bytes, ...]:
    """Return the models in protobuf's text format."""
    return tuple(text_format.MessageToString(onnx.ModelProto.FromString(model)).encode() for model in models())


def words() -> tuple[bytes, ...]:
    """Return what stands in such texts: operators, their attributes, fields, types of elements."""
    schemas = onnx.defs.get_all_schemas()
    attributes = {name for schema in schemas for name in schema.attributes}
    operators = {schema.name for schema in schemas} | {name for name, _ in READERS.items()}
    messages = (onnx.ModelProto, onnx.GraphProto, onnx.NodeProto, onnx.AttributeProto, onnx.TensorProto)
    fields = {field.name for message in messages for field in message.DESCRIPTOR.fields}
    quoted = {f'"{name}"' for name in attributes | operators}
    types = set(onnx.AttributeProto.AttributeType.keys())
    return tuple(word.encode() for word in (*sorted(quoted | fields | types), *"{}:", '"x"', '""', "-1", "0", "1"))
