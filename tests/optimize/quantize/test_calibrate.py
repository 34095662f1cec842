"""Calibration: which scales layers get, in whatever batches images come, and what cannot be calibrated."""

from dataclasses import replace

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.calibrating import batches_of, fused, instruments_for, residual_net
from xdn.errors import DataError, UnknownNameError
from xdn.frontend import load, save
from xdn.graph import Bf16, Quantized
from xdn.graph.verify import verify
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.instruments import Instruments
from xdn.optimize.quantize.observer import OBSERVERS
from xdn.report.quantization import kept_lines

EXACT = CalibrationConfig("min-max", correct_bias=False)


def extremes(net, blob, **options):
    """Return the least and the largest value of a blob on all calibration images."""
    (batch,) = batches_of(net, at_once=32, **options)()
    values = net.with_batch(32).forward(batch)[blob]
    return values.min(), values.max()


def test_every_bottom_has_the_scale_of_its_values():
    net = residual_net()
    found = calibrate(net, EXACT, instruments_for(net)).net
    low, high = extremes(net, "data")
    assert found.layer("stem").quantized == (Quantized(max(-low, high) / 127, signed=True),)
    pool = Quantized(extremes(net, "pool")[1] / 255)
    # The residual is the second bottom of the layer to which its sum is fused.
    assert found.layer("b").bottoms == ("a_relu", "pool")
    assert found.layer("b").quantized == (Quantized(extremes(net, "a_relu")[1] / 255), pool)
    assert found.layer("a").quantized == (pool,)
    assert found.layer("prob").quantized == ()


def test_ranges_tell_what_was_seen():
    net = residual_net()
    found = calibrate(net, EXACT, instruments_for(net))
    seen = found.ranges["data"]
    assert (seen.smallest, seen.largest) == pytest.approx(extremes(net, "data"))
    assert found.images == 32
    assert found.choice.layers == tuple(each.name for each in found.net.layers if each.quantized)


@pytest.mark.parametrize("observer", list(OBSERVERS))
def test_batches_change_nothing(observer):
    """Nor does a second calibration: its files are the same."""
    net, config = residual_net(), CalibrationConfig(observer, correct_bias=False)
    digests = {calibrate(net, config, instruments_for(net, at_once=at_once)).net.digest for at_once in (32, 8, 8, 7, 1)}
    assert len(digests) == 1


def test_the_quantized_net_is_near_the_net():
    net = residual_net()
    quantized = calibrate(net, EXACT, instruments_for(net)).net
    (batch,) = batches_of(net, at_once=32, seed=5)()
    wanted, found = (each.with_batch(32).forward(batch)["fc"] for each in (net, quantized))
    assert 0 < np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()


def test_weights_become_integers_unless_they_are_to_stay():
    net = residual_net()
    rounded = calibrate(net, EXACT, instruments_for(net)).net.layer("a").weights
    whole = rounded["weight"] / rounded["weight_scale"].reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(whole, np.rint(whole), atol=1e-4)
    assert np.abs(whole).max() == pytest.approx(127)
    kept = calibrate(net, replace(EXACT, integer_weights=False), instruments_for(net)).net.layer("a").weights
    assert kept.keys() == {"weight", "bias"}
    np.testing.assert_array_equal(kept["weight"], net.layer("a").weights["weight"])


def test_biases_are_corrected_unless_they_are_to_stay():
    net = residual_net()
    corrected = calibrate(net, replace(EXACT, correct_bias=True), instruments_for(net)).net
    assert not np.array_equal(corrected.layer("a").weights["bias"], net.layer("a").weights["bias"])
    kept = calibrate(net, EXACT, instruments_for(net)).net
    np.testing.assert_array_equal(kept.layer("a").weights["bias"], net.layer("a").weights["bias"])


def test_blobs_that_hold_the_same_values_have_one_scale():
    """Of a pool of a blob that others read too, in whose maxima the smallest values are not seen."""
    net = net_of(
        data(1, 3, 8, 8),
        conv("a", "data", 4),
        layer("Pooling", "pool", ["a"], pool="MAX", kernel_size=3, stride=1, pad=1),
        conv("b", "pool", 4),
        conv("c", "a", 4),
    )
    found = calibrate(net, EXACT, instruments_for(net)).net
    assert found.layer("b").quantized == found.layer("c").quantized
    low, high = extremes(net, "a")
    assert found.layer("b").quantized[0] == Quantized(max(-low, high) / 127, signed=True)


def test_a_concat_and_its_parts_have_one_scale():
    """In whatever batches the images come, for the moving average, too."""
    net = net_of(
        data(1, 3, 6, 6),
        conv("a", "data", 4),
        conv("b", "a", 4),
        layer("Concat", "both", ["a", "b"]),
        conv("c", "both", 4),
    )
    found = calibrate(net, EXACT, instruments_for(net)).net
    low, high = extremes(net, "both")
    assert found.layer("b").quantized == found.layer("c").quantized
    assert found.layer("c").quantized == (Quantized(max(-low, high) / 127, signed=True),)
    config = CalibrationConfig("moving-average", correct_bias=False)
    digests = {calibrate(net, config, instruments_for(net, at_once=at_once)).net.digest for at_once in (32, 7, 1)}
    assert len(digests) == 1


def test_a_relu_that_its_bottom_can_do_is_left_out():
    """Where another layer reads the bottom, it reads integers itself."""
    layers = [
        data(1, 3, 6, 6),
        conv("a", "data", 4),
        conv("b", "data", 4),
        layer("Eltwise", "sum", ["a", "b"], coeff=(1.0, 0.5)),
        layer("ReLU", "relu", ["sum"]),
        conv("c", "relu", 4),
    ]
    net = net_of(*layers)
    found = calibrate(net, EXACT, instruments_for(net))
    assert found.choice.layers == ("a", "b", "sum", "c")
    assert "has the integer 0" in found.choice.kept["relu"]
    net = net_of(*layers, conv("d", "sum", 4))
    assert calibrate(net, EXACT, instruments_for(net)).choice.layers == ("a", "b", "sum", "relu", "c", "d")


def test_blobs_without_a_scale_leave_their_readers_in_f32():
    """One that is 0 on all images, one with infinities: the others are quantized nevertheless."""
    huge = np.full((4, 3, 1, 1), 3e38, np.float32)
    net = fused(
        net_of(
            data(1, 3, 6, 6),
            conv("dead", "data", 4, weights={"weight": np.zeros((4, 3, 1, 1), np.float32), "bias": np.zeros(4)}),
            conv("after", "dead", 4),
            conv("huge", "data", 4, weights={"weight": huge, "bias": np.zeros(4, np.float32)}),
            conv("last", "huge", 4),
        )
    )
    found = calibrate(net, EXACT, instruments_for(net))
    assert found.choice.layers == ("dead", "huge")
    assert found.choice.kept == {
        "after": "of its bottom 'dead' all values were 0",
        "last": "of its bottom 'huge' there are values that are not finite",
    }


def branching(value):
    """Return a net with a weight of such a value in a layer that gives an output, and images that are never 0."""
    net = net_of(
        data(1, 3, 6, 6), conv("a", "data", 4), layer("ReLU", "r", ["a"]), conv("b", "r", 4), conv("c", "data", 4)
    )
    weights = {name: array.copy() for name, array in net.layer("c").weights.items()}
    weights["weight"][1, 2] = value
    images = np.random.default_rng(0).uniform(2e3, 4e3, (4, 3, 6, 6)).astype(np.float32)
    return net.with_weights({"c": weights}), Instruments(lambda: [{"data": images}])


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_cannot_be_integers_leave_their_layer_in_f32(value):
    net, instruments = branching(value)
    found = calibrate(net, CalibrationConfig("min-max"), instruments)
    assert "not all finite" in found.choice.kept["c"]
    assert found.choice.layers == ("a", "b")


@pytest.mark.filterwarnings("ignore:overflow")
def test_values_that_overflow_leave_biases_finite():
    net, instruments = branching(3e38)
    found = calibrate(net, CalibrationConfig("min-max"), instruments)
    assert found.choice.layers == ("a", "b", "c")
    assert all(np.isfinite(array).all() for each in found.net.layers for array in each.weights.values())


def test_signs_decide_how_many_products_fit():
    """Products of signed integers are at most half as large: only those of unsigned ones are too many."""
    net = net_of(data(1, 60000, name="x"), layer("InnerProduct", "ip", ["x"], num_output=1))
    assert calibrate(net, EXACT, instruments_for(net, images=2)).choice.layers == ("ip",)
    positive = Instruments(lambda: [{"x": np.ones((2, 60000), np.float32)}])
    found = calibrate(net, EXACT, positive)
    assert found.choice.layers == ()
    assert "products" in found.choice.kept["ip"]


def test_progress_counts_images():
    net, told = residual_net(), []
    calibrate(net, CalibrationConfig("min-max", images=32), instruments_for(net), lambda *each: told.append(each))
    assert told == [(8, 32), (16, 32), (24, 32), (32, 32)]


def test_what_is_wrong_is_told():
    net = residual_net()
    with pytest.raises(UnknownNameError, match="min-max"):
        calibrate(net, CalibrationConfig("minmax"), instruments_for(net))
    with pytest.raises(DataError, match="no calibration images"):
        calibrate(net, EXACT, Instruments(list))


def test_a_net_of_which_nothing_can_be_quantized_stays():
    net = net_of(data(1, 4), layer("Softmax", "prob", ["data"]))
    found = calibrate(net, EXACT, Instruments(list))
    assert found.net.digest == net.digest
    assert (found.images, found.ranges) == (0, {})


@pytest.mark.parametrize("kept", [(), ("first",), ("second",)])
def test_layers_that_share_weights_come_back_from_files_as_they_were_calibrated(kept, tmp_path):
    """Rounded weights are those of the layers that read integers, not of all that had the same name."""
    shared = {"shared": ("w", "b")}
    net = net_of(data(1, 4, 6, 6), conv("first", "data", 4, **shared), conv("second", "first", 4, **shared))
    found = calibrate(net, CalibrationConfig(keep_f32=kept), instruments_for(net)).net
    assert [bool(found.layer(name).integers) for name in ("first", "second")] == [
        name not in kept for name in ("first", "second")
    ]
    paths = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    save(found, *paths)
    again = load(*paths)
    for before, after in zip(found.layers, again.layers, strict=True):
        assert set(before.weights) == set(after.weights)
        assert all(np.array_equal(before.weights[name], array) for name, array in after.weights.items())


def test_layers_that_read_bf16_keep_it():
    net = residual_net()
    half = ("b", "fc")
    marked = [
        each.replace(quantized=(Bf16(),) * len(each.bottoms)) if each.name in half else each for each in net.layers
    ]
    marked = net.replace(layers=tuple(marked))
    found = calibrate(marked, CalibrationConfig(learn_rounding=True), instruments_for(net))
    assert {each.name for each in found.net.layers if each.reads_bf16} == set(half)
    assert {each.name for each in found.net.layers if each.integers} == {"stem", "a"}
    verify(found.net)
    assert kept_lines(found)[1:] == [
        "  - b: stays in bf16: its line says so",
        "  - fc: stays in bf16: its line says so",
        "  - prob: stays in f32: Softmax has no 8-bit form",
        "  - average: stays in f32: not all of its bottoms are 8-bit integers anyway",
    ]
    again = calibrate(found.net, CalibrationConfig(), instruments_for(net))
    assert {each.name for each in again.net.layers if each.reads_bf16} == set(half)


def test_layers_between_the_first_and_the_last_get_fewer_bits():
    net = residual_net()
    found, full = (calibrate(net, CalibrationConfig(bits=bits), instruments_for(net)).net for bits in ((2, 3), (8, 8)))
    read = {layer.name: [(how.bits, how.weight_bits) for how in layer.integers] for layer in found.layers}
    assert read["stem"] == read["fc"] == read["average"] == [(8, 8)]
    # The residual of "b" has 8 bits, of a scale of its own.
    assert (read["a"], read["b"]) == ([(3, 2)], [(3, 2), (8, 8)])
    assert found.layer("b").integers[1] == full.layer("b").integers[1]
    coarse, fine = (each.layer("a").integers[0].scale for each in (found, full))
    assert 5 * fine < coarse < 255 / 7 * fine * 1.001
    steps = found.layer("a").weights["weight"] / found.layer("a").weights["weight_scale"][:, None, None, None]
    assert set(np.unique(steps.round(3))) <= {-2, -1, 0, 1}
