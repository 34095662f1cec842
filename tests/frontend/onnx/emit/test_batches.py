"""Layers that choose among images, in ONNX."""

import numpy as np

from tests.frontend.onnx.onnx_checks import check_net, check_values, one_layer_net
from xdn.layers.batchreindex import BatchReindex
from xdn.layers.filter import Filter
from xdn.layers.parameter import Parameter


def test_images_by_number(rng):
    check_values(BatchReindex(), rng.standard_normal((3, 2, 4)).astype(np.float32), np.array([2, 0, 2], np.float32))


def test_images_that_are_left(rng):
    images, others = (rng.standard_normal(shape).astype(np.float32) for shape in ((4, 3, 2), (4, 5)))
    check_values(Filter(), images, others, np.array([1, 0, -2, 0], np.float32).reshape(4, 1), n_tops=2)


def test_learned_values():
    check_net(one_layer_net(Parameter(shape=(2, 3))))
