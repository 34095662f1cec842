"""Reverse against NumPy and PyTorch."""

import pytest

from tests.layers.oracles import check_carried, check_fixed, check_layer, check_moves, normal
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.reverse import Reverse


@pytest.mark.parametrize("axis", [(), (0,), (1,), (-1,), (2, 0), (1, 1, -3)])
@pytest.mark.parametrize("shape", [(4, 3, 5), (2, 3, 4, 5)])
def test_reference(rng, shape, axis):
    x = normal(rng, *shape)
    axes = sorted({each % len(shape) for each in axis or (0,)})
    check_layer(Reverse(axis=axis), [x], torch.flip(torch.from_numpy(x), axes).numpy(), roundings=0)


@pytest.mark.parametrize(
    ("axis", "shapes", "message"),
    [
        ((3,), [(1, 2, 3)], "axis 3"),
        ((-4,), [(1, 2, 3)], "axis -4"),
        ((), [()], "axis 0"),
        ((), [(1,)] * 2, "2 bottom"),
    ],
)
def test_what_does_not_fit_is_refused(axis, shapes, message):
    with pytest.raises(ShapeError, match=message):
        Reverse(axis=axis).infer([Blob(shape) for shape in shapes], 1)


def test_images_are_joined_along_their_axis_only(rng):
    x = normal(rng, 2, 3, 4)
    assert Reverse().joins_images([Blob(x.shape)])
    assert not Reverse().moves_only([Blob(x.shape)])
    assert not Reverse(axis=(2,)).joins_images([Blob(x.shape)])
    check_moves(Reverse(axis=(1, 2)), [x])


def test_channels_stay_but_where_they_are_reversed(rng):
    x = normal(rng, 2, 3, 4, 5)
    check_carried(Reverse(axis=(3,)), [x], rng)
    check_carried(Reverse(), [x], rng)
    check_fixed(Reverse(axis=(1,)), [x], rng)
    assert "channels" in Reverse(axis=(1,)).why_fixed([Blob(x.shape)])
