"""Layers that map every element on its own by a formula, for every form that a layer takes.

In each of them standard normal values stay where logarithms and powers are defined.
"""

from xdn.layers.absval import AbsVal
from xdn.layers.bnll import BNLL
from xdn.layers.clip import Clip
from xdn.layers.exp import Exp
from xdn.layers.hsigmoid import HSigmoid
from xdn.layers.hswish import HSwish
from xdn.layers.log import Log
from xdn.layers.mish import Mish
from xdn.layers.power import Power
from xdn.layers.relu6 import ReLU6
from xdn.layers.selu import SELU
from xdn.layers.swish import Swish
from xdn.layers.threshold import Threshold

#: Those with a gradient that is not 0 everywhere.
DIFFERENTIABLE = [
    AbsVal(),
    BNLL(),
    Clip(min=-0.5, max=0.25),
    Exp(),
    Exp(base=2.0, scale=0.5, shift=-1.0),
    HSigmoid(),
    HSwish(),
    Log(scale=0.1, shift=2.0),
    Log(base=10.0, scale=-0.1, shift=2.0),
    Mish(),
    Power(),
    Power(power=2.0, scale=-3.0),
    Power(power=-0.5, scale=0.1, shift=2.0),
    ReLU6(),
    SELU(),
    Swish(),
    Swish(beta=1.7),
]
FORMULAS = [*DIFFERENTIABLE, Power(power=0.0), Threshold(), Threshold(threshold=0.3)]
