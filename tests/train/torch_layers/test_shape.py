"""Layers that lay values out anew, in PyTorch."""

import pytest

from tests.frontend.onnx.onnx_checks import one_layer_net
from tests.train.checks import check_layer, check_net
from xdn.layers.concat import Concat
from xdn.layers.flatten import Flatten
from xdn.layers.reshape import Reshape


@pytest.mark.parametrize(
    ("params", "shapes"),
    [
        (Concat(), [(2, 3, 4, 5), (2, 1, 4, 5), (2, 4, 4, 5)]),
        (Concat(axis=-1), [(2, 3, 4), (2, 3, 1)]),
        (Concat(concat_dim=2), [(2, 3, 4, 5), (2, 3, 2, 5)]),
        (Concat(), [(2, 3)]),
    ],
    ids=repr,
)
def test_concat(params, shapes):
    check_layer(params, *shapes)


@pytest.mark.parametrize("params", [Flatten(), Flatten(axis=2), Flatten(end_axis=2), Flatten(axis=0)], ids=repr)
def test_flatten(params):
    check_layer(params, (2, 3, 4, 5))


@pytest.mark.parametrize(
    "params",
    [
        Reshape(shape=(0, -1)),
        Reshape(shape=(0, 6, -1)),
        Reshape(shape=(-1,), axis=1),
        Reshape(shape=(5, 4), axis=2),
        Reshape(shape=(1,), axis=1, num_axes=0),
    ],
    ids=repr,
)
def test_reshape(params):
    check_layer(params, (2, 3, 4, 5))


def test_a_reshape_that_states_the_batch():
    check_net(one_layer_net(Reshape(shape=(6, 20)), (2, 3, 4, 5)))
