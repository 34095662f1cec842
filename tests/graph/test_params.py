"""The rules that a layer type has where it says nothing, and what it computes of bf16."""

import numpy as np
import pytest

from xdn.element import BF16
from xdn.graph import Bf16, Blob, ChannelRule
from xdn.layers.convolution import Convolution
from xdn.layers.deconvolution import Deconvolution
from xdn.layers.eltwise import Eltwise
from xdn.layers.function import functions
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.pooling import Pooling
from xdn.layers.relu import ReLU

BOTTOM = Blob((2, 3, 5, 5))


def test_without_a_channel_axis_channels_are_fixed():
    assert ReLU().channel_rule_for([Blob((2, 3))]) is ChannelRule.CARRIED
    assert ReLU().channel_rule_for([Blob((2,))]) is ChannelRule.FIXED
    assert ReLU().channel_map(0, [Blob((2, 3))]).tolist() == [0, 1, 2]


def test_a_layer_without_rules_of_its_own_ties_and_narrows_nothing():
    assert [labels.tolist() for labels in InnerProduct(num_output=2).tied_channels([BOTTOM])] == [[0, 1], [2, 3, 4]]
    relu = ReLU()
    assert relu.weight_channels([BOTTOM]) == {}
    assert relu.narrowed(2, 2, [BOTTOM]) is relu
    with pytest.raises(NotImplementedError, match="ReLU has no filters"):
        relu.columns(np.zeros(BOTTOM.shape, np.float32), np.arange(2))


def in_bf16(params, rng, *shapes):
    """Return what a layer gives that reads bf16, and its bottoms, rounded, and weights in f32."""
    bottoms = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    blobs = [Blob(shape) for shape in shapes]
    weights = {
        name: rng.standard_normal(shape).astype(np.float32) for name, shape in params.weight_shapes(blobs).items()
    }
    (top,) = params.forward([BF16.stored(x) for x in bottoms], (Bf16(),) * len(shapes), weights, 1)
    return top, [BF16.rounded(x) for x in bottoms], weights


@pytest.mark.parametrize(
    ("params", "shape"),
    [
        (Convolution(num_output=3, kernel_size=(1,)), (2, 4, 5, 5)),
        (Convolution(num_output=4, kernel_size=(3,), pad=(1,), stride=(2,)), (2, 4, 5, 5)),
        (Convolution(num_output=4, kernel_size=(2, 3), pad=(0, 2), group=2), (2, 4, 5, 5)),
        (Convolution(num_output=4, kernel_size=(3,), pad=(2,), dilation=(2,), group=4), (2, 4, 5, 5)),
        (Convolution(num_output=3, kernel_size=(3,), bias_term=False), (2, 4, 7)),
        (Deconvolution(num_output=4, kernel_size=(3,), stride=(2,), pad=(1,), group=2), (1, 6, 4, 3)),
        (InnerProduct(num_output=3), (2, 3, 2, 2)),
        (InnerProduct(num_output=3, transpose=True), (2, 12)),
        (InnerProduct(num_output=3, axis=2), (2, 5, 4)),
    ],
)
def test_filters_are_rounded_with_what_they_are_multiplied_with(params, shape, rng):
    top, bottoms, weights = in_bf16(params, rng, shape)
    rounded = {**weights, "weight": BF16.rounded(weights["weight"])}
    assert top.dtype == np.float32
    assert np.array_equal(top, params.reference(bottoms, rounded, 1)[0])
    assert not np.array_equal(top, params.reference(bottoms, weights, 1)[0])


def test_sums_of_bf16_are_f32_and_biases_are_not_rounded(rng):
    top, (x,), weights = in_bf16(InnerProduct(num_output=3), rng, (2, 200))
    products = x[:, None].astype(np.float64) * BF16.rounded(weights["weight"])
    exact = products.sum(axis=2) + weights["bias"]
    # Products of 16 significant bits are exact in f32: each of the sums that follow errs by half of its last bit.
    assert (np.abs(top - exact) <= 200 * 2.0**-24 * (np.abs(products).sum(axis=2) + np.abs(weights["bias"]))).all()
    assert (np.abs(top - (exact - weights["bias"] + BF16.rounded(weights["bias"]))) > 1e-5).any()


@pytest.mark.parametrize("operation", ["PROD", "SUM", "MAX"])
def test_sums_products_and_maxima_of_blobs_in_bf16(operation, rng):
    params = Eltwise(operation=operation, coeff=(0.3, -1.7) if operation == "SUM" else ())
    top, bottoms, _ = in_bf16(params, rng, (2, 3, 4, 4), (2, 3, 4, 4))
    assert np.array_equal(top, params.reference(bottoms, {}, 1)[0])


@pytest.mark.parametrize("params", [Pooling(pool="AVE", kernel_size=(3,), pad=(1,)), *(cls() for cls in functions())])
def test_averages_and_functions_of_bf16(params, rng):
    with np.errstate(invalid="ignore", divide="ignore"):
        top, bottoms, _ = in_bf16(params, rng, (2, 3, 5, 5))
        assert params.why_no_bf16([BOTTOM]) is None
        assert np.array_equal(top, params.reference(bottoms, {}, 1)[0], equal_nan=True)
