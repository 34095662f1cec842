"""ChannelScale: one factor a position."""

import pytest

from tests.layers.oracles import check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.channelscale import ChannelScale


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3)])
def test_reference(rng, shape):
    x, factors = normal(rng, *shape), normal(rng, shape[0], 1, *shape[2:])
    for given in (factors, factors.reshape(shape[0], *shape[2:])):
        check_layer(ChannelScale(), [x, given], x * factors, roundings=0)
    check_layer(ChannelScale(do_forward=False), [x, factors], x, roundings=0)


@pytest.mark.parametrize("factors", [(2, 3, 4), (1, 1, 4), (2, 1, 5), ()])
def test_what_does_not_fit_is_refused(factors):
    with pytest.raises(ShapeError, match="one factor a position"):
        ChannelScale().infer([Blob((2, 3, 4)), Blob(factors)], 1)
    assert ChannelScale().infer([Blob((2, 3, 4)), Blob((2, 1, 4))], 1) == (Blob((2, 3, 4)),)
