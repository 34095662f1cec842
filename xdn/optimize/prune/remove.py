"""Take units of channels out of a net; what is left is a smaller net of the same layers."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, ChannelAxis, ChannelRule, Layer, Net
from xdn.graph.verify import verify
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.ties import LOCKED, move_of


def remove(channels: Channels, units: Array) -> Net:
    """Return the net without the channels of `units`.

    The outputs are those of the net in which every filter ignores the removed channels.

    Parameters
    ----------
    channels : Channels
        Of the net; its weights are cut where it has some.
    units : (U,) int
        None of them `LOCKED`.

    Raises
    ------
    ShapeError
        `LOCKED` is among the units, or nothing would be left of a blob.
    """
    if np.isin(LOCKED, units):
        raise ShapeError("channels that are locked cannot be removed")
    if not len(units):
        return channels.net
    gone = np.zeros(channels.count, bool)
    gone[units] = True
    net = channels.net.replace(layers=tuple(_narrowed(channels, layer, gone) for layer in channels.net.layers))
    verify(net)
    return net


def _narrowed(channels: Channels, layer: Layer, gone: Array) -> Layer:
    bottoms = channels.net.bottom_blobs(layer)
    move = move_of(channels.net, layer, channels.axes)
    if move is not None and channels.axes[layer.tops[0]] == move.axis:
        # It only takes the channels that are left to another axis.
        left = int((~gone[channels.units[layer.tops[0]]]).sum())
        return layer.replace(params=layer.params.moving(channels.axes[layer.bottoms[0]], left, bottoms[0]))
    rule = layer.params.channel_rule_for(bottoms)
    if layer.params.is_input or rule is ChannelRule.FIXED:
        return layer
    *kept_tops, kept_bottom = (~gone[channels.units[name]] for name in (*layer.tops, layer.bottoms[0]))
    if kept_bottom.all() and all(kept.all() for kept in kept_tops):
        return layer
    if not all(kept.any() for kept in kept_tops):
        raise ShapeError("all its channels would be removed", where=layer.place)
    axes = layer.params.weight_channels(bottoms)
    weights = {
        name: _cut(channels, layer, array, axes[name], gone) if name in axes else array
        for name, array in layer.weights.items()
    }
    tops = [int(kept.sum()) for kept in kept_tops]
    if rule is ChannelRule.CARRIED:
        params = layer.params.carrying(tops, bottoms)
    else:
        params = layer.params.narrowed(tops[0], int(kept_bottom.sum()), bottoms)
    return layer.replace(params=params, weights=weights)


def _cut(channels: Channels, layer: Layer, array: Array, axes: tuple[ChannelAxis | None, ...], gone: Array) -> Array:
    for number, axis in enumerate(axes):
        if axis is not None:
            array = array.compress(~gone[channels.axis_units(layer, axis)], axis=number)
    return array
