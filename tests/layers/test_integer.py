"""Sums of 8-bit integers against plain loops over Python's integers; scales of filters; weights rounded to integers."""

from itertools import product

import numpy as np
import pytest

from xdn.errors import UnsupportedError, WeightsError
from xdn.graph import Blob, Epilogue, Layer, Net, Quantized
from xdn.graph.verify import verify
from xdn.layers.convolution import Convolution
from xdn.layers.deconvolution import Deconvolution
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.input import Input
from xdn.layers.integer import has_integer_weights, integer_filters, weight_scales, with_integer_weights
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU

f32 = np.float32
U8, S8 = Quantized(0.031), Quantized(0.047, signed=True)


def net_of(layer, *shapes):
    """Return a net of one layer that reads inputs of `shapes`."""
    names = tuple(f"x{number}" for number, _ in enumerate(shapes))
    return Net("one", (Layer("data", Input(shape=shapes), (), names), layer.replace(bottoms=names, tops=("y",))))


def made(params, channels, rng, read=U8, **more):
    """Return a quantized layer of filters with seeded weights."""
    shapes = params.weight_shapes([net_of(Layer("data", params), channels).blobs["x0"]])
    weights = {name: rng.standard_normal(shape).astype(f32) for name, shape in shapes.items()}
    return Layer("layer", params, weights=weights, quantized=(read,), **more)


def naive_integers(values, read):
    """Return f32 values as Python's integers."""
    low, high = (-128, 127) if read.signed else (0, 255)
    reciprocal = f32(1) / f32(read.scale)
    flat = [int(min(max(np.rint(f32(v) * reciprocal), low), high)) for v in values.ravel()]
    return np.array(flat, object).reshape(values.shape)


def naive_filter(weight, bias, read):
    """Return one filter's weights and bias as Python's integers, and the factor of its sums."""
    scale = max(abs(w) for w in weight.ravel()) / f32(127)
    integers = np.array([int(np.rint(w / scale)) for w in weight.ravel()], object).reshape(weight.shape)
    exact = np.float64(f32(read.scale)) * np.float64(scale)
    return integers, int(np.rint(np.float64(bias) / exact)), f32(read.scale) * scale


def naive_convolution(x, layer, read):
    """Return Convolution of 8-bit integers by loops: groups, stride, padding, dilation."""
    params, (n, c, h, w) = layer.params, x.shape
    window, g = params.window(2), params.group
    p, q = window.output_size((h, w))
    k, (r, s) = params.num_output, window.kernel
    integers, out = naive_integers(x, read), np.zeros((n, k, p, q), f32)
    for f in range(k):
        weights, bias, factor = naive_filter(layer.weights["weight"][f], layer.weights["bias"][f], read)
        first = f // (k // g) * (c // g)
        for image, i, j in product(range(n), range(p), range(q)):
            total = bias
            for channel, a, b in product(range(c // g), range(r), range(s)):
                row = i * window.stride[0] - window.pad[0] + a * window.dilation[0]
                column = j * window.stride[1] - window.pad[1] + b * window.dilation[1]
                if 0 <= row < h and 0 <= column < w:
                    total += integers[image, first + channel, row, column] * weights[channel, a, b]
            out[image, f, i, j] = f32(np.int32(total)) * factor
    return out


@pytest.mark.parametrize("read", [U8, S8], ids=str)
@pytest.mark.parametrize(
    "params",
    [
        Convolution(num_output=3, kernel_size=(1,)),
        Convolution(num_output=4, kernel_size=(3,), pad=(1,), stride=(2,)),
        Convolution(num_output=4, kernel_size=(2, 3), pad=(0, 2), group=2),
        Convolution(num_output=4, kernel_size=(3,), pad=(2,), dilation=(2,), group=4),
    ],
    ids=["point", "stride", "group", "depthwise"],
)
def test_a_convolution_sums_integers(params, read, rng):
    layer = made(params, (2, 4, 5, 5), rng, read)
    x = (3 * rng.standard_normal((2, 4, 5, 5))).astype(f32)
    top = net_of(layer, x.shape).forward({"x0": x})["y"]
    assert top.dtype == f32
    assert np.array_equal(top, naive_convolution(x, layer, read))


@pytest.mark.parametrize("transpose", [False, True])
def test_an_inner_product_sums_integers(transpose, rng):
    params = InnerProduct(num_output=3, transpose=transpose)
    layer = made(params, (2, 3, 2, 2), rng)
    x = (3 * rng.standard_normal((2, 3, 2, 2))).astype(f32)
    top = net_of(layer, x.shape).forward({"x0": x})["y"]
    rows, expected = params.filters(layer.weights["weight"]), np.zeros((2, 3), f32)
    for n, k in product(range(2), range(3)):
        weights, bias, factor = naive_filter(rows[k], layer.weights["bias"][k], U8)
        total = bias + sum(a * b for a, b in zip(naive_integers(x[n], U8).ravel(), weights, strict=True))
        expected[n, k] = f32(np.int32(total)) * factor
    assert np.array_equal(top, expected)


def test_a_deconvolution_sums_integers(rng):
    """Each input spreads its products over the output."""
    params = Deconvolution(num_output=4, kernel_size=(3,), stride=(2,), pad=(1,), group=2)
    layer = made(params, (1, 6, 4, 3), rng)
    x = (3 * rng.standard_normal((1, 6, 4, 3))).astype(f32)
    top = net_of(layer, x.shape).forward({"x0": x})["y"]
    filters = params.filters(layer.weights["weight"])
    sums = np.zeros((4, 9, 7), object)
    parts = [naive_filter(filters[k], layer.weights["bias"][k], U8) for k in range(4)]
    integers = naive_integers(x, U8)
    for k, c, i, j, r, s in product(range(4), range(3), range(4), range(3), range(3), range(3)):
        sums[k, 2 * i + r, 2 * j + s] += integers[0, k // 2 * 3 + c, i, j] * parts[k][0][c, r, s]
    for k, (_, bias, factor) in enumerate(parts):
        expected = (sums[k, 1:-1, 1:-1] + bias).astype(np.int32).astype(f32) * factor
        assert np.array_equal(top[0, k], expected)
    rounded = with_integer_weights(layer)
    assert np.array_equal(net_of(rounded, x.shape).forward({"x0": x})["y"], top)
    assert params.products([Blob(x.shape)]) == 3 * 9


def test_a_layer_without_bias(rng):
    layer = made(Convolution(num_output=2, kernel_size=(1,), bias_term=False), (1, 3, 2, 2), rng)
    x = rng.uniform(0, 8, (1, 3, 2, 2)).astype(f32)
    zeros = layer.replace(
        params=Convolution(num_output=2, kernel_size=(1,)), weights={**layer.weights, "bias": np.zeros(2, f32)}
    )
    tops = [net_of(each, x.shape).forward({"x0": x})["y"] for each in (layer, zeros)]
    assert np.array_equal(*tops)


def test_the_largest_sums_are_exact(rng):
    channels = 33155
    params = InnerProduct(num_output=2)
    weight = np.stack([np.full(channels, 1, f32), np.full(channels, -1, f32)])
    bias = np.array([1e30, -1e30], f32)
    layer = Layer("layer", params, weights={"weight": weight, "bias": bias}, quantized=(Quantized(1.0),))
    filters = integer_filters(params, layer.weights, Quantized(1.0))
    # The bias asks for larger scales, of which the weights are nothing.
    assert set(filters.weight.ravel()) == {0}
    assert 2**29 < abs(int(filters.bias[0])) <= 2**30
    plain = layer.replace(weights={"weight": weight, "bias": np.zeros(2, f32)})
    net = net_of(plain, (1, channels))
    top = net.forward({"x0": np.full((1, channels), 1e9, f32)})["y"]
    assert np.array_equal(top[0], f32([1, -1]) * f32(127 * 255 * channels) * (f32(1) / f32(127)))
    with pytest.raises(UnsupportedError, match="it sums 33156 products; at most 33155 certainly fit"):
        _ = net_of(plain, (1, channels + 1)).blobs


@pytest.mark.parametrize("channels", [518, 519])
def test_sums_around_what_f32_holds_are_exact(channels):
    """127 * 255 * 518 is below 2^24; the bias takes most of the sum away, so that its last bit is seen."""
    weight, bias = np.ones((1, channels), f32), np.array([-255 * channels + 0.25], f32)
    layer = Layer(
        "layer", InnerProduct(num_output=1), weights={"weight": weight, "bias": bias}, quantized=(Quantized(1.0),)
    )
    filters = integer_filters(layer.params, layer.weights, Quantized(1.0))
    total = 127 * 255 * channels + int(filters.bias[0])
    top = net_of(layer, (1, channels)).forward({"x0": np.full((1, channels), 255, f32)})["y"]
    assert abs(total) < 1000
    assert top[0, 0] == f32(total) * filters.factor[0]


def test_scales_of_filters():
    params = Convolution(num_output=3, kernel_size=(1,))
    weight = np.array([[1, -2.5], [0, 0], [1e-3, 0]], f32).reshape(3, 2, 1, 1)
    weights = {"weight": weight, "bias": np.zeros(3, f32)}
    assert np.array_equal(weight_scales(params, weights, U8), f32([2.5, 127, 1e-3]) / f32(127))
    filters = integer_filters(params, weights, U8)
    assert filters.weight.reshape(3, 2).tolist() == [[51, -127], [0, 0], [127, 0]]
    # The layer's own scales come first, and what is beyond their range is clipped.
    own = integer_filters(params, weights | {"weight_scale": f32([0.01, 1, 1e-6])}, U8)
    assert own.weight.reshape(3, 2).tolist() == [[100, -127], [0, 0], [127, 0]]
    assert np.array_equal(own.factor, f32(U8.scale) * f32([0.01, 1, 1e-6]))


@pytest.mark.parametrize("bias", [1e-3, 1, 1e6, 1e20, -1e20])
@pytest.mark.parametrize("scale", [1e-20, 1e-3, 1, 1e15])
def test_a_bias_always_fits(bias, scale):
    read, weights = Quantized(scale), {"weight": np.full((1, 1, 1, 1), 1e-3, f32), "bias": f32([bias])}
    params = Convolution(num_output=1, kernel_size=(1,))
    filters = integer_filters(params, weights, read)
    assert abs(int(filters.bias[0])) <= 2**30
    assert filters.factor[0] >= 2.0**-100
    nearest = np.float64(filters.bias[0]) * filters.factor[0]
    assert abs(nearest - f32(bias)) <= 0.5001 * filters.factor[0] + 1e-7 * abs(bias)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": f32([[np.nan]])}, "the weights are not all finite"),
        ({"weight": f32([[np.inf]])}, "the weights are not all finite"),
        ({"bias": f32([-np.inf])}, "the weights are not all finite"),
        ({"weight": f32([[1e38]])}, r"filter 0: its weights, or its bias, are too large .* scale is 1e\+10"),
        ({"weight_scale": f32([0])}, "filter 0: weight_scale does not fit"),
        ({"weight_scale": f32([-1])}, "filter 0: weight_scale does not fit"),
        ({"weight_scale": f32([np.nan])}, "filter 0: weight_scale does not fit"),
        ({"weight_scale": f32([1e-39])}, "filter 0: weight_scale does not fit"),
        ({"weight_scale": f32([1e-10]), "bias": f32([1e12])}, "filter 0: weight_scale does not fit"),
    ],
)
def test_weights_that_do_not_become_integers(change, message):
    weights = {"weight": f32([[1]]), "bias": f32([0])} | change
    layer = Layer("fc", InnerProduct(num_output=1), weights=weights, quantized=(Quantized(1e10),))
    net = net_of(layer, (1, 1))
    with pytest.raises(WeightsError, match=rf"layer 'fc' \(InnerProduct\): {message}"):
        net.forward({"x0": np.zeros((1, 1), f32)})


def test_a_residual_and_an_activation_come_after_the_sum(rng):
    params = Convolution(num_output=4, kernel_size=(1,))
    x, r = ((3 * rng.standard_normal((1, 4, 3, 3))).astype(f32) for _ in range(2))
    plain = made(params, x.shape, rng)
    fused = plain.replace(epilogue=Epilogue(residual=True, activation=ReLU(negative_slope=0.1)))
    alone = net_of(plain, x.shape).forward({"x0": x})["y"]
    in_f32 = net_of(fused, x.shape, r.shape).forward({"x0": x, "x1": r})["y"]
    assert np.array_equal(in_f32, np.where(alone + r > 0, alone + r, (alone + r) * f32(0.1)))
    read = net_of(fused.replace(quantized=(U8, S8)), x.shape, r.shape).forward({"x0": x, "x1": r})["y"]
    residual = naive_integers(r, S8).astype(f32) * f32(S8.scale)
    assert np.array_equal(read, np.where(alone + residual > 0, alone + residual, (alone + residual) * f32(0.1)))


def test_a_projection_is_a_second_sum(rng):
    params = Convolution(num_output=4, kernel_size=(1,))
    x, z = (rng.uniform(0, 8, (1, channels, 3, 3)).astype(f32) for channels in (4, 6))
    one, two = made(params, x.shape, rng), made(params, z.shape, rng, S8)
    slope = {"slope": rng.standard_normal(4).astype(f32)}
    projected = {f"projection.{name}": array for name, array in two.weights.items()}
    epilogue = Epilogue(projection=params, activation=PReLU())
    fused = one.replace(weights={**one.weights, **slope, **projected}, quantized=(U8, S8), epilogue=epilogue)
    top = net_of(fused, x.shape, z.shape).forward({"x0": x, "x1": z})["y"]
    total = naive_convolution(x, one, U8) + naive_convolution(z, two, S8)
    assert np.array_equal(top, np.where(total > 0, total, total * slope["slope"].reshape(-1, 1, 1)))
    rounded = with_integer_weights(fused)
    assert {"weight_scale", "projection.weight_scale"} < set(rounded.weights)
    net = net_of(rounded, x.shape, z.shape)
    verify(net)
    assert np.array_equal(net.forward({"x0": x, "x1": z})["y"], top)


@pytest.mark.parametrize(
    ("params", "shape"),
    [
        (Convolution(num_output=4, kernel_size=(3,), group=2), (1, 4, 5, 5)),
        (InnerProduct(num_output=3), (2, 5)),
        (InnerProduct(num_output=3, transpose=True), (2, 5)),
        (InnerProduct(num_output=3, axis=2), (2, 5, 4)),
    ],
    ids=["convolution", "rows", "columns", "axis"],
)
def test_weights_rounded_to_integers_give_the_same_bits(params, shape, rng):
    layer = made(params, shape, rng)
    rounded = with_integer_weights(layer)
    x = (3 * rng.standard_normal(shape)).astype(f32)
    before, after = (net_of(each, shape) for each in (layer, rounded))
    verify(after)
    assert np.array_equal(before.forward({"x0": x})["y"], after.forward({"x0": x})["y"])
    assert not np.array_equal(layer.weights["weight"], rounded.weights["weight"])
    again = with_integer_weights(rounded)
    assert all(np.array_equal(again.weights[name], array) for name, array in rounded.weights.items())


def test_layers_in_f32_keep_their_weights(rng):
    layer = made(Convolution(num_output=4, kernel_size=(1,)), (1, 4, 5, 5), rng).replace(quantized=())
    assert with_integer_weights(layer) is layer
    relu = Layer("relu", ReLU(), quantized=(U8,))
    assert with_integer_weights(relu) is relu


def test_scales_are_weights_of_layers_that_read_integers_only(rng):
    rounded = with_integer_weights(made(Convolution(num_output=4, kernel_size=(1,)), (1, 4, 5, 5), rng))
    with pytest.raises(WeightsError, match="weight_scale"):
        verify(net_of(rounded.replace(quantized=()), (1, 4, 5, 5)))


@pytest.mark.parametrize("bits", [1, 2, 4, 7])
def test_weights_of_fewer_bits(bits, rng):
    layer = made(Convolution(num_output=3, kernel_size=(3,)), (1, 2, 5, 5), rng, Quantized(0.03, weight_bits=bits))
    filters = layer.weights["weight"].reshape(3, -1)
    mean = np.abs(filters.astype(np.float64)).mean(1)
    scales = weight_scales(layer.params, layer.weights, layer.integers[0])
    np.testing.assert_array_equal(scales, (mean if bits == 1 else 2 * mean / (2 ** (bits - 1) - 1) ** 0.5).astype(f32))
    nearest = np.rint(filters / scales[:, None]).clip(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    expected = np.where(filters >= 0, 1, -1) if bits == 1 else nearest
    found = integer_filters(layer.params, layer.weights, layer.integers[0])
    np.testing.assert_array_equal(found.weight.reshape(3, -1), expected)
    rounded = with_integer_weights(layer)
    np.testing.assert_array_equal(rounded.weights["weight"].reshape(3, -1), expected.astype(f32) * scales[:, None])
    assert has_integer_weights(rounded)
    assert not has_integer_weights(layer)
