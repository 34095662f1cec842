"""Give the channels of a net other places; it computes the same."""

from collections.abc import Iterator

import numpy as np

from xdn.graph import Array, Layer, Net
from xdn.optimize.prune.channels import Channels, Group
from xdn.optimize.prune.ties import LOCKED


def movable(channels: Channels) -> Iterator[Group]:
    """Yield the groups whose units may change places with one another: no blob holds one of them twice.

    Of units that a blob holds more than once, such as those of grouped filters, places would have to change together.
    """
    twice = np.zeros(channels.count, bool)
    for units in channels.units.values():
        twice |= np.bincount(units, minlength=channels.count) > 1
    for group in channels.groups:
        if len(group.units) > 1 and not twice[group.units].any():
            yield group


def permuted(channels: Channels, taken: Array) -> Net:
    """Return the net with channels in other places; its outputs are the same numbers but for the order of sums.

    Parameters
    ----------
    channels : Channels
        Of the net, which has weights.
    taken : (count,) int
        For each unit the one that takes its places in all blobs: itself, or another of a `movable` group, each once.
    """
    return channels.net.replace(layers=tuple(_moved(channels, layer, taken) for layer in channels.net.layers))


def _moved(channels: Channels, layer: Layer, taken: Array) -> Layer:
    """Return a layer whose weights follow the channels of its bottom and its top."""
    if layer.params.is_input or not layer.weights:
        return layer
    weights = dict(layer.weights)
    for name, axes in layer.params.weight_channels(channels.net.bottom_blobs(layer)).items():
        for number, axis in enumerate(axes):
            if axis is not None and name in weights:
                units = channels.axis_units(layer, axis)
                if not np.array_equal(taken[units], units):
                    weights[name] = weights[name].take(_places(units, taken), axis=number)
    return layer.replace(weights=weights)


def _places(units: Array, taken: Array) -> Array:
    """Return which entry comes to the place of each along an axis whose entries belong to `units`.

    Several entries of one unit, such as the positions that an InnerProduct reads of a channel, keep their order.
    """
    places = np.empty(len(units), int)
    places[np.argsort(taken[units], kind="stable")] = np.argsort(units, kind="stable")
    return places


def unmoved(channels: Channels) -> Array:
    """Return what `permuted` takes for a net that stays as it is."""
    return np.arange(channels.count + LOCKED)
