"""What criteria look at: weights with the fusion's factors, cut along a group's channels."""

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.prune.nets import factor, group_of, images_for, mixed_net, small_resnet
from xdn.errors import DataError, WeightsError
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.evidence import Evidence
from xdn.optimize.prune.instruments import Instruments


def folded_filters(evidence, name):
    """Return the filters of a group, fusion's factors in them."""
    group = group_of(evidence.channels, name)
    return list(evidence.filters(group, evidence.weights(group)))


def test_filters_hold_the_factors_of_batch_norm_and_scale():
    net = small_resnet()
    channels = Channels(net)
    found = {rows.layer.name: rows for rows in folded_filters(Evidence(channels), "stem")}
    assert list(found) == ["stem", "oneb"]
    for name, rows in found.items():
        expected = net.layer(name).weights["weight"] * factor(net, f"{name}_").reshape(-1, 1, 1, 1)
        # Fusion rounds each weight to f32 once.
        np.testing.assert_allclose(rows.values, expected.reshape(8, -1), rtol=1e-7)
        assert rows.unit.tolist() == list(range(8))


def test_rows_of_a_unit_are_totalled():
    channels = Channels(mixed_net())
    (rows,) = folded_filters(Evidence(channels), "grouped")
    assert rows.unit.tolist() == [*range(6), *range(6)]
    assert rows.total(np.arange(12.0)).tolist() == [6, 8, 10, 12, 14, 16]


def test_values_are_summed_over_filters_and_layers():
    net = small_resnet()
    evidence = Evidence(Channels(net))
    weights = {name: net.layer(name).weights["weight"] for name in ("stem", "oneb")}
    found = evidence.sums(group_of(evidence.channels, "stem"), weights)
    np.testing.assert_allclose(found, sum(weight.sum(axis=(1, 2, 3)) for weight in weights.values()), rtol=1e-5)


def test_a_layer_that_fusion_does_not_keep_counts_as_it_is():
    """Nothing that is an output needs the layer, so that plain stages remove it."""
    net = net_of(
        data(1, 3, 4, 4),
        conv("unread", "data", 5),
        conv("first", "data", 4),
        conv("last", "first", 1),
        outputs=["last"],
    )
    channels = Channels(net)
    evidence = Evidence(channels)
    assert "unread" not in {each.name for each in evidence.folded.layers}
    (rows,) = folded_filters(evidence, "unread")
    np.testing.assert_array_equal(rows.values, net.layer("unread").weights["weight"].reshape(5, -1))


def test_places_are_those_of_the_group():
    net = mixed_net()
    channels = Channels(net)
    evidence = Evidence(channels)
    for name in ("grouped", "side"):
        group = group_of(channels, name)
        _, axis = evidence.input_axis(net.layer("hidden"))
        blocks = evidence.places(group, net.layer("hidden"), axis).reshape(18, -1)
        own = {"grouped": [*range(6), *range(6)], "side": list(range(6))}[name]
        other = [-1] * (18 - len(own))
        expected = [*own, *other] if name == "grouped" else [*other, *own]
        assert (blocks == np.array(expected)[:, None]).all()


def test_input_axis_comes_first():
    net = net_of(
        data(1, 3, 2, 2),
        layer("InnerProduct", "first", ["data"], num_output=4),
        layer("InnerProduct", "last", ["first"], num_output=2, transpose=True),
    )
    weight, axis = Evidence(Channels(net)).input_axis(net.layer("last"))
    assert weight.shape == (4, 2)
    assert axis.channels.tolist() == [0, 1, 2, 3]
    weight, axis = Evidence(Channels(net)).input_axis(net.layer("first"))
    assert weight.shape == (12, 4)
    assert axis.channels.tolist() == np.repeat([0, 1, 2], 4).tolist()


def test_activations_are_those_of_the_runner():
    net = small_resnet()
    images = images_for(net, 3)
    seen = []

    def runner(given, inputs):
        seen.append(inputs)
        return given.forward(inputs)

    evidence = Evidence(Channels(net), Instruments(images=images, forward=runner))
    assert evidence.activations["two"].shape[0] == 3
    assert evidence.activations is evidence.activations
    assert seen == [images]


def test_what_is_missing_is_named():
    evidence = Evidence(Channels(small_resnet()))
    with pytest.raises(DataError, match=r"calibration images.*--data"):
        _ = evidence.activations
    with pytest.raises(DataError, match="gradients on labelled images"):
        _ = evidence.gradients
    with pytest.raises(WeightsError, match="no weights"):
        Evidence(Channels(small_resnet(weights=False)))
