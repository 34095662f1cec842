"""Which channels of a net stand and fall together, by the layers' own channel rules."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from xdn.errors import UnsupportedError
from xdn.graph import ChannelRule, Layer, Net
from xdn.graph.layer import Array, ChannelAxis, Side

#: The unit of channels that can never go: those of inputs and outputs, and of layers whose rule is FIXED.
LOCKED = 0


@dataclass(frozen=True, eq=False)
class Group:
    """Units that stand for filters of the same layers: the choice that pruning makes is among them.

    Parameters
    ----------
    name : str
        The first of its layers.
    units : (U,) int
        The units, in the order of that layer's filters.
    filters : tuple of str
        Layers whose filters go; several where a sum or an element-wise layer ties them.
    readers : tuple of str
        Layers whose filters read the channels and stay, in the order of the net.
    joined : bool
        Some layer joins such channels of several blobs, as the sum behind a residual block does; those inside of a
        block are not joined.
    """

    name: str
    units: Array
    filters: tuple[str, ...]
    readers: tuple[str, ...]
    joined: bool


class Channels:
    """The units of a net: channels, of any blobs, of which none can be removed without the others.

    The source of the idea is Fang et al., "DepGraph: Towards Any Structural Pruning" (2023); here the dependencies
    are those of single channels, so that concatenations and flattened maps need no rule of their own.

    Parameters
    ----------
    net : Net
        Without anything post-fused; weights are not needed.

    Raises
    ------
    UnsupportedError
        A layer holds what post-fusion appended.
    """

    def __init__(self, net: Net):
        for layer in net.layers:
            if layer.epilogue is not None:
                where = f"layer {layer.name!r} ({layer.type})"
                raise UnsupportedError("it holds a fused sum or activation", where=where, mend="Prune before fusing it")
        self.net = net
        self._first: dict[str, int] = {}
        count = 1
        for name, blob in net.blobs.items():
            if len(blob.shape) > 1:
                self._first[name] = count
                count += blob.shape[1]
        ties = [np.zeros((0, 2), int), *(np.stack(np.broadcast_arrays(a, b), -1) for a, b in self._ties())]
        edges = np.concatenate(ties)
        graph = coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(count, count))
        components, component = connected_components(graph, directed=False)
        #: Units are numbered below this.
        self.count = components + 1
        self._units: Array = np.where(component == component[0], LOCKED, component + 1)

    def nodes(self, blob: str) -> Array:
        """Return the (C,) nodes of the blob's channels, none of a blob without channels."""
        if blob not in self._first:
            return np.zeros(0, int)
        return self._first[blob] + np.arange(self.net.blobs[blob].shape[1])

    def units(self, blob: str) -> Array:
        """Return the (C,) unit of each channel of `blob`, `LOCKED` for those that stay."""
        found: Array = self._units[self.nodes(blob)]
        return found

    def axis_units(self, layer: Layer, axis: ChannelAxis) -> Array:
        """Return the unit of each entry along an axis of a weight of `layer`."""
        found: Array = self.units(_blob(layer, axis))[axis.channels]
        return found

    def _ties(self) -> Iterator[tuple[Array, Array]]:
        """Yield pairs of nodes that belong together; node 0 stands for all that is locked."""
        for name in (*self.net.inputs, *self.net.outputs):
            yield self.nodes(name), np.array(0)
        for layer in self.net.layers:
            if not layer.params.is_input:
                yield from self._layer_ties(layer)
        yield from self._shared_ties()

    def _layer_ties(self, layer: Layer) -> Iterator[tuple[Array, Array]]:
        bottoms = self.net.bottom_blobs(layer)
        rule = layer.params.channel_rule_for(bottoms)
        if rule is ChannelRule.FIXED:
            for name in (*layer.bottoms, *layer.tops):
                yield self.nodes(name), np.array(0)
        elif rule is ChannelRule.FILTERS:
            labels = np.concatenate(layer.params.tied_channels(bottoms))
            nodes = np.concatenate([self.nodes(layer.tops[0]), self.nodes(layer.bottoms[0])])
            _, first, label = np.unique(labels, return_index=True, return_inverse=True)
            yield nodes, nodes[first][label]
        else:
            for number, name in enumerate(layer.bottoms):
                carried = layer.params.channel_map(number, bottoms)
                some = carried >= 0
                for top in layer.tops:
                    yield self.nodes(top)[some], self.nodes(name)[carried[some]]

    def _shared_ties(self) -> Iterator[tuple[Array, Array]]:
        """Weights under one name lose the same entries in every layer that has them."""
        first: dict[str, tuple[Layer, tuple[ChannelAxis | None, ...]]] = {}
        for layer in self.net.layers:
            if not any(layer.shared):
                continue
            axes = layer.params.weight_channels(self.net.bottom_blobs(layer))
            for shared, own in zip(layer.shared, axes.values(), strict=False):
                owner, theirs = first.setdefault(shared, (layer, own)) if shared else (layer, own)
                for a, b in zip(own, theirs, strict=True):
                    if owner is not layer and a is not None and b is not None:
                        yield self._axis_nodes(layer, a), self._axis_nodes(owner, b)

    def _axis_nodes(self, layer: Layer, axis: ChannelAxis) -> Array:
        found: Array = self.nodes(_blob(layer, axis))[axis.channels]
        return found

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The groups, in the order of the net."""
        filters: dict[int, list[str]] = defaultdict(list)
        readers: dict[int, list[str]] = defaultdict(list)
        for layer in self.net.layers:
            if layer.params.is_input or self._rule(layer) is not ChannelRule.FILTERS:
                continue
            own = _distinct(self.units(layer.tops[0]))
            for unit in own:
                filters[unit].append(layer.name)
            for unit in (u for u in _distinct(self.units(layer.bottoms[0])) if u not in own):
                readers[unit].append(layer.name)
        members: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for unit, layers in filters.items():
            if unit != LOCKED:
                members[tuple(layers)].append(unit)
        joined = self._joined()
        return tuple(
            Group(
                name=layers[0],
                units=np.array(units),
                filters=layers,
                readers=tuple(dict.fromkeys(reader for unit in units for reader in readers[unit])),
                joined=not joined.isdisjoint(units),
            )
            for layers, units in members.items()
        )

    def _joined(self) -> set[int]:
        """Return the units of which a layer carries several channels into one."""
        found: set[int] = set()
        for layer in self.net.layers:
            bottoms = self.net.bottom_blobs(layer)
            if len(bottoms) > 1 and self._rule(layer) is ChannelRule.CARRIED:
                carried = sum((layer.params.channel_map(i, bottoms) >= 0).astype(int) for i in range(len(bottoms)))
                found.update(self.units(layer.tops[0])[carried > 1].tolist())
        return found

    def _rule(self, layer: Layer) -> ChannelRule:
        return layer.params.channel_rule_for(self.net.bottom_blobs(layer))


def _blob(layer: Layer, axis: ChannelAxis) -> str:
    """Return the blob whose channels an axis of a weight runs over."""
    return (layer.tops if axis.side is Side.TOP else layer.bottoms)[0]


def _distinct(units: Array) -> dict[int, None]:
    """Return the units in the order in which they come."""
    return dict.fromkeys(units.tolist())
