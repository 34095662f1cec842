"""How files spell functions that are no layers of plain Caffe, or of older operator sets of ONNX."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from xdn.element import real
from xdn.graph import Layer, LayerParams, Net
from xdn.layers.eltwise import Eltwise
from xdn.layers.erf import Erf
from xdn.layers.gelu import ROOT, Gelu
from xdn.layers.hsigmoid import HSigmoid
from xdn.layers.hswish import HSwish
from xdn.layers.power import Power
from xdn.layers.relu6 import ReLU6
from xdn.layers.sigmoid import Sigmoid
from xdn.layers.swish import Swish
from xdn.optimize.match import is_plain, only_reader, reason_to_keep, title


@dataclass(frozen=True, eq=False)
class Spelling:
    """Layers that are a function of one blob.

    Parameters
    ----------
    layers : tuple of Layer
        In the order in which data passes them.
    bottom : str
        The blob.
    params : LayerParams
        Of the layer of that function.
    """

    layers: tuple[Layer, ...]
    bottom: str
    params: LayerParams


def spelled_around(net: Net, layer: Layer) -> Spelling | str | None:
    """Return what a ReLU6, Sigmoid or Erf is part of, or why of nothing; None for what does not look like a match."""
    spelled = _SPELLED.get(type(layer.params))
    return None if spelled is None or not is_plain(layer) else spelled(net, layer)


def is_spelled(net: Net, layer: Layer) -> bool:
    """Return whether a layer is part of a function that several layers spell."""
    if net not in _PARTS:
        found = (spelled_around(net, each) for each in net.layers)
        _PARTS[net] = {part.name for each in found if isinstance(each, Spelling) for part in each.layers}
    return layer.name in _PARTS[net]


#: Net -> the names of all layers that are part of a spelling.
_PARTS: WeakKeyDictionary[Net, set[str]] = WeakKeyDictionary()


def _hard_sigmoid(net: Net, clip: Layer) -> Spelling | str:
    """Return the HSigmoid or HSwish around a ReLU6.

    ::

        x -> Power (x + 3) -> ReLU6 -> Power (x / 6) -> v; x, v -> Eltwise PROD
        x -> Power (x + 3) -> ReLU6 -> u; x, u -> Eltwise PROD -> Power (x / 6)
    """
    shift = net.producers[clip.bottoms[0]]
    if not _is_power(shift, 1, 3):
        return f"its bottom is computed by {title(shift)}, which does not add 3"
    for blob in (clip.bottoms[0], clip.tops[0]):
        if (reason := reason_to_keep(net, blob)) is not None:
            return reason
    x = shift.bottoms[0]
    product = _product(net, x, clip.tops[0])
    divide = only_reader(net, (product or clip).tops[0])
    if divide is None or not _is_power(divide, 1 / 6, 0):
        return f"no Power after {'its product' if product else 'it'} divides by 6"
    if product:
        return Spelling((shift, clip, product, divide), x, HSwish())
    product = _product(net, x, divide.tops[0])
    return (
        Spelling((shift, clip, divide, product), x, HSwish())
        if product
        else Spelling((shift, clip, divide), x, HSigmoid())
    )


def _swish(net: Net, sigmoid: Layer) -> Spelling | None:
    """Return the Swish around a Sigmoid: x -> Power (beta * x) -> Sigmoid -> v; x, v -> Eltwise PROD."""
    x = sigmoid.bottoms[0]
    if product := _product(net, x, sigmoid.tops[0]):
        return Spelling((sigmoid, product), x, Swish())
    scaled = net.producers[x]
    if not isinstance(scaled.params, Power) or not _is_power(scaled, scaled.params.scale, 0) or reason_to_keep(net, x):
        return None
    x = scaled.bottoms[0]
    product = _product(net, x, sigmoid.tops[0])
    return Spelling((scaled, sigmoid, product), x, Swish(beta=scaled.params.scale)) if product else None


def _gelu(net: Net, erf: Layer) -> Spelling | None:
    """Return the Gelu around an Erf.

    ::

        x -> Power (x * sqrt(1/2)) -> Erf -> Power (x + 1) -> v; x, v -> Eltwise PROD -> Power (x / 2)
        x -> Power (x * sqrt(1/2)) -> Erf -> Power (x + 1) -> v; x -> Power (x / 2) -> h; h, v -> Eltwise PROD
    """
    scaled, plus = net.producers[erf.bottoms[0]], only_reader(net, erf.tops[0])
    if (
        reason_to_keep(net, erf.bottoms[0])
        or plus is None
        or not _is_power(plus, 1, 1)
        or not _is_power(scaled, ROOT, 0)
    ):
        return None
    x, before = scaled.bottoms[0], (scaled, erf, plus)
    if product := _product(net, x, plus.tops[0]):
        half = only_reader(net, product.tops[0])
        return Spelling((*before, product, half), x, Gelu()) if half and _is_power(half, 0.5, 0) else None
    for half in net.consumers[x]:
        if _is_power(half, 0.5, 0) and (product := _product(net, half.tops[0], plus.tops[0])):
            return None if reason_to_keep(net, half.tops[0]) else Spelling((half, *before, product), x, Gelu())
    return None


#: The parameters of the layer in the middle -> what looks around it.
_SPELLED: Mapping[type[LayerParams], Callable[[Net, Layer], Spelling | str | None]] = {
    ReLU6: _hard_sigmoid,
    Sigmoid: _swish,
    Erf: _gelu,
}


def _is_power(layer: Layer, scale: float, shift: float) -> bool:
    """Return whether a layer is scale * x + shift, but for the last bit of the scale."""
    params = layer.params
    if not isinstance(params, Power) or not is_plain(layer):
        return False
    return params.power == 1 and abs(params.scale - scale) <= np.spacing(real(abs(scale))) and params.shift == shift


def _product(net: Net, x: str, factor: str) -> Layer | None:
    """Return the layer that multiplies x by `factor`, where nothing else reads this."""
    reader = only_reader(net, factor)
    if reader is None or not isinstance(reader.params, Eltwise) or not is_plain(reader):
        return None
    return reader if reader.params.operation == "PROD" and sorted(reader.bottoms) == sorted((x, factor)) else None
