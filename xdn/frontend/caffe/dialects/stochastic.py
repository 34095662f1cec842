"""STOCHASTIC pooling, also of an SPP, at test time, said in our layers: the average of squares, divided by the average.

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
from xdn.layers.spp import SPP

#: What Caffe's sums begin with.
_LEAST = float(np.finfo(np.float32).tiny)


def stochastic_apart(net: Message) -> None:
    """Put five layers in the place of each STOCHASTIC Pooling, or SPP, of the NetParameter `net`."""
    replaced(net, _draws, _means)


def pooling_of(layer: Message) -> Message | None:
    """Return the parameters of a Pooling, or of an SPP; None for another type."""
    cls = LAYERS.get(layer.type)
    if cls is SPP:
        return layer.spp_param
    return layer.pooling_param if cls is Pooling else None


def _draws(layer: Message) -> bool:
    param = pooling_of(layer)
    return param is not None and param.pool == METHODS["STOCHASTIC"]


def _means(layer: Message, taken: set[str]) -> list[Message]:
    """Return the layers that a STOCHASTIC layer is; the last has its name and top."""
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
        for field in filter(layer.HasField, ("pooling_param", "spp_param")):
            getattr(average, field).CopyFrom(getattr(layer, field))
            getattr(average, field).pool = METHODS["AVE"]
    divisor = steps.add("divisor", "Power", *averages[1].top)
    divisor.power_param.shift = _LEAST
    quotient = schema.new("LayerParameter", name=layer.name, type="Eltwise", top=layer.top)
    quotient.bottom.extend([*averages[0].top, *divisor.top])
    quotient.eltwise_param.operation = OPERATIONS["DIV"]
    return [*steps.made, quotient]
