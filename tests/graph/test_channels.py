"""Axes of weights that run over channels: how long they are, and whose entry is whose."""

import pytest

from xdn.graph import Blob
from xdn.graph.channels import ChannelAxis, Side
from xdn.layers import LAYERS


@pytest.mark.parametrize(
    ("count", "each", "channels"), [(3, 1, [0, 1, 2]), (2, 3, [0, 0, 0, 1, 1, 1]), (1, 2, [0, 0]), (0, 4, [])]
)
def test_entries_of_a_channel_follow_each_other(count, each, channels):
    axis = ChannelAxis(Side.BOTTOM, count, each)
    assert axis.channels.tolist() == channels
    assert axis.extent == len(channels)


def test_every_entry_of_an_inner_product_s_weight_belongs_to_a_channel_of_its_bottom():
    """A map of 2x3 behind each of four channels: Caffe flattens channel by channel."""
    params, bottoms = LAYERS["InnerProduct"](num_output=5), [Blob((7, 4, 2, 3))]
    tops, inputs = params.weight_axes(bottoms)["weight"]
    assert (tops.side, inputs.side) == (Side.TOP, Side.BOTTOM)
    assert (tops.extent, inputs.extent) == params.weight_shapes(bottoms)["weight"] == (5, 24)
    assert inputs.channels.tolist() == [c for c in range(4) for _ in range(6)]
