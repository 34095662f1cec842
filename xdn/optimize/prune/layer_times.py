"""How long the layers with filters take at other widths, measured one at a time."""

from collections.abc import Mapping

import numpy as np

from xdn.graph import Layer, Net
from xdn.graph.layer import Array
from xdn.layers.input import Input
from xdn.optimize.prune.channels import Channels, Group
from xdn.optimize.prune.instruments import Clock

#: Shares of its channels at which a layer is timed, falling.
SHARES = tuple(eighth / 8 for eighth in range(8, 0, -1))


class LayerTimes:
    """The seconds of each layer, as a product of what its filters and what its inputs leave of them.

    A layer is timed with all its channels, then with fewer filters, then with fewer inputs, each as a net of its own;
    in between the time is interpolated. Layers of the same parameters and shapes are timed once.

    Parameters
    ----------
    channels : Channels
    clock : Clock
        Called up to 15 times a layer; the nets that it gets have no weights.
    """

    shares = SHARES

    def __init__(self, channels: Channels, clock: Clock):
        self._channels, self._clock = channels, clock
        self._curves: dict[object, tuple[float, Array, Array]] = {}
        self._parts: dict[str, dict[str, float]] = {}
        self._sizes = {group.name: len(group.units) for group in channels.groups}

    def of(self, group: Group, widths: Mapping[str, int]) -> float:
        """Return the seconds for an image of all layers that depend on the group, at `widths` of all groups."""
        names = dict.fromkeys((*group.filters, *group.readers))
        return sum(self._layer(self._channels.net.layer(name), widths) for name in names)

    def _layer(self, layer: Layer, widths: Mapping[str, int]) -> float:
        full, by_top, by_bottom = self._curve(layer)
        top, bottom = (self._share(names[0], widths) for names in (layer.tops, layer.bottoms))
        rising = SHARES[::-1]
        return full * float(np.interp(top, rising, by_top[::-1]) * np.interp(bottom, rising, by_bottom[::-1]))

    def _share(self, blob: str, widths: Mapping[str, int]) -> float:
        """Return the share of the blob's channels that is left."""
        if blob not in self._parts:
            units = self._channels.units(blob)
            parts = {group.name: float(np.isin(units, group.units).mean()) for group in self._channels.groups}
            self._parts[blob] = {name: part for name, part in parts.items() if part}
        left = (
            (part, widths.get(name, self._sizes[name]) / self._sizes[name]) for name, part in self._parts[blob].items()
        )
        return 1.0 - sum(part * (1 - share) for part, share in left)

    def _curve(self, layer: Layer) -> tuple[float, Array, Array]:
        """Return the seconds with all channels, and the shares of them at `SHARES` of the top and of the bottom."""
        bottoms = self._channels.net.bottom_blobs(layer)
        key = (layer.params, bottoms[0].shape)
        if key not in self._curves:
            tops, inputs = layer.params.tied_channels(bottoms)
            together = not set(tops.tolist()).isdisjoint(inputs.tolist())
            full = self._clock(self._alone(layer, 1.0, 1.0))
            by_top = [self._clock(self._alone(layer, s, s if together else 1.0)) / full for s in SHARES[1:]]
            by_bottom = [1.0 if together else self._clock(self._alone(layer, 1.0, s)) / full for s in SHARES[1:]]
            self._curves[key] = full, np.array([1.0, *by_top]), np.array([1.0, *by_bottom])
        return self._curves[key]

    def _alone(self, layer: Layer, top: float, bottom: float) -> Net:
        """Return a net of the layer only, with shares of its channels left; tied channels stay together."""
        bottoms = self._channels.net.bottom_blobs(layer)
        tops, inputs = layer.params.tied_channels(bottoms)
        filters, channels = _left(tops, top), _left(inputs, bottom)
        shape = (1, channels, *bottoms[0].shape[2:])
        params = layer.params.narrowed(filters, channels, bottoms)
        source = Layer("data", Input(shape=(shape,)), (), ("data",))
        return Net(layer.name, (source, Layer(layer.name, params, ("data",), ("top",))))


def _left(labels: Array, share: float) -> int:
    """Return how many channels are left of a share of the labels, whole labels only."""
    count = len(np.unique(labels))
    return max(1, round(share * count)) * (len(labels) // count)
