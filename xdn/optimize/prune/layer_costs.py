"""What the layers with filters cost at other widths, measured one at a time."""

from collections.abc import Callable, Mapping

import numpy as np

from xdn.graph import Array, Layer, Net
from xdn.layers.input import Input
from xdn.optimize.prune.channels import Channels, Group

#: Shares of its channels at which a layer is measured, falling.
SHARES = tuple(part / 16 for part in range(16, 1, -1))


class LayerCosts:
    """The cost of each layer, as a product of what its filters and what its inputs leave of it.

    A layer is measured with all its channels, then with fewer filters, then with fewer inputs, each as a net of its
    own; in between the cost is interpolated. Layers of the same parameters and shapes are measured once.

    Parameters
    ----------
    channels : Channels
    measure : callable
        Returns what a net costs for one image, such as a `Clock`. Called up to 29 times a layer; the nets that it gets
        have no weights.
    """

    def __init__(self, channels: Channels, measure: Callable[[Net], float]):
        self._channels, self._measure = channels, measure
        self._curves: dict[object, tuple[float, _Curve, _Curve]] = {}
        self._parts: dict[str, dict[str, float]] = {}
        self._sizes = {group.name: len(group.units) for group in channels.groups}

    def of(self, group: Group, widths: Mapping[str, int]) -> float:
        """Return the cost of all layers that depend on the group, at `widths` of all groups."""
        names = dict.fromkeys((*group.filters, *group.readers))
        return sum(self._layer(self._channels.net.layer(name), widths) for name in names)

    def _layer(self, layer: Layer, left: Mapping[str, int]) -> float:
        full, by_top, by_bottom = self._curve(layer)
        top, bottom = (self._share(names[0], left) for names in (layer.tops, layer.bottoms))
        return full * float(np.interp(top, *by_top) * np.interp(bottom, *by_bottom))

    def _share(self, blob: str, widths: Mapping[str, int]) -> float:
        """Return the share of the blob's channels that is left."""
        if blob not in self._parts:
            units = self._channels.units[blob]
            parts = {group.name: float(np.isin(units, group.units).mean()) for group in self._channels.groups}
            self._parts[blob] = {name: part for name, part in parts.items() if part}
        sizes, parts = self._sizes, self._parts[blob]
        return 1.0 - sum(part * (1 - widths.get(name, sizes[name]) / sizes[name]) for name, part in parts.items())

    def _curve(self, layer: Layer) -> tuple[float, "_Curve", "_Curve"]:
        """Return the cost with all channels, and what shares of the top and of the bottom leave of it."""
        bottoms = self._channels.net.bottom_blobs(layer)
        key = (layer.params, bottoms[0].shape)
        if key not in self._curves:
            labels = layer.params.tied_channels(bottoms)
            tops, inputs = (len(np.unique(each)) for each in labels)
            together = np.isin(*labels).any()
            by_top = {n: self._alone(layer, n, n if together else inputs) for n in measured_widths(tops)}
            fewer_inputs = () if together else measured_widths(inputs)[1:]
            by_bottom = {inputs: by_top[tops]} | {n: self._alone(layer, tops, n) for n in fewer_inputs}
            self._curves[key] = by_top[tops], _curve(by_top), _curve(by_bottom)
        return self._curves[key]

    def _alone(self, layer: Layer, top: int, bottom: int) -> float:
        """Return the cost of a net of the layer only, with so many of its labels of tied channels left."""
        bottoms = self._channels.net.bottom_blobs(layer)
        tops, inputs = layer.params.tied_channels(bottoms)
        filters, channels = _channels(tops, top), _channels(inputs, bottom)
        shape = (1, channels, *bottoms[0].shape[2:])
        params = layer.params.narrowed(filters, channels, bottoms)
        source = Layer("data", Input(shape=(shape,)), (), ("data",))
        return self._measure(Net(layer.name, (source, Layer(layer.name, params, ("data",), ("top",)))))


#: Shares, rising to 1, and what of the cost each leaves.
_Curve = tuple[Array, Array]


def measured_widths(count: int) -> list[int]:
    """Return the widths at which `count` channels are measured, from all on falling."""
    return sorted({max(1, round(share * count)) for share in SHARES}, reverse=True)


def _curve(costs: Mapping[int, float]) -> "_Curve":
    """Return the curve through the costs at some widths, of which the largest is all."""
    widths, left = np.array(sorted(costs.items())).T
    return widths / widths[-1], left / left[-1]


def _channels(labels: Array, count: int) -> int:
    """Return how many channels so many of the labels have."""
    return count * (len(labels) // len(np.unique(labels)))
