"""Caffe's fillers: bounds and moments of what they make, and which of a layer's weights each belongs to."""

import numpy as np
import pytest

from xdn.errors import UnsupportedError
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt
from xdn.frontend.caffe.weights.fillers import fill

HEAD = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 64 dim: 9 dim: 9 } } }'


def filled(kind, params):
    text = f'{HEAD} layer {{ name: "x" type: "{kind}" bottom: "data" top: "x" {params} }}'
    message = prototxt.parse(text)
    net = net_from_message(message)
    layer = net.layer("x")
    return fill(layer, net.weight_shapes(layer), message.layer[1], np.random.default_rng(1))


def convolution(filler, kernel=3, outputs=128):
    params = f"num_output: {outputs} kernel_size: {kernel} weight_filler {{ {filler} }} bias_filler {{ value: 3 }}"
    return filled("Convolution", f"convolution_param {{ {params} }}")["weight"]


@pytest.mark.parametrize(
    ("filler", "mean", "std", "low", "high"),
    [
        ("value: 0.5", 0.5, 0, 0.5, 0.5),
        ("type: 'uniform'", 0.5, 12**-0.5, 0, 1),
        ("type: 'uniform' min: -2 max: 4", 1, 6 * 12**-0.5, -2, 4),
        ("type: 'gaussian' mean: 2 std: 0.1", 2, 0.1, 1, 3),
        ("type: 'gaussian'", 0, 1, -6, 6),
        ("type: 'xavier'", 0, (1 / 576) ** 0.5, -((3 / 576) ** 0.5), (3 / 576) ** 0.5),
        ("type: 'xavier' variance_norm: AVERAGE", 0, (1 / 864) ** 0.5, -((3 / 864) ** 0.5), (3 / 864) ** 0.5),
        ("type: 'msra' variance_norm: FAN_OUT", 0, (2 / 1152) ** 0.5, -0.3, 0.3),
    ],
)
def test_moments_and_bounds(filler, mean, std, low, high):
    """73,728 values: mean and deviation are within 2 % of the deviation, five times what chance does."""
    made = convolution(filler)
    assert made.dtype == np.float32
    assert abs(made.mean() - mean) <= 0.02 * std
    assert abs(made.std() - std) <= 0.02 * std
    assert low - 1e-6 <= made.min()
    assert made.max() <= high + 1e-6


def test_sparse_weights():
    made = convolution("type: 'gaussian' sparse: 32")
    assert abs((made != 0).mean() - 0.25) < 0.02


def test_filters_that_sum_to_one():
    np.testing.assert_allclose(convolution("type: 'positive_unitball'").sum(axis=(1, 2, 3)), 1, rtol=1e-5)


def test_bilinear_interpolation():
    """Of a kernel of four: 1/4, 3/4, 3/4, 1/4 along each axis."""
    side = [0.25, 0.75, 0.75, 0.25]
    made = convolution("type: 'bilinear'", kernel=4, outputs=2)
    np.testing.assert_allclose(made, np.broadcast_to(np.outer(side, side), made.shape), rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "params", "expected"),
    [
        ("Scale", "scale_param { filler { value: 7 } bias_term: true }", {"scale": 7, "bias": 0}),
        ("Scale", "scale_param { bias_filler { value: 7 } bias_term: true }", {"scale": 1, "bias": 7}),
        ("Bias", "bias_param { filler { value: 7 } }", {"bias": 7}),
        ("PReLU", "prelu_param { filler { value: 0.1 } }", {"slope": 0.1}),
        ("PReLU", "", {"slope": 0.25}),
        ("Normalize", "norm_param { scale_filler { value: 20 } }", {"scale": 20}),
        ("BatchNorm", "", {"mean": 0, "variance": 1, "scale_factor": 1}),
        ("InnerProduct", "inner_product_param { num_output: 2 weight_filler { value: 3 } }", {"weight": 3, "bias": 0}),
    ],
)
def test_each_weight_has_its_own_filler(kind, params, expected):
    made = filled(kind, params)
    assert {name: array.ravel()[0] for name, array in made.items()} == pytest.approx(expected)


def test_filters_without_a_filler_keep_the_size_of_values():
    made = filled("InnerProduct", "inner_product_param { num_output: 100 }")["weight"]
    assert abs(made.std() / (2 / 5184) ** 0.5 - 1) < 0.02


def test_unknown_fillers():
    with pytest.raises(
        UnsupportedError, match=r"layer 'x' \(Convolution\): weight_filler: unknown filler 'xaviar'.*xav"
    ):
        convolution("type: 'xaviar'")


def test_weights_of_weights_have_the_fillers_of_their_kind():
    """Those of an LSTM's inputs and of its hidden state are filled alike, and so are all scales of a block."""
    fillers = "weight_filler { value: 2 } bias_filler { value: 3 }"
    made = filled("Lstm", f"lstm_param {{ num_output: 2 batch_size: 1 {fillers} }}")
    assert {name: set(array.flat) for name, array in made.items()} == {
        "input.weight": {2},
        "hidden.weight": {2},
        "input.bias": {3},
    }
    fillers = "Filter_Filler { value: 2 } BN_Scaler_Filler { value: 3 } BN_Bias_Filler { value: 4 }"
    made = filled("DenseBlock", f"denseblock_param {{ numTransition: 2 growthRate: 1 use_BC: true {fillers} }}")
    kinds = {"filter": 2, "scale": 3, "bias": 4, "mean": 0, "variance": 1, "scale_factor": 1}
    for name, array in made.items():
        assert set(array.flat) == {kinds[name.rpartition(".")[2]]}
