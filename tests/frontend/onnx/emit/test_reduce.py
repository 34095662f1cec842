"""Reduction and ArgMax in ONNX."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import check_layer, check_net, check_refused, check_values, one_layer_net
from xdn.layers.argmax import ArgMax
from xdn.layers.reduction import Reduction


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("operation", ["SUM", "ASUM", "SUMSQ", "MEAN"])
def test_reduction(operation, axis):
    check_layer(Reduction(operation=operation, axis=axis), (2, 3, 4, 5))
    check_layer(Reduction(operation=operation, axis=axis, coeff=-0.5), (2, 3, 4, 5))


@pytest.mark.parametrize("shape", [(2, 7), (2, 3, 4), (2, 3, 4, 5)])
@pytest.mark.parametrize("out_max_val", [False, True])
@pytest.mark.parametrize("top_k", [1, 3])
def test_arg_max_of_an_image(top_k, out_max_val, shape):
    check_layer(ArgMax(top_k=top_k, out_max_val=out_max_val), shape)


@pytest.mark.parametrize("axis", [1, 2, -1])
@pytest.mark.parametrize("out_max_val", [False, True])
@pytest.mark.parametrize("top_k", [1, 3])
def test_arg_max_along_an_axis(top_k, out_max_val, axis):
    check_layer(ArgMax(top_k=top_k, out_max_val=out_max_val, axis=axis), (2, 3, 4, 5))


@pytest.mark.parametrize("params", [ArgMax(), ArgMax(top_k=3), ArgMax(axis=1), ArgMax(axis=1, top_k=2)], ids=repr)
def test_of_equal_values_the_last_is_taken(params):
    check_values(params, np.random.default_rng(0).integers(0, 3, (4, 5, 6)).astype(np.float32))


def test_arg_max_along_the_batch():
    check_net(one_layer_net(ArgMax(axis=0), (3, 4)), batches=(5,))
    check_refused(ArgMax(axis=0, top_k=2), (3, 4), reason="values to choose from is the batch")
