"""Split gives its bottom under every name."""

import pytest

from tests.layers.oracles import check_carried, check_layer, compute, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.split import Split


@pytest.mark.parametrize("n_tops", [1, 2, 5])
def test_every_top_is_the_bottom(rng, n_tops):
    x = normal(rng, 2, 3, 4, 5)
    check_layer(Split(), [x], [x] * n_tops, roundings=0)


def test_tops_are_independent(rng):
    first, second = compute(Split(), [normal(rng, 2, 3)], n_tops=2)
    kept = second.copy()
    first += 1
    assert (second == kept).all()


def test_takes_one_bottom():
    with pytest.raises(ShapeError, match="exactly one"):
        Split().infer([Blob((1, 2))] * 2, 2)


def test_channels_are_carried(rng):
    check_carried(Split(), [normal(rng, 2, 4, 3, 3)], rng)
