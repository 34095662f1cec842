"""Greedy removal against all orders of removal, the errors that it states against those of the layer, and samples."""

from itertools import combinations

import numpy as np
import pytest

from tests.optimize.prune.nets import group_of, images_for, importance, mixed_net, small_resnet
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.criteria import reconstruction
from xdn.optimize.prune.criteria.reconstruction import contributions, greedy
from xdn.optimize.prune.evidence import Evidence
from xdn.optimize.prune.instruments import Instruments

UNITS = 6


def error(gram, removed):
    """Return ||sum of the removed channels' contributions||^2."""
    return gram[np.ix_(removed, removed)].sum()


@pytest.mark.parametrize("seed", range(20))
def test_each_removal_costs_least(seed):
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((10, UNITS))
    gram = parts.T @ parts
    found = greedy(gram)
    order = list(np.argsort(found, kind="stable"))
    worst = 0.0
    for count in range(1, UNITS + 1):
        before, chosen = order[: count - 1], order[count - 1]
        errors = {unit: error(gram, [*before, unit]) for unit in range(UNITS) if unit not in before}
        assert chosen == min(errors, key=errors.get)
        worst = max(worst, errors[chosen])
        np.testing.assert_allclose(found[chosen], worst)
    # The first is the best of all single removals, and no set of its size loses less than the best one.
    assert found.min() == pytest.approx(min(error(gram, [unit]) for unit in range(UNITS)))
    best = [min(error(gram, list(some)) for some in combinations(range(UNITS), n)) for n in range(1, UNITS + 1)]
    assert all(np.sort(found)[n] >= best[n] - 1e-9 for n in range(UNITS))


def test_channels_that_cancel_each_other_go_one_after_the_other():
    """0 and 2 are opposite: once one has gone the other costs nothing, and comes before 1, which costs more."""
    parts = np.array([[1.0, 0, -1], [0, 3, 0]])
    found = greedy(parts.T @ parts)
    assert np.argsort(found, kind="stable").tolist() == [0, 2, 1]
    assert found[0] < found[2] < found[1]
    # In whatever order they stand.
    found = greedy(parts[:, ::-1].T @ parts[:, ::-1])
    assert np.argsort(found, kind="stable").tolist() == [0, 2, 1]


def feature_map_error(net, reader, images, channels):
    """Return the energy that a layer's outputs lose without some channels of its bottom, means left out."""
    blobs = net.forward(images)
    layer = net.layer(reader)
    bottom = blobs[layer.bottoms[0]].copy()
    bottom[:, channels] = 0
    (without,) = layer.forward([bottom])
    top = blobs[layer.tops[0]].astype(np.float64)
    axes = (0, *range(2, top.ndim))
    lost = top - without
    centred = [x - x.mean(axis=axes, keepdims=True) for x in (lost, top)]
    return np.square(centred[0]).sum() / np.square(centred[1]).sum()


# 60,000 samples of each filter, drawn from the images' outputs: their energy errs by about 1 %.
@pytest.mark.parametrize(
    ("net", "group", "removed"),
    [
        (small_resnet(), "onea", {"oneb": lambda unit: [unit]}),
        (mixed_net(), "a", {"grouped": lambda unit: [unit, unit + 4], "side": lambda unit: [unit, unit + 4]}),
        (mixed_net(), "side", {"hidden": lambda unit: np.arange(16 * (12 + unit), 16 * (13 + unit)).tolist()}),
    ],
    ids=["one reader", "two readers", "a flattened part of a concatenation"],
)
def test_the_first_to_go_costs_what_the_layer_loses(net, group, removed, monkeypatch):
    monkeypatch.setattr(reconstruction, "SAMPLES", 60_000)
    images = images_for(net, 8)
    found = importance("reconstruction", net, group, Instruments(images=images))
    alone = [
        sum(feature_map_error(net, reader, images, channels(unit)) for reader, channels in removed.items())
        for unit in range(len(found))
    ]
    assert found.argmin() == np.argmin(alone)
    np.testing.assert_allclose(found.min(), min(alone), rtol=0.05)


def sampled(net, group, reader):
    channels = Channels(net)
    evidence = Evidence(channels, Instruments(images=images_for(net, 4)))
    return contributions(group_of(channels, group), evidence, net.layer(reader))


@pytest.mark.parametrize("reader", ["grouped", "side"])
def test_where_a_layer_reads_one_group_only_they_add_up_to_its_outputs(reader):
    parts, whole = sampled(mixed_net(), "a", reader)
    assert parts.shape == (len(whole), 4)
    # The layer's own sums, in another order: about sqrt(72) roundings of f32.
    np.testing.assert_allclose(parts.sum(axis=1), whole, atol=1e-5 * np.abs(whole).max())


def test_the_groups_that_a_layer_reads_share_its_outputs():
    net = mixed_net()
    (grouped, whole), (side, again) = (sampled(net, name, "hidden") for name in ("grouped", "side"))
    np.testing.assert_array_equal(whole, again)
    np.testing.assert_allclose(grouped.sum(axis=1) + side.sum(axis=1), whole, atol=1e-5 * np.abs(whole).max())


def test_means_are_left_out_filter_by_filter():
    net = mixed_net()
    parts, whole = sampled(net, "a", "side")
    filters = net.layer("side").params.num_output
    np.testing.assert_allclose(parts.reshape(filters, -1, 4).mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(whole.reshape(filters, -1).mean(axis=1), 0, atol=1e-12)


def test_outputs_are_those_of_the_images():
    """Every sample, but for the mean of its filter, is some output of the layer without its bias."""
    net = mixed_net()
    layer, images = net.layer("side"), images_for(net, 4)
    _, whole = sampled(net, "a", "side")
    filters = layer.params.num_output
    top = np.moveaxis(net.forward(images)["side"].astype(np.float64), 1, 0).reshape(filters, -1)
    for outputs, samples in zip(np.sort(top), whole.reshape(filters, -1), strict=True):
        # The mean is what the first sample lacks to one of the outputs: to the right one, all others fit too.
        assert any(_distance(outputs, samples + mean).max() < 1e-5 for mean in outputs - samples[0])


def _distance(ordered, values):
    """Return how far each value is from the nearest of some ordered ones."""
    place = np.searchsorted(ordered, values).clip(1, len(ordered) - 1)
    return np.minimum(np.abs(ordered[place] - values), np.abs(ordered[place - 1] - values))
