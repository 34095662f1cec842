"""GroupNorm against PyTorch."""

import pytest

from tests.layers.oracles import check_layer, normal
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.groupnorm import GroupNorm


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("shape", [(2, 6, 5, 7), (3, 6), (1, 6, 4), (2, 6, 2, 3, 4)])
def test_reference(rng, shape, groups):
    x, params = normal(rng, *shape) + 1, GroupNorm(group_num=groups, eps=0.01)
    expected = torch.nn.functional.group_norm(torch.from_numpy(x).double(), groups, eps=0.01).float().numpy()
    check_layer(params, [x], expected, roundings=32, magnitude=8)
    assert params.channel_rule_for([Blob(shape)]) is ChannelRule.FIXED


def test_channels_divide_into_groups():
    with pytest.raises(ShapeError, match="6 channels do not divide into 4 groups"):
        GroupNorm(group_num=4).infer([Blob((1, 6, 2, 2))], 1)
    with pytest.raises(ShapeError, match="axis 1"):
        GroupNorm(group_num=1).infer([Blob((6,))], 1)
