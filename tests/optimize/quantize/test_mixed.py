"""Mixed precision: which layers stay in f32, so that how much accuracy is lost."""

from dataclasses import replace

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.calibrating import batches_of, fused, instruments_for, residual_net
from xdn.errors import DataError
from xdn.graph import Bf16
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.fastest import BF16, F32, INT8
from xdn.optimize.quantize.mixed import _fewest, in_mixed_precision, mixed

CONFIG = CalibrationConfig("min-max")
NAMES = ("stem", "a", "b", "average", "fc")


def read_by(net):
    """Return the names of the layers that read integers."""
    return tuple(each.name for each in net.layers if each.quantized)


@pytest.fixture(scope="module")
def calibrated():
    net = residual_net()
    found = calibrate(net, CONFIG, instruments_for(net))
    assert found.choice.layers == NAMES
    return net, found


def costing(net, costs, seconds=None):
    """Return instruments by which accuracy falls by so much with each layer that reads integers."""
    return replace(
        instruments_for(net),
        accuracy=lambda scored: 0.9 - sum(costs.get(name, 0.0) for name in read_by(scored)),
        seconds=seconds,
    )


def clock(saved):
    """Return a clock by which layers that read integers save so many seconds."""
    return lambda nets: [
        {each.name: 1.0 - (saved[each.name] if each.quantized else 0.0) for each in net.layers if each.name in NAMES}
        for net in nets
    ]


def errors(net, quantized):
    """Return layer's name -> the relative error of the outputs with it alone quantized."""
    (batch,) = batches_of(net, at_once=32)()
    exact = net.with_batch(32).forward(batch)["prob"].astype(np.float64)
    found = {}
    for name in NAMES:
        output = mixed({F32: net, INT8: quantized}, {name: INT8}).with_batch(32).forward(batch)["prob"]
        found[name] = np.square(output - exact).sum() / np.square(exact).sum()
    return found


@pytest.mark.parametrize("max_drop", [0.0, 0.02, 0.045, 1.0])
def test_as_few_layers_as_accuracy_needs_stay_in_the_order_of_their_loss(calibrated, max_drop):
    net, quantized = calibrated
    saved = {"stem": 0.5, "a": 0.1, "b": 0.4, "average": 0.2, "fc": 0.01}
    ranks = {name: error / saved[name] for name, error in errors(net, quantized.net).items()}
    order = sorted(NAMES, key=lambda name: -ranks[name])
    costs = dict.fromkeys(NAMES, 0.01)
    found = in_mixed_precision(quantized, costing(net, costs, clock(saved)), max_drop)
    assert len(found.choice.layers) == min(5, int(100 * max_drop + 1e-9))
    assert set(order[: 5 - len(found.choice.layers)]) == found.choice.kept.keys() - quantized.choice.kept.keys()
    assert read_by(found.net) == found.choice.layers
    for name in found.choice.layers:
        assert found.net.layer(name) is quantized.net.layer(name)
    assert all(
        f"drop by {100 * max_drop:g} points" in found.choice.kept[name] for name in set(NAMES) - set(read_by(found.net))
    )


@pytest.mark.parametrize(("least", "most"), [(0, 1), (0, 9), (3, 40), (5, 5)])
def test_the_fewest_that_are_enough_are_found_in_few_steps(least, most):
    for wanted in range(least, most + 1):
        asked = []

        def enough(number, wanted=wanted, asked=asked):
            """Return whether the number is large enough."""
            asked.append(number)
            return number >= wanted

        assert _fewest(enough, least, most) == wanted
        assert len(asked) == len(set(asked)) <= 2 * (most - least).bit_length() + 1
        assert all(least <= number < most for number in asked)


def test_ranges_are_those_of_what_is_still_read(calibrated):
    net, quantized = calibrated
    found = in_mixed_precision(quantized, costing(net, dict.fromkeys(NAMES, 0.01)), 0.03)
    read = {blob for name in found.choice.layers for blob in net.layer(name).bottoms}
    assert found.ranges.keys() == read


def test_layers_that_integers_do_not_speed_up_stay_in_f32(calibrated):
    net, quantized = calibrated
    saved = {"stem": 0.5, "a": -0.25, "b": 0.4, "average": 0.2, "fc": 0.1}
    found = in_mixed_precision(quantized, costing(net, {}, clock(saved)), 0.1)
    assert found.choice.layers == ("stem", "b", "average", "fc")
    assert found.choice.kept["a"] == "as integers it takes 2.5e+05 us an image more"


def test_bf16_takes_the_place_of_what_loses_too_much_or_is_slower(calibrated):
    net, quantized = calibrated
    in_bf16 = net.replace(
        layers=tuple(
            each.replace(quantized=(Bf16(),) * len(each.bottoms) * (each.name in NAMES)) for each in net.layers
        )
    )
    taken = {F32: 1.0, BF16: 0.5, INT8: 0.25}
    times = {numbers: dict.fromkeys(NAMES, each) for numbers, each in taken.items()}
    times[INT8]["a"] = 0.75

    def accuracy(scored):
        """Return what falls by a tenth where the first layer reads integers."""
        return 0.9 - 0.1 * bool(scored.layer("stem").integers)

    ranks = {(name, INT8): error / (1.0 - times[INT8][name]) for name, error in errors(net, quantized.net).items()}
    ranks |= {(name, BF16): error / 0.5 for name, error in errors(net, in_bf16).items()}
    assert sorted(ranks, key=ranks.__getitem__)[-2:] == [("stem", INT8), ("fc", BF16)]
    tools = replace(instruments_for(net), accuracy=accuracy, seconds=lambda nets: [*times.values(), {}])
    found = in_mixed_precision(quantized, tools, 0.01, in_bf16=in_bf16)
    assert read_by(found.net) == NAMES
    assert {each.name for each in found.net.layers if each.reads_bf16} == {"stem", "a"}
    assert found.choice.kept["a"] == "as integers it takes 2.5e+05 us an image more"
    assert "drop by 1 points" in found.choice.kept["stem"]
    assert found.saved == {"stem": 0.5, "a": 0.5, "b": 0.75, "average": 0.75, "fc": 0.75}


def test_what_conversions_take_is_more_than_a_layer_saves(calibrated):
    net, quantized = calibrated
    times = {F32: dict.fromkeys(NAMES, 1.0), INT8: dict.fromkeys(NAMES, 1.125) | {"a": 0.9}}
    seconds = [*times.values(), {INT8: 100.0}]
    found = in_mixed_precision(quantized, costing(net, {}, lambda nets: seconds), 0.1)
    assert found.choice.layers == ()
    assert found.choice.kept["a"] == "the 1e+05 us an image that integers save are less than what conversions take"
    assert found.choice.kept["b"] == "as integers it takes 1.25e+05 us an image more"


def test_without_a_clock_multiplications_count(calibrated):
    """The average multiplies nothing."""
    net, quantized = calibrated
    found = in_mixed_precision(quantized, costing(net, {}), 0.1)
    assert found.choice.layers == ("stem", "a", "b", "fc")


def test_progress_ends_with_all(calibrated):
    net, quantized = calibrated
    told = []
    in_mixed_precision(quantized, costing(net, {}), 0.1, lambda *each: told.append(each))
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert all(done <= most for done, most in told)


def test_accuracies_are_needed(calibrated):
    net, quantized = calibrated
    with pytest.raises(DataError, match="accuracies"):
        in_mixed_precision(quantized, instruments_for(net), 0.1)


def test_mixed_nets_have_the_weights_of_either(calibrated):
    net, quantized = calibrated
    found = mixed({F32: net, INT8: quantized.net}, {"b": INT8})
    assert read_by(found) == ("b",)
    assert found.layer("b") is quantized.net.layer("b")
    assert found.layer("stem") is net.layer("stem")


def test_an_activation_goes_with_the_layer_that_it_is_fused_to_in_f32():
    """Alone it would save nothing, for as f32 it takes no time of its own."""
    net = fused(
        net_of(
            data(1, 3, 6, 6),
            conv("a", "data", 4),
            layer("Swish", "swish", ["a"]),
            conv("b", "swish", 4),
            layer("TanH", "tanh", ["b"]),
            conv("c", "tanh", 4),
        )
    )
    quantized = calibrate(net, CONFIG, instruments_for(net))
    names = ("a", "a/swish", "b", "b/tanh", "c")
    assert quantized.choice.layers == names
    times = {"a": (1.0, 0.5), "a/swish": (0.0, 0.25), "b": (1.0, 0.5), "b/tanh": (0.0, 0.75), "c": (1.0, 0.5)}
    seconds = [*({name: each[number] for name, each in times.items()} for number in range(2)), {}]
    found = in_mixed_precision(quantized, costing(net, {}, lambda nets: seconds), 0.0)
    assert found.choice.layers == ("a", "a/swish", "c")
    assert all("us an image more" in found.choice.kept[name] for name in ("b", "b/tanh"))
