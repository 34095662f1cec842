"""Input declares the blobs that the caller fills."""

import pytest

from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule, Layer, Net, Transform
from xdn.layers.input import Input
from xdn.layers.relu import ReLU


def test_one_shape_a_top_or_one_for_all():
    assert Input(shape=((1, 3, 4, 5),)).infer([], 2) == (Blob((1, 3, 4, 5)),) * 2
    assert Input(shape=((1, 3), (2, 4))).infer([], 2) == (Blob((1, 3)), Blob((2, 4)))


@pytest.mark.parametrize(
    ("shape", "bottoms", "n_tops", "message"),
    [
        (((1, 3),), [Blob((1,))], 1, "no bottoms"),
        (((1, 3), (1, 4)), [], 3, "2 shapes for 3 tops"),
        ((), [], 1, "nothing tells its shape"),
        (((1, 0),), [], 1, "positive"),
        (((1, -1),), [], 1, "positive"),
        (((1 << 20, 1 << 20),), [], 1, "elements"),
    ],
)
def test_what_does_not_fit_is_refused(shape, bottoms, n_tops, message):
    with pytest.raises(ShapeError, match=message):
        Input(shape=shape).infer(bottoms, n_tops)


@pytest.mark.parametrize(
    "transform", [Transform(std=(0.0,)), Transform(std=(1.0, float("nan"))), Transform(scale=float("inf"))]
)
def test_images_that_cannot_be_scaled_are_refused(transform):
    with pytest.raises(ShapeError, match="std must be positive, both finite"):
        Input(shape=((1, 3),), transform=transform).infer([], 1)


def test_the_caller_gives_its_blobs():
    assert Input.is_input
    assert Input(shape=((1, 3),)).channel_rule_for([]) is ChannelRule.FIXED
    with pytest.raises(ShapeError, match="caller"):
        Input(shape=((1, 3),)).reference([], {}, 1)


def test_the_transform_is_part_of_the_net():
    def net(transform):
        layers = (Layer("data", Input(shape=((1, 3),), transform=transform), tops=("data",)),)
        return Net("n", (*layers, Layer("relu", ReLU(), ("data",), ("y",))))

    assert net(Transform()).digest == net(Transform(scale=1.0)).digest
    assert net(Transform()).digest != net(Transform(scale=2.0)).digest
