"""Contributions are those of the outputs that they add up to."""

import numpy as np
import pytest

from tests.optimize.prune.nets import group_of, images_for, mixed_net
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.contributions import contributions
from xdn.optimize.prune.evidence import Evidence
from xdn.optimize.prune.instruments import Instruments


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
