"""Functions of single values."""

from collections.abc import Callable

import numpy as np

from xdn.errors import UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.graph import LayerParams
from xdn.layers.absval import AbsVal
from xdn.layers.clip import Clip
from xdn.layers.elu import ELU
from xdn.layers.exp import Exp
from xdn.layers.hsigmoid import HSigmoid
from xdn.layers.hswish import HSwish
from xdn.layers.log import Log
from xdn.layers.mish import Mish
from xdn.layers.power import Power
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.layers.relu6 import ReLU6
from xdn.layers.selu import SELU
from xdn.layers.sigmoid import Sigmoid
from xdn.layers.softplus import Softplus
from xdn.layers.tanh import TanH

#: Operators without parameters -> the layer that computes the same.
_PLAIN: dict[str, Callable[[], LayerParams]] = {
    "Relu": ReLU,
    "Sigmoid": Sigmoid,
    "Tanh": TanH,
    "Abs": AbsVal,
    "Exp": Exp,
    "Log": Log,
    "Softplus": Softplus,
    "HardSwish": HSwish,
    "Mish": Mish,
    "Neg": lambda: Power(scale=-1.0),
    "Sqrt": lambda: Power(power=0.5),
    "Reciprocal": lambda: Power(power=-1.0),
}
_LARGEST = float(np.finfo(np.float32).max)
#: SELU's two constants, as ONNX has them by default.
_SELU = {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875}


@READERS.register(*_PLAIN)
def plain(node: Node) -> None:
    """The layer of the same function."""
    node.top(_PLAIN[node.proto.op_type]())


@READERS.register("LeakyRelu")
def leaky_relu(node: Node) -> None:
    """ReLU with a slope."""
    node.top(ReLU(negative_slope=node.attribute("alpha", 0.01)))


@READERS.register("PRelu")
def prelu(node: Node) -> None:
    """PReLU, whose slopes lie along the channels, or are one."""
    slope = node.constant(1, "slope")
    if slope.size == 1:
        node.top(PReLU(channel_shared=True), None, {"slope": slope.reshape(())})
        return
    aligned = (1,) * (len(node.shape()) - slope.ndim) + slope.shape
    if len(aligned) < 2 or slope.size != aligned[1] or aligned[1] != node.shape()[1]:
        raise UnsupportedError(f"slopes of shape {slope.shape} for a blob of shape {node.shape()}")
    node.top(PReLU(), None, {"slope": slope.reshape(-1)})


@READERS.register("Elu")
def elu(node: Node) -> None:
    """ELU."""
    node.top(ELU(alpha=node.attribute("alpha", 1.0)))


@READERS.register("Selu")
def selu(node: Node) -> None:
    """SELU, which has the paper's constants."""
    for name, usual in _SELU.items():
        if not np.isclose(node.attribute(name, usual), usual, rtol=1e-4):
            raise UnsupportedError(f"its {name} is {node.attribute(name)}; {usual:.6g} is read")
    node.top(SELU())


@READERS.register("HardSigmoid")
def hard_sigmoid(node: Node) -> None:
    """HSigmoid, of another slope Power and Clip."""
    alpha, beta = node.attribute("alpha", 0.2), node.attribute("beta", 0.5)
    if np.isclose([alpha, beta], [1 / 6, 0.5], rtol=1e-6).all():
        node.top(HSigmoid())
    else:
        node.top(Clip(min=0.0, max=1.0), [node.step("line", Power(scale=alpha, shift=beta), [node.bottom()])])


@READERS.register("Clip")
def clip(node: Node) -> None:
    """Clip, ReLU or ReLU6 by its bounds, which were attributes before operator set 11."""
    given = [
        float(node.constant(index, "bound").reshape(())) if node.has(index) else node.attribute(name, usual)
        for index, name, usual in ((1, "min", -_LARGEST), (2, "max", _LARGEST))
    ]
    low, high = (float(np.clip(each, -_LARGEST, _LARGEST)) for each in given)
    bounded(node, node.bottom(), low, high)


def bounded(node: Node, blob: str, low: float = -_LARGEST, high: float = _LARGEST) -> None:
    """Make a blob between two bounds the node's first output."""
    if (low, high) == (-_LARGEST, _LARGEST):
        node.stands_for(blob)
    else:
        known = {(0.0, _LARGEST): ReLU(), (0.0, 6.0): ReLU6()}
        node.top(known.get((low, high), Clip(min=low, max=high)), [blob])


@READERS.register("Identity", "Dropout")
def identity(node: Node) -> None:
    """Another name."""
    if len(node.proto.output) > 1 and node.proto.output[1]:
        raise UnsupportedError("its mask is asked for")
    if node.has(2) and node.constant(2, "mode").any():
        raise UnsupportedError("it drops values at random, as in training")
    node.stands_for(node.value())
