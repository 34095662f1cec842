"""Layers that lay values out anew, in ONNX."""

import pytest

from tests.frontend.onnx.onnx_checks import check_layer, check_net, one_layer_net
from xdn.layers.concat import Concat
from xdn.layers.flatten import Flatten
from xdn.layers.reshape import Reshape


@pytest.mark.parametrize(("params", "axis"), [(Concat(), 1), (Concat(axis=-1), 3), (Concat(concat_dim=2), 2)])
@pytest.mark.parametrize("sizes", [(3,), (1, 4, 2)])
def test_concat(params, axis, sizes):
    shapes = [[2, 3, 4, 5] for _ in sizes]
    for shape, size in zip(shapes, sizes, strict=True):
        shape[axis] = size
    check_layer(params, *map(tuple, shapes))


def test_concat_along_the_batch():
    check_layer(Concat(axis=0), (2, 3, 4), (2, 3, 4))


@pytest.mark.parametrize(("axis", "end_axis"), [(1, -1), (1, 2), (2, 3), (0, 1), (0, -1), (-2, -1)])
def test_flatten(axis, end_axis):
    check_layer(Flatten(axis=axis, end_axis=end_axis), (2, 3, 4, 5))


@pytest.mark.parametrize(
    "params",
    [
        Reshape(shape=(0, -1)),
        Reshape(shape=(0, 2, 6, 5)),
        Reshape(shape=(-1, 5)),
        Reshape(shape=(12, -1), axis=1, num_axes=2),
        Reshape(shape=(1,), axis=-1, num_axes=0),
    ],
    ids=repr,
)
def test_reshape(params):
    check_layer(params, (2, 3, 4, 5))


def test_a_reshape_that_states_the_batch_fixes_it():
    check_net(one_layer_net(Reshape(shape=(2, 60)), (2, 3, 4, 5)))
