"""Removal against brute force: what is left computes what the whole net does whose filters ignore the rest."""

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.prune.nets import nets, small_resnet
from xdn.errors import ShapeError
from xdn.graph import ChannelRule
from xdn.optimize.check import seeded_batch
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.remove import remove
from xdn.optimize.prune.ties import LOCKED

#: Both sides sum in f32, in other orders, with or without zeros: about sqrt(terms) roundings of 6e-8 a layer, of
#: which up to 40 follow one another and may be amplified by one (a BatchNorm of variance 0.5); measured below 8e-6.
TOLERANCE = 2e-5


def ignoring(net, channels, units):
    """Return every blob of the net when its filters take the channels of `units` for zeros."""
    blobs = {name: np.asarray(array) for name, array in seeded_batch(net).items()}
    for each in net.layers:
        if each.params.is_input:
            continue
        bottoms = [blobs[name].copy() for name in each.bottoms]
        if each.params.channel_rule_for(net.bottom_blobs(each)) is ChannelRule.FILTERS:
            bottoms[0][:, np.isin(channels.units(each.bottoms[0]), units)] = 0
        blobs.update(zip(each.tops, each.forward(bottoms), strict=True))
    return blobs


def check_removal(net, channels, units):
    """Check that every channel that is left, of any blob, is what it is in the whole net that ignores the others."""
    thinned = remove(channels, units)
    expected = ignoring(net, channels, units)
    found = thinned.forward(seeded_batch(net))
    assert list(found) == list(expected)
    assert thinned.outputs == net.outputs
    for name, array in expected.items():
        # Relative to the blob with all its channels: the few that are left may be what large terms cancel to.
        scale = np.abs(array).max()
        if array.ndim > 1:
            array = array[:, ~np.isin(channels.units(name), units)]
        assert found[name].shape == array.shape, name
        np.testing.assert_allclose(found[name], array, rtol=0, atol=TOLERANCE * scale, err_msg=name)


@seed(20190625)
@settings(max_examples=120, deadline=None, database=None)
@given(nets(), st.integers(0, 99))
def test_random_nets(net, number):
    rng = np.random.default_rng(number)
    channels = Channels(net)
    some = [rng.choice(g.units, rng.integers(1, len(g.units)), replace=False) for g in channels.groups if len(g.units) > 1]
    for units in some:
        check_removal(net, channels, units)
    if some:
        check_removal(net, channels, np.concatenate(some))
