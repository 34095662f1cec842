"""Which channels of a net's blobs stand and fall together, by the layers' own channel rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xdn.errors import UnsupportedError
from xdn.graph import Array, ChannelAxis, ChannelRule, Layer, Move, Net, Side
from xdn.graph.reading import require_f32

#: The unit of channels that can never go: those of inputs and outputs, and of layers whose rule is FIXED.
LOCKED = 0


@dataclass(frozen=True)
class Lock:
    """What keeps channels.

    Parameters
    ----------
    layer, type : str
        The layer that does.
    why : str
        What it does with them, a clause whose subject is the layer.
    """

    layer: str
    type: str
    why: str

    def __str__(self) -> str:
        return f"{self.layer!r} ({self.type}) {self.why}"


def require_plain(net: Net, what: str, doing: str) -> None:
    """Raise UnsupportedError where a layer does not compute with f32, or holds what post-fusion appended.

    `what` takes none such, a clause without object; `doing` what is refused comes before fusing, an imperative.
    """
    require_f32(net.layers, what)
    for layer in net.layers:
        if layer.epilogue is not None:
            what, mend = "it holds a fused sum or activation", f"{doing} before fusing it"
            raise UnsupportedError(what, where=layer.place, mend=mend)


def tied_units(net: Net) -> dict[str, Array]:
    """Return blob name -> (C,) the unit of each channel: channels of one unit, of any blobs, can only go together.

    The source of the idea is Fang et al., "DepGraph: Towards Any Structural Pruning" (2023); here the dependencies
    are those of single channels, so that concatenations and flattened maps need no rule of their own.

    Raises
    ------
    UnsupportedError
        A layer holds what post-fusion appended, reads 8-bit integers, or has the weight of a codebook.
    """
    require_plain(net, "pruning does not take", "Prune")
    for layer in net.layers:
        if layer.block:
            mend = "Delete its codebook (xdn_param) from the prototxt; make codebooks after pruning"
            raise UnsupportedError("its weight is a codebook's", where=layer.place, mend=mend)
    ties = Ties(net)
    locks = (np.stack([nodes, np.zeros_like(nodes)], -1) for nodes, _ in ties.locks)
    component = ties.components(np.concatenate([ties.edges, *locks]))
    units = np.where(component == component[0], LOCKED, component + 1)
    return {blob: units[ties.nodes(blob)] for blob in net.blobs}


def channel_axes(net: Net) -> dict[str, int]:
    """Return blob name -> the axis along which its channels lie.

    It is another one than 1 after a Permute or a Reshape that lays them there, where all that reads the blob can
    follow them and it is not an output of the net.
    """
    stuck = set(net.outputs)
    while True:
        axes: dict[str, int] = {}
        astray = set()
        for layer in net.layers:
            move = move_of(net, layer, axes)
            if move is None or (move.axis != 1 and not stuck.isdisjoint(layer.tops)):
                astray |= {name for name in layer.bottoms if axes[name] != 1}
                axes |= dict.fromkeys(layer.tops, 1)
            else:
                axes[layer.tops[0]] = move.axis
        if not astray:
            return axes
        stuck |= astray


def move_of(net: Net, layer: Layer, axes: Mapping[str, int]) -> Move | None:
    """Return where the channels of the bottom of `layer` lie in its top, where its channel rule does not say so."""
    if layer.params.is_input or len(layer.bottoms) != 1 or len(layer.tops) != 1:
        return None
    bottoms, axis = net.bottom_blobs(layer), axes[layer.bottoms[0]]
    if axis == 1 and layer.params.channel_rule_for(bottoms) is not ChannelRule.FIXED:
        return None
    return layer.params.moved(axis, bottoms[0])


def channel_blob(layer: Layer, axis: ChannelAxis) -> str:
    """Return the blob whose channels an axis of a weight runs over."""
    return (layer.tops if axis.side is Side.TOP else layer.bottoms)[0]


def axis_on(axes: Sequence[ChannelAxis | None], side: Side) -> tuple[int, ChannelAxis]:
    """Return the number of the axis of a weight that runs over the channels on a side, and the axis."""
    return next((number, axis) for number, axis in enumerate(axes) if axis is not None and axis.side is side)


class Ties:
    """A node for each channel of each blob, what ties nodes to one another, and what locks them.

    Node 0 belongs to no blob.

    Parameters
    ----------
    net : Net

    Attributes
    ----------
    count : int
        Nodes are numbered below this.
    axes : dict
        As `channel_axes` gives them.
    locks : list of ((N,) nodes, Lock)
        Nodes that can never go, and why.
    bonds : list of ((N,) nodes, Lock)
        Nodes of one blob of which some can go together only, and by which layer.
    """

    def __init__(self, net: Net):
        self.net, self.count, self.axes = net, 1, channel_axes(net)
        self.locks: list[tuple[Array, Lock]] = []
        self.bonds: list[tuple[Array, Lock]] = []
        self._edges, self._first = [np.zeros((0, 2), int)], dict[str, int]()
        for name, blob in net.blobs.items():
            if len(blob.shape) > 1:
                self._first[name] = self.count
                self.count += blob.shape[self.axes[name]]
        for name in net.inputs:
            self._lock(self.nodes(name), net.producers[name], "is an input of the net")
        for name in net.outputs:
            self._lock(self.nodes(name), net.producers[name], f"gives {name!r}, an output of the net")
        for layer in net.layers:
            if not layer.params.is_input:
                self._add_layer(layer)
        self._add_shared_weights()

    @property
    def edges(self) -> Array:
        """(E, 2) nodes that belong together; the locks are not among them."""
        return np.concatenate(self._edges)

    def nodes(self, blob: str) -> Array:
        """Return the (C,) nodes of the blob's channels, none of a blob without channels."""
        if blob not in self._first:
            return np.zeros(0, int)
        return self._first[blob] + np.arange(self.net.blobs[blob].shape[self.axes[blob]])

    def components(self, edges: Array) -> Array:
        """Return for each node (count,) the number of what it is connected with by `edges` (E, 2)."""
        # What only reads results of pruning does without.
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        graph = coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(self.count, self.count))
        found: Array = connected_components(graph, directed=False)[1]
        return found

    def _lock(self, nodes: Array, layer: Layer, why: str) -> None:
        if len(nodes):
            self.locks.append((nodes, Lock(layer.name, layer.type, why)))

    def _tie(self, some: Array, others: Array) -> None:
        self._edges.append(np.stack([some, others], -1))

    def _bind(self, nodes: Array, labels: Array, layer: Layer, why: str) -> None:
        """Tie the nodes of one label."""
        _, first, label = np.unique(labels, return_index=True, return_inverse=True)
        self._tie(nodes, nodes[first][label])
        if len(first) < len(nodes):
            self.bonds.append((nodes, Lock(layer.name, layer.type, why)))

    def _add_layer(self, layer: Layer) -> None:
        params, bottoms = layer.params, self.net.bottom_blobs(layer)
        rule, move = params.channel_rule_for(bottoms), move_of(self.net, layer, self.axes)
        if move is not None and self.axes[layer.tops[0]] == move.axis:
            bottom, top = self.nodes(layer.bottoms[0]), self.nodes(layer.tops[0])
            self._bind(bottom, move.labels, layer, "lays out whole rows only")
            _, first = np.unique(move.labels, return_index=True)
            self._tie(top, bottom[first[move.channels]])
        elif rule is ChannelRule.FIXED:
            # What reads shapes only does so along the axes of positions: PriorBox.
            for name in (*(() if params.reads_shapes_only else layer.bottoms), *layer.tops):
                self._lock(self.nodes(name), layer, params.why_fixed(bottoms))
        elif rule is ChannelRule.FILTERS:
            top, bottom = self.nodes(layer.tops[0]), self.nodes(layer.bottoms[0])
            labels = np.concatenate(params.tied_channels(bottoms))
            self._bind(np.concatenate([top, bottom]), labels, layer, "takes as many channels from each of its groups")
        else:
            self._bind(self.nodes(layer.bottoms[0]), params.bound_channels(bottoms), layer, "deals out whole rows only")
            for number, name in enumerate(layer.bottoms):
                carried = params.channel_map(number, bottoms)
                for place, top_name in enumerate(layer.tops):
                    part = carried[params.carried_part(place, len(layer.tops), bottoms)]
                    some = part >= 0
                    self._tie(self.nodes(top_name)[some], self.nodes(name)[part[some]])

    def _add_shared_weights(self) -> None:
        """Weights under one name lose the same entries in every layer that has them, or none."""
        first: dict[str, tuple[Layer, list[Array]]] = {}
        for layer in self.net.layers:
            axes = layer.params.weight_channels(self.net.bottom_blobs(layer))
            for shared, (name, shape) in zip(layer.shared, self.net.weight_shapes(layer).items(), strict=False):
                if not shared:
                    continue
                channels = axes.get(name, (None,) * len(shape))
                own = [self._along(layer, axis, extent) for axis, extent in zip(channels, shape, strict=True)]
                other, theirs = first.setdefault(shared, (layer, own))
                if other is not layer:
                    self._share(layer, own, other, theirs)

    def _share(self, layer: Layer, own: list[Array], other: Layer, theirs: list[Array]) -> None:
        """Tie the entries along the axes of a weight that `layer` shares with the `other`."""
        why = f"shares weights with {other.name!r}, of which they are not channels"
        alike = [len(nodes) for nodes in own] == [len(nodes) for nodes in theirs]
        for nodes, them in zip(own, theirs, strict=False) if alike else ():
            both = (nodes > 0) & (them > 0)
            self._tie(nodes[both], them[both])
            self._lock(np.concatenate([nodes[them == 0], them[nodes == 0]]), layer, why)
        if not alike:
            # As many values under another shape: no entries of one are whole channels of the other.
            self._lock(np.concatenate([*own, *theirs]), layer, why)

    def _along(self, layer: Layer, axis: ChannelAxis | None, extent: int) -> Array:
        """Return the nodes of the entries along an axis of a weight, 0 where it runs over no channels."""
        nodes = self.nodes(channel_blob(layer, axis)) if axis is not None else ()
        return nodes[axis.channels] if axis is not None and len(nodes) else np.zeros(extent, int)
