"""A net whose layers share weights."""

from xdn.graph import Layer, Net
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.convolution import Convolution
from xdn.layers.eltwise import Eltwise
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.input import Input

#: Names of the shared statistics of both BatchNorm layers.
STATISTICS = ("m", "v", "f")


def siamese_net():
    """Return two inputs, each through the same convolution and BatchNorm, whose sum is classified; no weights.

    The right convolution has its own bias. The classifier's filters are those of a second classifier too.
    """
    conv, fc = Convolution(num_output=4, kernel_size=(3,)), InnerProduct(num_output=3)
    return Net(
        "siamese",
        (
            Layer("data", Input(shape=((2, 2, 5, 5),)), tops=("a", "b")),
            Layer("left", conv, ("a",), ("left",), shared=("w", "bias")),
            Layer("right", conv, ("b",), ("right",), shared=("w",)),
            Layer("left/bn", BatchNorm(), ("left",), ("left/bn",), shared=STATISTICS),
            Layer("right/bn", BatchNorm(), ("right",), ("right/bn",), shared=STATISTICS),
            Layer("sum", Eltwise(), ("left/bn", "right/bn"), ("sum",)),
            Layer("fc", fc, ("sum",), ("fc",), shared=("fc",)),
            Layer("fc.2", fc, ("sum",), ("fc.2",), shared=("fc",)),
        ),
    )
