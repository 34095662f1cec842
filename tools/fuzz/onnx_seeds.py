"""Small ONNX models, with every operator that is read: what the fuzzer changes, as bytes or field by field."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import onnx
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


def _logic() -> onnx.ModelProto:
    """Comparisons, and what is chosen by them."""
    numbers = {"half": np.array(0.5, np.float32), "axis": np.array(1, np.int64), "most": np.array([2], np.int64)}
    depth = {"depth": np.array(3, np.int64), "values": np.array([0, 1], np.float32)}
    graph = """logic (float[2, 3, 4] x, float[2, 3, 4] z) => (y, w, o, h, v, c, e, f) {
        a = Greater (x, half)
        b = LessOrEqual (z, half)
        d = And (a, b)
        g = Less (x, z)
        i = GreaterOrEqual (x, z)
        j = Or (g, i)
        k = Xor (d, j)
        l = Equal (x, half)
        m = Not (l)
        n = And (k, m)
        y = Where (n, x, half)
        p = IsNaN (x)
        q = IsInf <detect_negative = 0> (z)
        r = Or (p, q)
        w = Cast <to = 1> (r)
        s = ArgMax <axis = 2, keepdims = 0> (x)
        o = OneHot <axis = -1> (s, depth, values)
        t = ArgMin <axis = 1, select_last_index = 1> (z)
        h = CastLike (t, half)
        v, u = TopK <axis = 1, largest = 0> (x, most)
        c = CumSum <exclusive = 1, reverse = 1> (x, axis)
        e = Hardmax <axis = 1> (x)
        f = Mod <fmod = 1> (x, z)
    }"""
    return _model(graph, numbers | depth)


def _functions() -> onnx.ModelProto:
    """A function after the other."""
    graph = """functions (float[N, 3, 4] x) => (y) {
        a = Sin (x)
        b = Cos (a)
        c = Tan (b)
        d = Asin (a)
        e = Acos (a)
        f = Atan (c)
        g = Sinh (d)
        h = Cosh (e)
        i = Asinh (f)
        j = Acosh (h)
        k = Atanh (a)
        l = Sum (g, i, j, k)
        m = Ceil (l)
        n = Floor (m)
        o = Round (n)
        p = Sign (o)
        q = Reciprocal (l)
        r = Celu <alpha = 0.5> (q)
        s = Erf (r)
        t = Gelu <approximate = "tanh"> (s)
        u = HardSwish (t)
        v = Mish (u)
        w = Shrink <lambd = 0.2, bias = 0.1> (v)
        z = Softsign (w)
        aa = ThresholdedRelu <alpha = 0.3> (z)
        ab = Swish <alpha = 1.5> (aa)
        y = Add (ab, p)
    }"""
    return _model(graph, opset=24)


def _normal() -> onnx.ModelProto:
    """What normalises, and what adds up along axes."""
    constants = {"s": _positive(4), "b": _ramp(4), "e": _positive(5), "axes": np.array([2], np.int64)}
    sums = ("L1", "L2", "LogSum", "LogSumExp", "Min", "Prod", "SumSquare")
    reduced = "\n".join(f"r{name} = Reduce{name} (d, axes)" for name in sums)
    graph = f"""normal (float[N, 4, 6, 5] x) => (y, z, m, w) {{
        a = InstanceNormalization <epsilon = 0.001> (x, s, b)
        g = GroupNormalization <num_groups = 2> (a, s, b)
        l = LayerNormalization <axis = -1, epsilon = 0.01> (g, e, e)
        r = RMSNormalization <axis = -1> (l, e)
        n = LpNormalization <axis = 1, p = 1> (r)
        d = MeanVarianceNormalization <axes = [2, 3]> (n)
        {reduced}
        y = Max ({", ".join(f"r{name}" for name in sums)})
        z = LpPool <kernel_shape = [2, 2], strides = [2, 1], p = 2> (x)
        m = GlobalLpPool <p = 3> (x)
        w = Softmax <axis = 1> (d)
    }}"""
    return _model(graph, constants, 23)


def _places() -> onnx.ModelProto:
    """Steps, regions, and shapes that are cut and filled."""
    constants = {
        "w": _ramp(2, 12, 4), "r": _ramp(2, 12, 3), "b": _ramp(2, 24), "p": _ramp(1, 9), "two": np.array(2, np.int64),
        "square": _ramp(4, 4), "zero": np.array(0, np.int64), "eight": np.array(8, np.int64),
        "shape": np.array([4, 5], np.int64),
    }  # fmt: skip
    graph = """places (float[5, 2, 4] x, float[2, 3, 6, 6] z, float[4, 5] regions) => (y, m, c, t, s) {
        y, h, k = LSTM <hidden_size = 3, direction = "bidirectional"> (x, w, r, b)
        m = MaxRoiPool <pooled_shape = [2, 2], spatial_scale = 0.5> (z, regions)
        c = CenterCropPad <axes = [2, 3]> (z, shape)
        u = EyeLike <k = -1, dtype = 1> (square)
        v = Trilu <upper = 0> (u)
        t = MatMul (x, v)
        n = Range (zero, eight, two)
        f = Cast <to = 1> (n)
        s = Add (f, x)
    }"""
    return _model(graph, constants)


def _defined() -> onnx.ModelProto:
    """Operators that ONNX defines by others."""
    constants = {
        "cos": _ramp(3, 2), "sin": _positive(3, 2), "ids": np.array([[0, 2, 1]], np.int64), "w": _ramp(2, 1, 3),
    }  # fmt: skip
    graph = """defined (float[1, 2, 3, 4] q, float[1, 2, 3, 4] k, float[1, 2, 3] x) => (y, c, l) {
        r = RotaryEmbedding (q, cos, sin, ids)
        a = Attention <is_causal = 1, softcap = 2.0> (r, k, k)
        y = SwiGLU (a, k)
        c, p = CausalConvWithState (x, w)
        d, e, z = DynamicQuantizeLinear (x)
        l = DequantizeLinear (d, e, z)
    }"""
    return _model(graph, constants, 28)


def _gathered() -> onnx.ModelProto:
    """Numbers of elements that are values, and the losses that are made of them."""
    graph = """gathered (float[2, 3, 4] x, int64[2, 3, 4] i, int64[2, 2] j, float[2, 4] u, int64[2, 4] t)
        => (y, d, e, l, n) {
        a = GatherElements <axis = 1> (x, i)
        b = ScatterElements <axis = 2, reduction = "add"> (a, i, x)
        c = Gather <axis = 1> (b, j)
        d = GatherND <batch_dims = 1> (b, j)
        e = ScatterND <reduction = "mul"> (x, j, u)
        y = ReduceSum <keepdims = 0> (c)
        l = SoftmaxCrossEntropyLoss <ignore_index = 1> (x, t)
        n = NegativeLogLikelihoodLoss <reduction = "none"> (x, t)
    }"""
    return _model(graph)


def _branches() -> onnx.ModelProto:
    """Branches that constants choose, those of a function among them."""
    graph = """branches (float[1, 2, 3] x) => (y, g) {
        y = If <
            then_branch = chosen () => (a) { a = Relu (x) },
            else_branch = other () => (b) { b = If <
                then_branch = inner () => (c) { c = Neg (x) }, else_branch = last () => (d) { d = Abs (x) }
            > (no) }
        > (no)
        g = AffineGrid <align_corners = 1> (x, size)
    }"""
    return _model(graph, {"no": np.array(False), "size": np.array([1, 1, 3, 2], np.int64)}, 20)


def _boxes() -> onnx.ModelProto:
    """Boxes of a detector."""
    constants = {"most": np.array([2], np.int64), "overlap": np.array([0.5], np.float32), "n": _ramp(1, 2, 3)}
    graph = """boxes (float[1, 3, 4] x) => (y) {
        y = NonMaxSuppression <center_point_box = 1> (x, n, most, overlap)
    }"""
    return _model(graph, constants)


def _scattered() -> onnx.ModelProto:
    """The operator that ScatterElements came from."""
    return _model(
        "scattered (float[1, 4] x, int64[1, 2] i, float[1, 2] u) => (y) { y = Scatter <axis = 1> (x, i, u) }", None, 10
    )


def _products() -> onnx.ModelProto:
    """Products of integers."""
    constants = {
        "s": np.array(0.25, np.float32), "o": np.array(9, np.uint8), "ws": np.array([0.5, 0.25], np.float32),
        "f": np.arange(-3, 3, dtype=np.int8).reshape(2, 3, 1, 1), "wo": np.zeros(2, np.int8),
        "m": np.arange(-4, 4, dtype=np.int8).reshape(4, 2),
    }  # fmt: skip
    graph = """products (float[N, 3, 4, 4] x) => (y, z, a, b) {
        q = QuantizeLinear (x, s, o)
        c = QLinearConv (q, s, o, f, ws, wo, s, o)
        y = DequantizeLinear (c, s, o)
        d = QLinearMatMul (c, s, o, m, ws, wo, s, o)
        z = DequantizeLinear (d, s, o)
        i = ConvInteger <pads = [1, 1, 1, 1]> (q, f, o)
        a = Cast <to = 1> (i)
        j = MatMulInteger (q, m, o)
        b = Cast <to = 1> (j)
    }"""
    return _model(graph, constants)


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
    made = (
        _windows(), _shapes(), _elements(), _sizes(), _integers(), _constants(), _sequences(), _old(), _logic(),
        _functions(), _normal(), _places(), _defined(), _products(), _gathered(),
        _scattered(), _boxes(), _branches(), _beside(),
    )  # fmt: skip
    return tuple(model.SerializeToString() for model in made)


@cache
def messages() -> tuple[onnx.ModelProto, ...]:
    """Return the models."""
    return tuple(onnx.ModelProto.FromString(model) for model in models())


@cache
def words() -> tuple[str, ...]:
    """Return the names of operators and of their attributes."""
    schemas = onnx.defs.get_all_schemas()
    return tuple(sorted({name for schema in schemas for name in (schema.name, *schema.attributes)} | set(READERS)))
