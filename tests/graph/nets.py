"""Small nets that the graph tests share."""

import numpy as np

from xdn.graph import Blob, Layer, Net
from xdn.layers.convolution import Convolution
from xdn.layers.eltwise import Eltwise
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.input import Input
from xdn.layers.relu import ReLU

SHAPE = (2, 3, 6, 6)


def weights_of(params, bottoms, seed=0):
    """Return seeded weights for one layer."""
    rng = np.random.default_rng(seed)
    shapes = params.weight_shapes(bottoms)
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def conv_layer():
    """Return a convolution of images (3, 5, 5) with weights, by itself."""
    params = Convolution(num_output=4, kernel_size=(3,), pad=(1,))
    return Layer("conv", params, ("data",), ("conv",), weights_of(params, [Blob((2, 3, 5, 5))]))


def residual_net(with_weights=True):
    """Return data -> conv -> relu, and the sum of conv and relu, and a classifier after it."""
    layers = (
        Layer("data", Input(shape=(SHAPE,)), tops=("data",)),
        Layer("conv", Convolution(num_output=4, kernel_size=(3,), pad=(1,)), ("data",), ("conv",)),
        Layer("relu", ReLU(), ("conv",), ("relu",)),
        Layer("sum", Eltwise(), ("conv", "relu"), ("sum",)),
        Layer("fc", InnerProduct(num_output=5), ("sum",), ("fc",)),
    )
    net = Net("residual", layers)
    if not with_weights:
        return net
    made = (layer.replace(weights=weights_of(layer.params, net.bottom_blobs(layer))) for layer in layers)
    return net.replace(layers=tuple(made))
