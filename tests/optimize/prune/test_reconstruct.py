"""Refitted readers: never further from what was, and where nothing is lost, what was."""

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.prune.nets import group_of, images_for, mixed_net, nets, small_resnet
from tests.positions import EVERY_NET
from xdn.graph.verify import verify
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.evidence import Evidence
from xdn.optimize.prune.instruments import Instruments
from xdn.optimize.prune.reconstruct import RIDGE, refit
from xdn.optimize.prune.remove import remove


def evidence(channels, images):
    """Return what is known of a net that is pruned, by these images."""
    return Evidence(channels, Instruments(images=images))


def some_units(channels, number):
    """Return units to remove: some of each group that has several."""
    rng = np.random.default_rng(number)
    some = [
        rng.choice(g.units, rng.integers(1, len(g.units)), replace=False) for g in channels.groups if len(g.units) > 1
    ]
    return np.concatenate([np.zeros(0, int), *some])


@pytest.mark.parametrize("net", EVERY_NET)
def test_lines_images_and_volumes(net):
    check_fits(net, 1)


@seed(20190625)
@settings(max_examples=40, deadline=None, database=None)
@given(nets(), st.integers(0, 99))
def test_every_layer_is_as_near_to_what_it_was_as_without(net, number):
    check_fits(net, number)


def check_fits(net, number):
    """Check that no fitted layer is further from what it computed than the layer that is only cut."""
    channels, images = Channels(net), images_for(net, 6, number)
    units = some_units(channels, number)
    thinned = remove(channels, units)
    fitted = refit(evidence(channels, images), thinned, units)
    verify(fitted)
    before, after = net.forward(images), fitted.forward(images)
    for cut, fit in zip(thinned.layers, fitted.layers, strict=True):
        if fit is cut:
            continue
        assert not any(fit.shared)
        wanted = before[cut.tops[0]][:, ~np.isin(channels.units[cut.tops[0]], units)].astype(np.float64)
        bottoms = [after[name] for name in cut.bottoms]
        errors = [np.square(each.forward(bottoms)[0] - wanted).sum() for each in (fit, cut)]
        # The fit is rounded to f32: each weight errs by 6e-8 of its contribution.
        assert errors[0] <= errors[1] + 1e-12 * np.square(wanted).sum() * cut.weights["weight"][0].size


def redundant(kind):
    """Return a net of which channel 3 of `first` is a combination of 0 and 1, and the unit of that channel."""
    reader = {
        "plain": conv("reader", "first", 5, 3),
        "without bias": conv("reader", "first", 5, 3, bias_term=False),
        "rows": layer("InnerProduct", "reader", ["first"], num_output=5),
        "transposed": layer("InnerProduct", "reader", ["first"], num_output=5, transpose=True),
    }[kind]
    last = layer("InnerProduct", "last", ["reader"], num_output=3)
    net = net_of(data(1, 4, 4, 4), conv("first", "data", 4), reader, last)
    first = net.layer("first")
    weights = {name: array.copy() for name, array in first.weights.items()}
    # Filters that are orthogonal: the inputs of the reader have one size and no correlation but the one made here.
    weights["weight"][:3] = np.eye(4, dtype=np.float32)[:3].reshape(3, 4, 1, 1)
    for array in weights.values():
        array[3] = 0.5 * array[0] - 2 * array[1] if array.ndim > 1 else 7
    made = first.replace(weights=weights)
    return net.replace(layers=tuple(made if each is first else each for each in net.layers))


@pytest.mark.parametrize("kind", ["plain", "without bias", "rows", "transposed"])
def test_what_the_other_channels_can_say_is_repaired(kind):
    net = redundant(kind)
    channels, images = Channels(net), images_for(net, 400)
    units = group_of(channels, "first").units[3:]
    cut = remove(channels, units)
    fitted = refit(evidence(channels, images), cut, units)
    # On other images than those of the fit.
    others = images_for(net, 50, seed=1)
    wanted, without, found = (each.forward(others)["reader"] for each in (net, cut, fitted))
    lost = np.abs(without - wanted).max()
    # Inputs of one variance v: the ridge leaves RIDGE * v / (v + RIDGE * v) of what is missing; images are not exactly
    # white noise, hence the factor 2.
    assert lost > 1
    assert np.abs(found - wanted).max() <= 2 * RIDGE * lost
    assert found.shape == wanted.shape


def test_a_layer_without_bias_gets_one():
    net = redundant("without bias")
    channels = Channels(net)
    units = group_of(channels, "first").units[3:]
    fitted = refit(evidence(channels, images_for(net, 400)), remove(channels, units), units).layer("reader")
    assert fitted.params.bias_term
    assert list(fitted.weights) == ["weight", "bias"]
    # Channel 3 had the mean 7, which the bias says now.
    expected = 7 * net.layer("reader").weights["weight"][:, 3].sum(axis=(1, 2))
    offset = net.layer("first").weights["bias"][:3].astype(np.float64) @ np.array([0.5, -2, 0])
    expected -= offset * net.layer("reader").weights["weight"][:, 3].sum(axis=(1, 2))
    np.testing.assert_allclose(fitted.weights["bias"], expected, atol=0.01 * np.abs(expected).max())


def test_duplicates_in_a_grouped_convolution():
    """Channels 2 and 3 are in one group and alike, as 6 and 7 are; each group is fitted on its own."""
    net = net_of(
        data(1, 8, 4, 4), conv("first", "data", 8), conv("grouped", "first", 6, 3, group=2), conv("last", "grouped", 2)
    )
    first = net.layer("first")
    identity = np.eye(8, dtype=np.float32).reshape(8, 8, 1, 1).copy()
    identity[[3, 7]] = identity[[2, 6]]
    made = first.replace(weights={"weight": identity, "bias": np.zeros(8, np.float32)})
    net = net.replace(layers=tuple(made if each is first else each for each in net.layers))
    channels = Channels(net)
    units = group_of(channels, "first").units[3:]
    cut = remove(channels, units)
    assert cut.layer("grouped").weights["weight"].shape == (6, 3, 3, 3)
    fitted = refit(evidence(channels, images_for(net, 300)), cut, units)
    others = images_for(net, 50, seed=1)
    wanted, without, found = (each.forward(others)["grouped"] for each in (net, cut, fitted))
    assert np.abs(found - wanted).max() <= 2 * RIDGE * np.abs(without - wanted).max()


def test_layers_that_lose_filters_only_stay_as_removal_leaves_them():
    net = small_resnet()
    channels = Channels(net)
    units = group_of(channels, "onea").units[:3]
    cut = remove(channels, units)
    fitted = refit(evidence(channels, images_for(net, 20)), cut, units)
    changed = [a.name for a, b in zip(cut.layers, fitted.layers, strict=True) if a is not b]
    assert changed == ["oneb"]


def test_depthwise_filters_lose_no_inputs():
    net = mixed_net()
    channels = Channels(net)
    units = group_of(channels, "a").units[:2]
    cut = remove(channels, units)
    fitted = refit(evidence(channels, images_for(net, 20)), cut, units)
    changed = [a.name for a, b in zip(cut.layers, fitted.layers, strict=True) if a is not b]
    assert changed == ["grouped", "side"]


def test_shared_weights_stay():
    shared = ["w", "b"]
    net = net_of(
        data(1, 4, 4, 4),
        conv("first", "data", 5),
        conv("one", "first", 5, shared=shared),
        layer("ReLU", "relu", ["one"]),
        conv("two", "relu", 5, shared=shared),
        conv("last", "two", 2),
    )
    channels = Channels(net)
    units = channels.groups[0].units[:2]
    cut = remove(channels, units)
    fitted = refit(evidence(channels, images_for(net, 20)), cut, units)
    assert [a.name for a, b in zip(cut.layers, fitted.layers, strict=True) if a is not b] == ["last"]


def test_inputs_that_are_always_zero_leave_the_weights():
    net = net_of(data(1, 3, 2, 2), conv("first", "data", 4, bias_term=False), conv("last", "first", 2))
    channels = Channels(net)
    units = channels.groups[0].units[:1]
    cut = remove(channels, units)
    fitted = refit(evidence(channels, {"data": np.zeros((5, 3, 2, 2), np.float32)}), cut, units)
    np.testing.assert_array_equal(fitted.layer("last").weights["weight"], cut.layer("last").weights["weight"])
