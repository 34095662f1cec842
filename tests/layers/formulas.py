"""Layers that map every element on its own by a formula, for every form that a layer takes.

In each of them standard normal values stay where logarithms and powers are defined.
"""

from dataclasses import fields

from xdn.layers.clip import Clip
from xdn.layers.comparison import Comparison
from xdn.layers.exp import Exp
from xdn.layers.function import functions
from xdn.layers.gelu import Gelu
from xdn.layers.log import Log
from xdn.layers.power import Power
from xdn.layers.swish import Swish
from xdn.layers.threshold import Threshold

#: Those with a gradient that is not 0 everywhere: all without parameters, and some of those with.
DIFFERENTIABLE = [
    *(cls() for cls in functions() if not fields(cls)),
    Clip(min=-0.5, max=0.25),
    Exp(),
    Exp(base=2.0, scale=0.5, shift=-1.0),
    Gelu(),
    Gelu(approximate=True),
    Log(scale=0.1, shift=2.0),
    Log(base=10.0, scale=-0.1, shift=2.0),
    Power(),
    Power(power=2.0, scale=-3.0),
    Power(power=-0.5, scale=0.1, shift=2.0),
    Swish(),
    Swish(beta=1.7),
]
FORMULAS = [
    *DIFFERENTIABLE,
    Power(power=0.0),
    Threshold(),
    Threshold(threshold=0.3),
    *(Comparison(operation, 0.3) for operation in ("EQUAL", "LESS", "LESS_OR_EQUAL", "GREATER", "GREATER_OR_EQUAL")),
]
