"""The rules that a layer type has where it says nothing."""

import numpy as np
import pytest

from xdn.graph import Blob, ChannelRule
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.relu import ReLU

BOTTOM = Blob((2, 3, 5, 5))


def test_without_a_channel_axis_channels_are_fixed():
    assert ReLU().channel_rule_for([Blob((2, 3))]) is ChannelRule.CARRIED
    assert ReLU().channel_rule_for([Blob((2,))]) is ChannelRule.FIXED
    assert ReLU().channel_map(0, [Blob((2, 3))]).tolist() == [0, 1, 2]


def test_a_layer_without_rules_of_its_own_ties_and_narrows_nothing():
    assert [labels.tolist() for labels in InnerProduct(num_output=2).tied_channels([BOTTOM])] == [[0, 1], [2, 3, 4]]
    relu = ReLU()
    assert relu.weight_channels([BOTTOM]) == {}
    assert relu.narrowed(2, 2, [BOTTOM]) is relu
    with pytest.raises(NotImplementedError, match="ReLU has no filters"):
        relu.columns(np.zeros(BOTTOM.shape, np.float32), np.arange(2))
