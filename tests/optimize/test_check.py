"""The comparison of two nets on a batch."""

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from xdn.errors import InputError, WeightsError
from xdn.graph import Layer, Quantized, Transform
from xdn.graph.verify import verify
from xdn.layers.input import Input
from xdn.layers.integer import with_integer_weights
from xdn.optimize import apply_stages, optimize
from xdn.optimize.check import in_f32, largest_difference, reference, run, seeded_batch


def test_values_of_what_is_no_image_spread_by_one():
    (x,) = seeded_batch(net_of(data(2, 3, 32, 32, spread=1.0))).values()
    assert x.std() == pytest.approx(1, rel=0.1)


def test_the_batch_is_the_same_each_time_and_has_two_images():
    net = net_of(data(7, 3, 8, 8), conv("c", "data", 2))
    first, second = seeded_batch(net), seeded_batch(net)
    assert first["data"].shape == (2, 3, 8, 8)
    assert first["data"].dtype == np.float32
    np.testing.assert_array_equal(first["data"], second["data"])


def test_the_batch_spreads_as_transformed_pixels():
    plain = seeded_batch(net_of(data(2, 3, 32, 32)))["data"]
    scaled = seeded_batch(net_of(data(2, 3, 32, 32, transform=Transform(scale=0.5, std=(2.0, 2.0, 2.0)))))["data"]
    assert 60 < plain.std() < 68
    np.testing.assert_allclose(scaled, plain / 4, rtol=1e-6)


def test_a_net_that_mixes_the_batch_keeps_its_own():
    net = net_of(data(6, 4), layer("Reshape", "r", ["data"], shape=(3, 8)))
    assert seeded_batch(net)["data"].shape == (6, 4)


@pytest.mark.parametrize("type_name", ["Scale", "Bias"])
def test_a_net_whose_weights_are_for_a_batch_keeps_it(type_name):
    net = net_of(data(6, 4), layer(type_name, "s", ["data"], axis=0))
    assert seeded_batch(net)["data"].shape == (6, 4)
    with pytest.raises(WeightsError, match=r"instead of \(5,\)"):
        run(reference, net, {"data": np.zeros((5, 4), np.float32)})
    assert optimize(net).difference == 0


def test_inputs_of_which_a_layer_asks_something_get_that():
    regions = layer("ROIPooling", "p", ["data", "rois"], pooled_h=2, pooled_w=2)
    net = net_of(data(1, 3, 8, 8), Layer("rois", Input(shape=((1, 5),)), (), ("rois",)), regions)
    rois = seeded_batch(net)["rois"]
    assert rois.shape == (2, 5)
    assert (rois[:, 0] == 0).all()
    assert (rois[:, 1:] >= 0).all()
    assert (rois[:, 1:] < 8).all()
    assert optimize(net).difference == 0


def test_run_takes_the_batch_of_the_inputs():
    net = net_of(data(7, 3, 8, 8), conv("c", "data", 2))
    assert run(reference, net, seeded_batch(net))["c"].shape == (2, 2, 8, 8)


def test_run_names_the_inputs():
    net = net_of(data(7, 3, 8, 8), conv("c", "data", 2))
    with pytest.raises(InputError, match="'data'"):
        run(reference, net, {"image": np.zeros((1, 3, 8, 8), np.float32)})


def difference(before, after):
    return largest_difference({"x": np.array(before, np.float32)}, {"x": np.array(after, np.float32)}, ["x"])


def test_relative_to_the_largest_value():
    assert difference([1.0, -200.0], [2.0, -200.0]) == pytest.approx(1 / 200)


def test_the_worst_blob_counts():
    before = {"x": np.ones(3, np.float32), "y": np.ones(3, np.float32)}
    after = {"x": before["x"], "y": before["y"] * np.float32(1.25)}
    assert largest_difference(before, after, ["x", "y"]) == pytest.approx(0.25)
    assert largest_difference(before, after, ["x"]) == 0


def test_blobs_of_zeros_may_round():
    assert difference([0.0], [5e-8]) <= 1e-4 < difference([0.0], [5e-7])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([np.nan, 1.0], [np.nan, 1.0], 0),
        ([np.inf, 1.0], [np.inf, 1.0], 0),
        ([np.nan], [np.nan], 0),
        ([np.nan, 1.0], [1.0, 1.0], np.inf),
        ([1.0, 1.0], [np.nan, 1.0], np.inf),
        ([np.inf, 1.0], [-np.inf, 1.0], np.inf),
        ([1.0], [1.0, 1.0], np.inf),
    ],
)
def test_values_that_are_not_finite(before, after, expected):
    assert difference(before, after) == expected


def test_a_net_in_f32_reads_no_integers():
    net = net_of(data(2, 3, 6, 6), conv("a", "data", 4), conv("b", "a", 4))
    assert in_f32(net) is net
    read = {"a": (Quantized(0.5, signed=True),), "b": (Quantized(0.25),)}
    layers = [each.replace(quantized=read.get(each.name, ())) for each in net.layers]
    rounded = net.replace(layers=tuple(map(with_integer_weights, layers)))
    stored = apply_stages(rounded, ("quantized-storage",))
    values = seeded_batch(net)
    for each in (rounded, stored):
        plain = in_f32(each)
        verify(plain)
        weights = {layer.name: {n: w for n, w in layer.weights.items() if "scale" not in n} for layer in rounded.layers}
        expected = net.with_weights(weights).forward(values)["b"]
        assert np.array_equal(plain.forward(values)["b"], expected)
        assert not any(layer.quantized or layer.stored for layer in plain.layers)
