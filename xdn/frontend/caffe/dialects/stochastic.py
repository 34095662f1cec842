"""STOCHASTIC pooling at test time, said in our layers: the average of squares, divided by the average.

Training takes a value of each window at random, as often as it is large; the test phase takes the mean of what would be
drawn, sum of x**2 / sum of x, and 0 of a window of zeros. The source is StoPoolForwardTest in Caffe's pooling_layer.cu
(Zeiler and Fergus 2013).
"""

import numpy as np

from xdn.errors import NetError
from xdn.frontend.caffe.dialects.steps import Steps, replaced
from xdn.frontend.caffe.text import Message, place_of, schema
from xdn.layers.base import LAYERS
from xdn.layers.eltwise import OPERATIONS
from xdn.layers.pooling import METHODS, Pooling

#: What Caffe's sums begin with.
_LEAST = float(np.finfo(np.float32).tiny)


def stochastic_apart(net: Message) -> None:
    """Put four layers in the place of each STOCHASTIC Pooling of the NetParameter `net`."""
    replaced(net, _draws, _means)


def _draws(layer: Message) -> bool:
    is_pooling = dict(LAYERS.items()).get(layer.type) is Pooling
    return is_pooling and layer.pooling_param.pool == METHODS["STOCHASTIC"]


def _means(layer: Message, taken: set[str]) -> list[Message]:
    """Return the layers that a STOCHASTIC Pooling is; the last has its name and top."""
    param = layer.pooling_param
    if any(param.pad) or param.pad_h or param.pad_w:
        raise NetError("STOCHASTIC pooling has no padding, as in Caffe", where=place_of(layer))
    steps = Steps(layer.name, taken)
    squares = steps.add("squares", "Power", *layer.bottom)
    squares.power_param.power = 2
    averages = [
        steps.add(word, layer.type, *bottoms) for word, bottoms in (("above", squares.top), ("below", layer.bottom))
    ]
    for average in averages:
        average.pooling_param.CopyFrom(param)
        average.pooling_param.pool = METHODS["AVE"]
    divisor = steps.add("divisor", "Power", *averages[1].top)
    divisor.power_param.shift = _LEAST
    quotient = schema.new("LayerParameter", name=layer.name, type="Eltwise", top=layer.top)
    quotient.bottom.extend([*averages[0].top, *divisor.top])
    quotient.eltwise_param.operation = OPERATIONS["DIV"]
    return [*steps.made, quotient]
