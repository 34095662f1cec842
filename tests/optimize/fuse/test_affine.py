"""BatchNorm, Scale, Bias and Power as factor and shift, against their references."""

import numpy as np
import pytest

from tests.optimize.building import data, layer, net_of
from xdn.graph import Quantized
from xdn.optimize.edits import Edits
from xdn.optimize.fuse.affine import Affine, channel_affine, follow


def affine_of(shape, bottoms=("data",), **params):
    """Return the affine of one layer, checked against the layer's reference on noise."""
    inputs = [data(*shape)] + [data(*shape, name=name) for name in bottoms[1:]]
    net = net_of(*inputs, layer(params.pop("type"), "a", bottoms, **params))
    found = channel_affine(net, net.layer("a"))
    if isinstance(found, Affine):
        x = np.random.default_rng(5).standard_normal(shape).astype(np.float32)
        along = (1, -1) + (1,) * (len(shape) - 2)
        expected = net.forward({"data": x})["a"]
        np.testing.assert_allclose(
            found.factor.reshape(along) * x + found.shift.reshape(along), expected, rtol=1e-5, atol=1e-6
        )
        assert found.factor.shape == found.shift.shape == (shape[1],)
        assert found.factor.dtype == found.shift.dtype == np.float64
    return found


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5), (2, 3, 1, 1)])
@pytest.mark.parametrize(
    "params",
    [
        {"type": "BatchNorm"},
        {"type": "BatchNorm", "eps": 0.5, "use_global_stats": True},
        {"type": "BatchNorm", "scale_bias": True},
        {"type": "BN", "eps": 0.5},
        {"type": "BN", "affine_only": True, "bn_mode": "INFERENCE"},
        {"type": "Scale"},
        {"type": "Scale", "bias_term": True},
        {"type": "Scale", "num_axes": 0, "bias_term": True},
        {"type": "Bias"},
        {"type": "Bias", "num_axes": 0},
        {"type": "Power", "scale": -1.5, "shift": 0.25},
    ],
    ids=str,
)
def test_equals_the_reference(shape, params):
    assert isinstance(affine_of(shape, **params), Affine)


def test_scale_over_all_axes_of_a_1x1_map():
    assert isinstance(affine_of((2, 3, 1, 1), type="Scale", num_axes=-1, bias_term=True), Affine)


def test_scale_along_an_axis_counted_from_the_back():
    assert isinstance(affine_of((2, 3, 4, 5), type="Scale", axis=-3), Affine)


def test_scale_factor_zero_means_no_statistics_yet():
    values = {"mean": [3.0, 4.0], "variance": [5.0, 6.0], "scale_factor": [0.0]}
    weights = {name: np.array(value, np.float32) for name, value in values.items()}
    net = net_of(data(1, 2, 2, 2), layer("BatchNorm", "bn", ["data"], eps=0.25, weights=weights))
    found = channel_affine(net, net.layer("bn"))
    np.testing.assert_allclose(found.factor, 2.0)
    np.testing.assert_array_equal(found.shift, 0.0)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"type": "BatchNorm", "use_global_stats": False}, "statistics of the batch"),
        ({"type": "Scale", "axis": 2}, "not one value a channel"),
        ({"type": "Scale", "num_axes": 3}, "not one value a channel"),
        ({"type": "Bias", "axis": -1}, "not one value a channel"),
    ],
    ids=str,
)
def test_no_affine_of_the_channels(params, reason):
    assert reason in affine_of((2, 3, 4, 5), **params)


def test_an_operand_that_is_a_blob():
    assert "'factors', known only when the net runs" in affine_of((2, 3), ("data", "factors"), type="Scale", axis=0)


def test_a_variance_that_divides_by_zero():
    values = {"mean": [3.0], "variance": [0.0], "scale_factor": [1.0]}
    weights = {name: np.array(value, np.float32) for name, value in values.items()}
    net = net_of(data(1, 1, 2, 2), layer("BatchNorm", "bn", ["data"], eps=0.0, weights=weights))
    assert "not finite" in channel_affine(net, net.layer("bn"))


def test_weights_that_were_not_read():
    net = net_of(data(1, 1, 2, 2), layer("BatchNorm", "bn", ["data"]), weights=False)
    assert "weights were not read" in channel_affine(net, net.layer("bn"))


def test_follow_goes_on_until_a_blob_is_needed_elsewhere():
    net = net_of(
        data(2, 3, 4, 4),
        layer("BatchNorm", "bn", ["data"]),
        layer("Scale", "scale", ["bn"]),
        layer("Bias", "bias", ["scale"]),
        layer("ReLU", "relu", ["scale"]),
    )
    edits = Edits()
    chain = follow(net, net.layer("data"), edits)
    assert [each.name for each in chain.layers] == ["bn", "scale"]
    (refusal,) = edits.refusals
    assert refusal.layer == "bias"
    assert "read 2 times, by 'bias', 'relu'" in refusal.text


def test_layers_that_read_integers_stay():
    net = net_of(data(2, 3, 4, 4), layer("Scale", "a", ["data"]), layer("Scale", "b", ["a"]))
    rounded = net.layer("b").replace(quantized=(Quantized(0.1),))
    net = net.replace(layers=(*net.layers[:-1], rounded))
    assert "is rounded before" in channel_affine(net, rounded)
    assert follow(net, net.layer("a"), Edits()).layers == ()
