"""How files spell HSigmoid and HSwish, for which plain Caffe has no words."""

from dataclasses import dataclass

from xdn.element import real
from xdn.graph import Layer, Net
from xdn.layers.eltwise import Eltwise
from xdn.layers.power import Power
from xdn.layers.relu6 import ReLU6
from xdn.optimize.match import only_reader, reason_to_keep, title


@dataclass(frozen=True, eq=False)
class Spelling:
    """Layers that are an HSigmoid, or with the product an HSwish.

    Parameters
    ----------
    layers : tuple of Layer
        In the order in which data passes them.
    bottom : str
        What they are of.
    swish : bool
        Whether the product is among them.
    """

    layers: tuple[Layer, ...]
    bottom: str
    swish: bool


def spelled_around(net: Net, clip: Layer) -> Spelling | str | None:
    """Return the hard sigmoid that a ReLU6 is part of, or why there is none; None for another layer.

    ::

        x -> Power (x + 3) -> ReLU6 -> Power (x / 6) -> v; x, v -> Eltwise PROD
        x -> Power (x + 3) -> ReLU6 -> u; x, u -> Eltwise PROD -> Power (x / 6)
    """
    if not isinstance(clip.params, ReLU6) or clip.epilogue is not None or clip.quantized:
        return None
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
        return Spelling((shift, clip, product, divide), x, swish=True)
    product = _product(net, x, divide.tops[0])
    return Spelling((shift, clip, divide, *([product] if product else [])), x, swish=product is not None)


def in_spelling(net: Net, power: Layer) -> bool:
    """Return whether a Power is the sum or the quotient of a hard sigmoid."""
    near = [*net.consumers[power.tops[0]], net.producers[power.bottoms[0]]]
    near += [net.producers[bottom] for bottom in near[-1].bottoms]
    found = (spelled_around(net, layer) for layer in near)
    return any(isinstance(spelling, Spelling) and power in spelling.layers for spelling in found)


def _is_power(layer: Layer, scale: float, shift: float) -> bool:
    params = layer.params
    if not isinstance(params, Power) or layer.epilogue is not None or layer.quantized:
        return False
    return params.power == 1 and bool(real(params.scale) == real(scale)) and params.shift == shift


def _product(net: Net, x: str, factor: str) -> Layer | None:
    """Return the layer that multiplies x by `factor`, where nothing else reads this."""
    reader = only_reader(net, factor)
    if reader is None or not isinstance(reader.params, Eltwise) or reader.epilogue is not None or reader.quantized:
        return None
    return reader if reader.params.operation == "PROD" and sorted(reader.bottoms) == sorted((x, factor)) else None
