"""Channels in other places: the net computes the same."""

import numpy as np
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.optimize.prune.nets import nets, small_resnet
from xdn.optimize.check import seeded_batch
from xdn.optimize.codebooks.permute import movable, permuted, unmoved
from xdn.optimize.prune.channels import Channels

#: Sums of f32 in another order, through up to 40 layers: as in `tests/optimize/prune/test_remove.py`.
TOLERANCE = 2e-5


def check_permuted(net, rng):
    """Check that the outputs stay, and other blobs have the same channels in other places; return how many moved."""
    channels = Channels(net)
    taken, moved = unmoved(channels), 0
    for group in movable(channels):
        taken[group.units] = rng.permutation(group.units)
        moved += int((taken[group.units] != group.units).sum())
    before, after = (each.forward(seeded_batch(net)) for each in (net, permuted(channels, taken)))
    for name in net.outputs:
        scale = max(np.abs(before[name]).max(), 1e-30)
        np.testing.assert_allclose(after[name], before[name], rtol=0, atol=TOLERANCE * scale, err_msg=name)
    return moved


@seed(20190625)
@settings(max_examples=20, deadline=None)
@given(nets(), st.integers(0, 99))
def test_any_order_of_channels_that_may_move_gives_the_same(net, number):
    check_permuted(net, np.random.default_rng(number))


def test_all_channels_of_a_residual_net_move_that_pruning_may_take():
    net = small_resnet()
    units = sum(len(group.units) for group in Channels(net).groups)
    assert check_permuted(net, np.random.default_rng(0)) > units / 2
