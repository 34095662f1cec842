"""The ONNX graph in the making: names, constants, the free batch."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import one_layer_net
from xdn.errors import UnsupportedError
from xdn.frontend.onnx.emit.base import EMITTERS, Emission, Graph
from xdn.layers.base import LAYERS
from xdn.layers.flatten import Flatten
from xdn.layers.permute import Permute
from xdn.layers.relu import ReLU
from xdn.layers.reshape import Reshape


def test_every_layer_type_has_an_onnx_form():
    # Layers that read 8-bit integers have none either; a net that is read has no DenseBlock.
    computed = {params.type for _, params in LAYERS.items() if not params.is_input} - {"Quantize", "DenseBlock"}
    assert computed <= set(EMITTERS)


def test_what_depends_on_the_batch_is_free():
    graph = Graph(one_layer_net(Flatten(axis=0, end_axis=1), (4, 3, 5)))
    assert graph.dims("x0") == [None, 3, 5]
    assert graph.dims("y0") == [None, 5]
    assert graph.value_info("x0").type.tensor_type.shape.dim[0].dim_param == "N"
    assert not graph.value_info("y0").type.tensor_type.shape.dim[0].dim_param


def test_a_batch_that_the_net_states_is_fixed():
    assert Graph(one_layer_net(Reshape(shape=(4, 15)), (4, 3, 5))).dims("x0") == [4, 3, 5]


def test_the_shape_of_an_image():
    net = one_layer_net(Permute(order=(0, 2)), (4, 3, 5))
    assert Emission(Graph(net), net.layers[-1], ("x0",), ("y0",)).image_shape("y0") == (5, 3)


def test_the_shape_of_an_image_that_depends_on_the_batch():
    net = one_layer_net(Permute(order=(1,)), (4, 3, 5))
    with pytest.raises(UnsupportedError, match=r"layer 'one' \(Permute\).*'y0' depends on the batch"):
        Emission(Graph(net), net.layers[-1], ("x0",), ("y0",)).image_shape("y0")


def test_names_are_given_once():
    graph = Graph(one_layer_net(ReLU(), (4, 3)))
    names = [*(graph.constant("x0", np.zeros(2, np.float32)) for _ in range(2)), graph.fresh("y0")]
    assert len({"x0", "y0", *names}) == 5
