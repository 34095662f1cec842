"""Functions of single values."""

from collections.abc import Callable
from functools import partial

import numpy as np

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.graph import LayerParams
from xdn.layers.absval import AbsVal
from xdn.layers.binary import Binary
from xdn.layers.clip import Clip
from xdn.layers.eltwise import Eltwise
from xdn.layers.elu import ELU
from xdn.layers.erf import Erf
from xdn.layers.exp import Exp
from xdn.layers.gelu import Gelu
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
from xdn.layers.swish import Swish
from xdn.layers.tanh import TanH
from xdn.layers.threshold import Threshold
from xdn.layers.unary import Unary

#: Operators without parameters -> the layer that computes the same.
_PLAIN: dict[str, Callable[[], LayerParams]] = {
    "Relu": ReLU,
    "Sigmoid": Sigmoid,
    "Tanh": TanH,
    "Abs": AbsVal,
    "Exp": Exp,
    "Log": Log,
    "Softplus": Softplus,
    "Erf": Erf,
    "HardSwish": HSwish,
    "Mish": Mish,
    "Neg": lambda: Power(scale=-1.0),
    "Sqrt": lambda: Power(power=0.5),
    "Reciprocal": lambda: Power(power=-1.0),
    "Not": lambda: Power(scale=-1.0, shift=1.0),
    "IsNaN": lambda: Unary(operation="IS_NAN"),
}
#: Operators that Unary has under their own names.
_UNARY = (
    *("Round", "Floor", "Ceil", "Sign"),
    *("Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh"),
)
_PLAIN |= {name: partial(Unary, operation=name.upper()) for name in _UNARY}
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
    """PReLU, whose slopes lie along the channels, or are one; of other slopes the parts below and above zero."""
    slope = node.value(1)
    if isinstance(slope, np.ndarray) and not node.is_constant(0) and slope.ndim <= len(node.shape()):
        aligned = (1,) * (len(node.shape()) - slope.ndim) + slope.shape
        if slope.size == 1:
            node.top(PReLU(channel_shared=True), None, {"slope": slope.reshape(())})
            return
        if len(aligned) > 1 and slope.size == aligned[1] == node.shape()[1]:
            node.top(PReLU(), None, {"slope": slope.reshape(-1)})
            return
    x = node.blob(0)
    above = node.step("above", ReLU(), [x])
    below = node.step("below", ReLU(), [node.step("negative", Power(scale=-1.0), [x])])
    node.top(Binary(operation="SUB"), [above, node.step("sloped", Binary(operation="MUL"), [below, node.blob(1)])])


@READERS.register("Elu")
def elu(node: Node) -> None:
    """ELU."""
    node.top(ELU(alpha=node.attribute("alpha", 1.0)))


@READERS.register("Selu")
def selu(node: Node) -> None:
    """SELU, which has the paper's constants; of others ELU and a factor."""
    alpha, gamma = (node.attribute(name, usual) for name, usual in _SELU.items())
    if np.allclose([alpha, gamma], list(_SELU.values()), rtol=1e-4):
        node.top(SELU())
    else:
        node.top(Power(scale=gamma), [node.step("elu", ELU(alpha=alpha), [node.bottom()])])


@READERS.register("Celu")
def celu(node: Node) -> None:
    """alpha times ELU of x / alpha.

    Refused: an alpha of 0.
    """
    alpha = node.attribute("alpha", 1.0)
    if alpha == 0:
        raise NetError("its alpha is 0, by which it divides")
    elu_ = node.step("elu", ELU(), [node.step("narrow", Power(scale=1 / alpha), [node.bottom()])])
    node.top(Power(scale=alpha), [elu_])


@READERS.register("Swish")
def swish(node: Node) -> None:
    """Swish."""
    node.top(Swish(beta=node.attribute("alpha", 1.0)))


@READERS.register("Softsign")
def softsign(node: Node) -> None:
    """x times the reciprocal of 1 + |x|."""
    magnitude = node.step("magnitude", AbsVal(), [node.bottom()])
    factor = node.step("factor", Power(shift=1.0, power=-1.0), [magnitude])
    node.top(Eltwise(operation="PROD"), [node.bottom(), factor])


@READERS.register("ThresholdedRelu")
def thresholded_relu(node: Node) -> None:
    """x where it is above a threshold: times 1, else times 0."""
    above = node.step("above", Threshold(threshold=node.attribute("alpha", 1.0)), [node.bottom()])
    node.top(Eltwise(operation="PROD"), [node.bottom(), above])


@READERS.register("Shrink")
def shrink(node: Node) -> None:
    """x - bias above lambd, x + bias below -lambd, else 0: each times 1 where it counts."""
    bias, bound = node.attribute("bias", 0.0), node.attribute("lambd", 0.5)
    parts = []
    for name, sign in (("above", 1.0), ("below", -1.0)):
        turned = node.step(f"{name}.turned", Power(scale=sign), [node.bottom()])
        counts = node.step(f"{name}.counts", Threshold(threshold=bound), [turned])
        moved = node.step(f"{name}.moved", Power(shift=-sign * bias), [node.bottom()])
        parts.append(node.step(name, Eltwise(operation="PROD"), [counts, moved]))
    node.top(Eltwise(operation="SUM"), parts)


@READERS.register("IsInf")
def is_inf(node: Node) -> None:
    """Threshold at the largest number, of x, of -x or of |x|."""
    positive, negative = (node.attribute(f"detect_{sign}", 1) for sign in ("positive", "negative"))
    if not (positive or negative):
        node.top(Power(scale=0.0))
        return
    turned = AbsVal() if positive and negative else Power(scale=1.0 if positive else -1.0)
    node.top(Threshold(threshold=_LARGEST), [node.step("turned", turned, [node.bottom()])])


@READERS.register("Gelu")
def gelu(node: Node) -> None:
    """Gelu, of either form.

    Refused: another form than `none` and `tanh`.
    """
    form = node.attribute("approximate", "none")
    if form not in ("none", "tanh"):
        raise UnsupportedError(f"its approximate is {form!r}")
    node.top(Gelu(approximate=form == "tanh"))


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
    """Clip, ReLU or ReLU6 by its bounds, which were attributes before operator set 11.

    Refused: bounds that are no constants, and a lower one that is not below the upper one.
    """
    given = [
        float(node.scalar(index, "bound")) if node.has(index) else node.attribute(name, usual)
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


@READERS.register("Identity")
def identity(node: Node) -> None:
    """Another name."""
    node.stands_for(node.value())


@READERS.register("Dropout")
def dropout(node: Node) -> None:
    """Another name; its mask says that everything is left.

    Refused: values dropped at random as in training.
    """
    is_some = node.scalar(1, "ratio") if node.has(1) else 0.5
    if node.has(2) and node.constant(2, "mode").any() and is_some:
        raise UnsupportedError("it drops values at random, as in training")
    if len(node.proto.output) > 1 and node.proto.output[1]:
        node.stands_for(filled(node, "mask", node.bottom(), 1.0), 1)
    node.stands_for(node.value())


def filled(node: Node, wish: str, like: str, number: float) -> str:
    """Return a blob of the shape of another, all of which is one number, whatever the other holds."""
    # Numbers that are neither infinite nor NaN.
    numbers = node.step("numbers", Unary(operation="IS_NAN"), [like])
    return node.step(wish, Power(scale=0.0, shift=number), [numbers])
