"""The units of a net's channels, and the groups of units among which pruning chooses."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xdn.graph import Array, ChannelAxis, ChannelRule, Layer, Net, Side
from xdn.optimize.prune.ties import LOCKED, channel_axes, channel_blob, tied_units


@dataclass(frozen=True, eq=False)
class Group:
    """Units that stand for filters of the same layers: the choice that pruning makes is among them.

    Parameters
    ----------
    name : str
        The first of its layers; all of them with ``+`` between where several groups begin with that one, and numbered,
        ``first#2``, where they hold the same ones: parts of their filters, which a Slice parts.
    units : (U,) int
        The units, in the order of that layer's filters.
    filters : tuple of str
        Layers whose filters go; several where a sum or an element-wise layer ties them.
    readers : tuple of str
        Layers whose filters read the channels, in the order of the net.
    joined : bool
        Some layer joins such channels of several layers, as the sum after a residual block does; those inside of a
        block are not joined.
    """

    name: str
    units: Array
    filters: tuple[str, ...]
    readers: tuple[str, ...]
    joined: bool


class Channels:
    """The units of a net: channels, of any blobs, of which none can be removed without the others.

    Parameters
    ----------
    net : Net
        Without anything post-fused; weights are not needed.
    units : mapping, optional
        Blob name -> (C,) the unit of each channel, where they are known; else those that the layers' rules tie.
    axes : mapping, optional
        With `units`: blob name -> the axis along which its channels lie.
    """

    def __init__(self, net: Net, units: Mapping[str, Array] | None = None, axes: Mapping[str, int] | None = None):
        self.net = net
        #: Blob name -> (C,) the unit of each channel, `LOCKED` for those that stay.
        self.units = tied_units(net) if units is None else units
        self.axes = channel_axes(net) if axes is None else axes

    def left_in(self, net: Net, gone: Array) -> "Channels":
        """Return the units of `net`, which is this one without those that are `gone`; they keep their numbers.

        What was tied stays tied, also where the rules of the narrower layers would no longer ask for it (a grouped
        convolution that is left with one channel a group), so that units and groups are the same at every step.
        """
        units = {blob: units[np.isin(units, gone, invert=True)] for blob, units in self.units.items()}
        return Channels(net, units, self.axes)

    @cached_property
    def count(self) -> int:
        """Units are numbered below this."""
        return 1 + max((int(units.max(initial=LOCKED)) for units in self.units.values()), default=LOCKED)

    def axis_units(self, layer: Layer, axis: ChannelAxis) -> Array:
        """Return the unit of each entry along an axis of a weight of `layer`."""
        found: Array = self.units[channel_blob(layer, axis)][axis.channels]
        return found

    def read(self, layer: Layer) -> Array:
        """Return the units of the channels that every filter of `layer` reads (of its group), each once."""
        axes = layer.params.weight_channels(self.net.bottom_blobs(layer)).values()
        inputs = [a for weight in axes for a in weight if a is not None and a.side is Side.BOTTOM]
        return np.unique(np.concatenate([np.zeros(0, int), *(self.axis_units(layer, axis) for axis in inputs)]))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The groups, in the order of the net."""
        filters: dict[int, list[str]] = defaultdict(list)
        readers: dict[int, set[str]] = defaultdict(set)
        for layer in self.net.layers:
            if layer.params.is_input:
                continue
            if self._rule(layer) is ChannelRule.FILTERS:
                for unit in dict.fromkeys(self.units[layer.tops[0]].tolist()):
                    filters[unit].append(layer.name)
            for unit in self.read(layer).tolist():
                readers[unit].add(layer.name)
        # Units of the same blobs: where each group keeps one, every blob keeps a channel.
        blobs, members = self._blobs(), defaultdict[tuple[tuple[str, ...], tuple[str, ...]], list[int]](list)
        for unit, layers in filters.items():
            if unit != LOCKED:
                members[tuple(layers), tuple(blobs[unit])].append(unit)
        joined, names = self._joined(), _names([layers for layers, _ in members])
        return tuple(
            Group(
                name=name,
                units=np.array(units),
                filters=layers,
                readers=self._in_order(set().union(*(readers[unit] for unit in units))),
                joined=len(layers) > 1 and not joined.isdisjoint(units),
            )
            for name, ((layers, _), units) in zip(names, members.items(), strict=True)
        )

    def filters_of(self, group: Group) -> int:
        """Return how many filters of its first layer the units of `group` are."""
        (top,) = self.net.layer(group.filters[0]).tops
        return int(np.isin(self.units[top], group.units).sum())

    def _blobs(self) -> dict[int, list[str]]:
        """Return the blobs that hold each unit."""
        found: dict[int, list[str]] = defaultdict(list)
        for blob in self.net.blobs:
            for unit in np.unique(self.units[blob]).tolist():
                found[unit].append(blob)
        return found

    def _in_order(self, names: set[str]) -> tuple[str, ...]:
        return tuple(layer.name for layer in self.net.layers if layer.name in names)

    def _joined(self) -> set[int]:
        """Return the units of which a layer carries channels of several blobs into one.

        An operand with fewer axes than the top is not meant: a gate stands inside of its block.
        """
        found: set[int] = set()
        for layer in self.net.layers:
            bottoms = self.net.bottom_blobs(layer)
            if len(bottoms) > 1 and self._rule(layer) is ChannelRule.CARRIED:
                top = self.net.top_blobs(layer)[0]
                alike = [i for i, bottom in enumerate(bottoms) if len(bottom.shape) == len(top.shape)]
                carried = sum(((layer.params.channel_map(i, bottoms) >= 0).astype(int) for i in alike), np.zeros(1))
                found.update(self.units[layer.tops[0]][carried > 1].tolist())
        return found

    def _rule(self, layer: Layer) -> ChannelRule:
        return layer.params.channel_rule_for(self.net.bottom_blobs(layer))


def _names(groups: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a name for each group of these layers, no two alike."""
    beginning, alike = Counter(layers[0] for layers in groups), Counter(groups)
    given, found = Counter[tuple[str, ...]](), []
    for layers in groups:
        given[layers] += 1
        name = layers[0] if beginning[layers[0]] == alike[layers] else "+".join(layers)
        found.append(name if alike[layers] == 1 else f"{name}#{given[layers]}")
    return found
