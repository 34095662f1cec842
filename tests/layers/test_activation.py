"""The base of the element-by-element layers: any shape, one bottom, in place."""

import pytest

from tests.layers.oracles import check_positions, normal
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.activation import Activation
from xdn.layers.base import LAYERS

KINDS = sorted({cls.type: cls for _, cls in LAYERS.items() if issubclass(cls, Activation)}.items())


def test_there_are_such_layers():
    assert {"ReLU", "ELU", "Sigmoid", "TanH", "Dropout"} <= {name for name, _ in KINDS}


@pytest.mark.parametrize(("name", "cls"), KINDS)
def test_every_shape_is_kept(name, cls):
    for shape in ((2, 3, 4, 5), (7,), (2, 1, 3)):
        assert cls().infer([Blob(shape)], 1) == (Blob(shape),)
    assert cls.elementwise
    assert cls.channel_rule is ChannelRule.CARRIED


@pytest.mark.parametrize(("name", "cls"), KINDS)
@pytest.mark.parametrize("count", [0, 2])
def test_takes_exactly_one_bottom(name, cls, count):
    with pytest.raises(ShapeError, match="exactly one"):
        cls().infer([Blob((1, 2))] * count, 1)


@pytest.mark.parametrize(("name", "cls"), KINDS)
def test_positions(rng, name, cls):
    check_positions(cls(), [normal(rng, 2, 3, 7, 5)], rng)
