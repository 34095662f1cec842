"""Which channels of a net's blobs stand and fall together, by the layers' own channel rules."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from xdn.errors import UnsupportedError
from xdn.graph import ChannelRule, Layer, Net
from xdn.graph.layer import Array, ChannelAxis, Side

#: The unit of channels that can never go: those of inputs and outputs, and of layers whose rule is FIXED.
LOCKED = 0
#: Two arrays of nodes, or one and a node: what stands at the same place belongs together.
_Tie = tuple[Array, Array]


def tied_units(net: Net) -> dict[str, Array]:
    """Return blob name -> (C,) the unit of each channel: channels of one unit, of any blobs, can only go together.

    The source of the idea is Fang et al., "DepGraph: Towards Any Structural Pruning" (2023); here the dependencies
    are those of single channels, so that concatenations and flattened maps need no rule of their own.

    Raises
    ------
    UnsupportedError
        A layer holds what post-fusion appended.
    """
    for layer in net.layers:
        if layer.epilogue is not None:
            where = f"layer {layer.name!r} ({layer.type})"
            raise UnsupportedError("it holds a fused sum or activation", where=where, mend="Prune before fusing it")
    ties = _Ties(net)
    pairs = [np.stack(np.broadcast_arrays(a, b), -1) for a, b in ties]
    edges = np.concatenate([np.zeros((0, 2), int), *pairs])
    graph = coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(ties.count, ties.count))
    _, component = connected_components(graph, directed=False)
    units = np.where(component == component[0], LOCKED, component + 1)
    return {blob: units[ties.nodes(blob)] for blob in net.blobs}


def channel_blob(layer: Layer, axis: ChannelAxis) -> str:
    """Return the blob whose channels an axis of a weight runs over."""
    return (layer.tops if axis.side is Side.TOP else layer.bottoms)[0]


def axis_on(axes: Sequence[ChannelAxis | None], side: Side) -> tuple[int, ChannelAxis]:
    """Return the number of the axis of a weight that runs over the channels on a side, and the axis."""
    return next((number, axis) for number, axis in enumerate(axes) if axis is not None and axis.side is side)


class _Ties:
    """A node for each channel of each blob, and one, 0, for all that is locked; iterates over what ties them."""

    def __init__(self, net: Net):
        self.net, self.count = net, 1
        self._first: dict[str, int] = {}
        for name, blob in net.blobs.items():
            if len(blob.shape) > 1:
                self._first[name] = self.count
                self.count += blob.shape[1]

    def nodes(self, blob: str) -> Array:
        """Return the (C,) nodes of the blob's channels, none of a blob without channels."""
        if blob not in self._first:
            return np.zeros(0, int)
        return self._first[blob] + np.arange(self.net.blobs[blob].shape[1])

    def __iter__(self) -> Iterator[_Tie]:
        for name in (*self.net.inputs, *self.net.outputs):
            yield self.nodes(name), np.array(0)
        for layer in self.net.layers:
            if not layer.params.is_input:
                yield from self._of_layer(layer)
        yield from self._of_shared_weights()

    def _of_layer(self, layer: Layer) -> Iterator[_Tie]:
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

    def _of_shared_weights(self) -> Iterator[_Tie]:
        """Weights under one name lose the same entries in every layer that has them, or none."""
        first: dict[str, list[Array]] = {}
        for layer in self.net.layers:
            axes = layer.params.weight_channels(self.net.bottom_blobs(layer))
            for shared, (name, shape) in zip(layer.shared, self.net.weight_shapes(layer).items(), strict=False):
                if not shared:
                    continue
                channels = axes.get(name, (None,) * len(shape))
                own = [self._along(layer, axis, extent) for axis, extent in zip(channels, shape, strict=True)]
                theirs = first.setdefault(shared, own)
                if [len(nodes) for nodes in own] == [len(nodes) for nodes in theirs]:
                    yield from zip(own, theirs, strict=True)
                else:
                    # As many values under another shape: no entries of one are whole channels of the other.
                    yield from ((nodes, np.array(0)) for nodes in (*own, *theirs))

    def _along(self, layer: Layer, axis: ChannelAxis | None, extent: int) -> Array:
        """Return the nodes of the entries along an axis of a weight, 0 where it runs over no channels."""
        nodes = self.nodes(channel_blob(layer, axis)) if axis is not None else ()
        return nodes[axis.channels] if axis is not None and len(nodes) else np.zeros(extent, int)
