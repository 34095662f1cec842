"""Removal against brute force: what is left computes what the whole net does whose filters ignore the rest."""

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.frontend.caffe.opencv_oracle import check_against_opencv
from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.prune.nets import mixed_net, nets, small_resnet
from tests.positions import EVERY_NET, net_over
from xdn.api import load, save
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
            bottoms[0][:, np.isin(channels.units[each.bottoms[0]], units)] = 0
        blobs.update(zip(each.tops, each.forward(bottoms), strict=True))
    return blobs


def check_removal(net, channels, units):
    """Check that every channel that is left, of any blob, is what it is in the whole net that ignores the others."""
    thinned = remove(channels, units)
    check_shared(net, thinned)
    expected = ignoring(net, channels, units)
    found = thinned.forward(seeded_batch(net))
    assert list(found) == list(expected)
    assert thinned.outputs == net.outputs
    for name, array in expected.items():
        # Relative to the blob with all its channels: the few that are left may be what large terms cancel to.
        scale = np.abs(array).max()
        if array.ndim > 1:
            array = array.compress(~np.isin(channels.units[name], units), axis=channels.axes[name])
        assert found[name].shape == array.shape, name
        np.testing.assert_allclose(found[name], array, rtol=0, atol=TOLERANCE * scale, err_msg=name)


def check_shared(net, thinned):
    """Check that layers that share weights by name, which are alike in the whole net, still have the same."""
    first = {}
    for whole, each in zip(net.layers, thinned.layers, strict=True):
        for shared, name in zip(each.shared, each.weights, strict=False):
            before, after = first.setdefault(shared, (whole.weights[name], each.weights[name]))
            np.testing.assert_array_equal(before, whole.weights[name])
            np.testing.assert_array_equal(after, each.weights[name])


@seed(20190625)
@settings(max_examples=120, deadline=None, database=None)
@given(nets(), st.integers(0, 99))
def test_random_nets(net, number):
    rng = np.random.default_rng(number)
    channels = Channels(net)
    some = [
        rng.choice(g.units, rng.integers(1, len(g.units)), replace=False) for g in channels.groups if len(g.units) > 1
    ]
    for units in some:
        check_removal(net, channels, units)
    if some:
        check_removal(net, channels, np.concatenate(some))


@pytest.mark.parametrize("net", EVERY_NET)
def test_lines_images_and_volumes(net, tmp_path):
    """What is left is also written and read again."""
    channels = Channels(net)
    gone = np.concatenate([group.units[1::2] for group in channels.groups])
    check_removal(net, channels, gone)
    left = remove(channels, gone)
    saved = save(left, tmp_path, "left")
    again = load(*saved.files)
    assert again.blobs == left.blobs
    for one, other in zip(left.layers, again.layers, strict=True):
        assert one.name == other.name
        for name, array in one.weights.items():
            np.testing.assert_array_equal(array, other.weights[name])


def test_the_fewest_units_leave_a_channel_of_every_blob():
    net = net_over(2, "halves")
    channels = Channels(net)
    check_removal(net, channels, np.concatenate([group.units[1:] for group in channels.groups]))


def test_a_gated_block():
    """The gate's own filters go with the channels that it scales."""
    net = net_of(
        data(2, 3, 5, 5),
        conv("a", "data", 6, 3, pad=1),
        layer("PReLU", "prelu", ["a"]),
        layer("Pooling", "pool", ["prelu"], pool="AVE", global_pooling=True),
        layer("InnerProduct", "squeeze", ["pool"], num_output=3, transpose=True),
        layer("InnerProduct", "excite", ["squeeze"], num_output=6),
        layer("Sigmoid", "gate", ["excite"]),
        layer("Scale", "gated", ["prelu", "gate"], axis=0),
        layer("InnerProduct", "last", ["gated"], num_output=2, transpose=True),
        outputs=["last"],
    )
    channels = Channels(net)
    for group in channels.groups:
        check_removal(net, channels, group.units[[0, -1]])


def test_what_is_left_can_be_thinned_again():
    net = small_resnet()
    channels = Channels(net)
    for _ in range(3):
        gone = np.array([group.units[0] for group in channels.groups])
        check_removal(channels.net, channels, gone)
        channels = channels.left_in(remove(channels, gone), gone)
    assert channels.net.layer("twob").params.num_output == 13


@pytest.mark.parametrize("net", [small_resnet(), mixed_net()], ids=["residual", "mixed"])
def test_what_is_left_is_plain_caffe(net, tmp_path, rng):
    """OpenCV's importer reads the two files and agrees, and so do we."""
    channels = Channels(net)
    gone = np.concatenate([group.units[1::2] for group in channels.groups])
    left = remove(channels, gone)
    saved = save(left, tmp_path, "left")
    assert load(*saved.files).digest == left.digest
    check_against_opencv(left, *saved.files, rng)


def test_nothing_removed_is_the_very_net():
    net = small_resnet()
    assert remove(Channels(net), np.zeros(0, int)) is net


def test_without_weights_the_shapes_are_those_with_them():
    net, bare = small_resnet(), small_resnet(weights=False)
    channels, without = Channels(net), Channels(bare)
    units = channels.groups[0].units[:3]
    assert remove(without, units).blobs == remove(channels, units).blobs
    assert not any(each.weights for each in remove(without, units).layers)


def test_locked_channels_are_refused():
    channels = Channels(small_resnet())
    with pytest.raises(ShapeError, match="locked"):
        remove(channels, np.array([channels.groups[0].units[0], LOCKED]))


def test_a_layer_keeps_a_filter():
    channels = Channels(small_resnet())
    with pytest.raises(ShapeError, match=r"layer 'onea' \(Convolution\): all its channels"):
        remove(channels, channels.groups[1].units)


def test_the_net_that_is_given_stays():
    net = small_resnet()
    digest = net.digest
    channels = Channels(net)
    remove(channels, channels.groups[0].units[:3])
    assert net.digest == digest
