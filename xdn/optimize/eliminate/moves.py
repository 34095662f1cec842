"""Post-fusion: say chains of layers that only move values with as few of them as it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from xdn.errors import ShapeError
from xdn.graph import Blob, Layer, Net
from xdn.graph.naming import free_name
from xdn.graph.net import infer
from xdn.layers.flatten import Flatten
from xdn.layers.permute import Permute
from xdn.layers.reshape import Reshape
from xdn.layers.slice import Slice
from xdn.optimize.edits import Edits
from xdn.optimize.eliminate.dead import EliminateDead
from xdn.optimize.eliminate.identity import larger
from xdn.optimize.eliminate.pieces import Pieces, Step, UndividedError, steps_between
from xdn.optimize.match import is_plain, names
from xdn.optimize.stage import POST_FUSION, STAGES, Rewrite, Stage


@STAGES.register("eliminate-moves")
class EliminateMoves(Stage):
    """Say chains of Reshape, Flatten, Permute and Slice with fewer copies: Slice, Reshape, Permute, Reshape.

    Axes are split into pieces that move as a whole, such as the channels of a head: the last blob of a chain is the
    pieces of its first one, some of them cut, in another order. A Reshape that leaves the channels costs nothing, and
    chains that cut the same axis of a blob share a Slice.
    """

    group = POST_FUSION

    def apply(self, net: Net) -> Rewrite:
        """Look at the last layer of each chain."""
        edits, made = Edits(), {}
        taken = _Taken({*net.blobs}, {layer.name for layer in net.layers})
        for layer in net.layers:
            chain = _chain(net, layer)
            if chain is None:
                continue
            steps = _steps(net, chain)
            if steps is not None and _copies(steps) < _copies(_as_steps(net, chain)):
                made[layer.name] = _layers(chain, steps, taken)
                edits.change(layer, f"moves with {names(chain[:-1])} in {_copies(steps)} copies")
        if not made:
            return Rewrite(net)
        layers = [each for layer in net.layers for each in made.get(layer.name, (layer,))]
        moved = EliminateDead().apply(net.replace(layers=tuple(layers), outputs=net.outputs)).net
        # Chains that begin with the same layers may leave nothing for these to do; of others nothing reads the last.
        left = {layer.name for layer in moved.layers}
        changes = tuple(note for note in edits.changes if note.layer in left)
        return Rewrite(_with_joined_slices(moved), changes) if changes else Rewrite(net)


@dataclass(frozen=True)
class _Taken:
    """The names of blobs and of layers that are taken."""

    blobs: set[str]
    layers: set[str]


def _copies(steps: Sequence[Step]) -> int:
    """Return how many of the steps move values in memory."""
    return sum(step.copies for step in steps)


def _chain(net: Net, last: Layer) -> list[Layer] | None:
    """Return the layers, two at least, that move the values of `last` one after the other, which is the last."""
    readers = net.consumers[last.tops[0]]
    if isinstance(last.params, Slice) or not _moves(net, last):
        return None
    if len(readers) == 1 and last.tops[0] not in net.outputs and _moves(net, readers[0]):
        return None
    found = [last]
    while _moves(net, before := net.producers[found[0].bottoms[0]]):
        found.insert(0, before)
    return found if len(found) > 1 and _is_fixed(net, found) else None


def _moves(net: Net, layer: Layer) -> bool:
    """Return whether a layer gives values of its bottom to its tops, each image's to that image."""
    if not isinstance(layer.params, (Reshape, Flatten, Permute, Slice)) or not is_plain(layer):
        return False
    bottom = net.blobs[layer.bottoms[0]]
    twice = Blob((2 * bottom.shape[0], *bottom.shape[1:]), bottom.element)
    try:
        tops = infer(layer, {layer.bottoms[0]: twice})
    except ShapeError:
        return False
    shapes = [net.blobs[top].shape for top in layer.tops]
    # As many images as before: a Flatten of all axes gives more, and more of twice as many.
    wanted = [(2 * shape[0], *shape[1:]) for shape in shapes if shape[:1] == bottom.shape[:1]]
    return [top.shape for top in tops] == wanted and not _along_images(layer, bottom)


def _along_images(layer: Layer, bottom: Blob) -> bool:
    """Return whether a Permute lays the batch elsewhere; of another layer the shapes tell it."""
    return isinstance(layer.params, Permute) and layer.params.axes(bottom)[0] != 0


def _is_fixed(net: Net, chain: Sequence[Layer]) -> bool:
    """Return whether the chain moves blobs of the same shapes in images of any size that it takes."""
    first, last = chain[0].bottoms[0], chain[-1].tops[0]
    return all(
        known[first].shape == net.blobs[first].shape for known in larger(net) if first in known and last in known
    )


def _as_steps(net: Net, chain: Sequence[Layer]) -> list[Step]:
    """Return the layers of a chain as steps."""
    return [
        Step(layer.params, net.blobs[layer.bottoms[0]].shape, net.blobs[top].shape, layer.tops.index(top))
        for layer, top in zip(chain, _tops(chain), strict=True)
    ]


def _tops(chain: Sequence[Layer]) -> list[str]:
    """Return the top of each layer that the next one reads."""
    return [*(layer.bottoms[0] for layer in chain[1:]), chain[-1].tops[0]]


def _steps(net: Net, chain: Sequence[Layer]) -> list[Step] | None:
    """Return steps that move what the chain does; None where its axes do not divide into pieces."""
    source, target = net.blobs[chain[0].bottoms[0]].shape, net.blobs[chain[-1].tops[0]].shape
    pieces = Pieces(source)
    try:
        for layer, top in zip(chain, _tops(chain), strict=True):
            pieces.follow(layer, net.blobs[layer.bottoms[0]], layer.tops.index(top), net.blobs[top].shape)
    except UndividedError:
        return None
    return list(steps_between(pieces, source, target))


def _layers(chain: Sequence[Layer], steps: Sequence[Step], taken: _Taken) -> list[Layer]:
    """Return the layers that are the steps; the last one takes the name and the top of the chain's."""
    last, blob, made = chain[-1], chain[0].bottoms[0], []
    for number, (params, _, _, top) in enumerate(steps, 1):
        ends = number == len(steps)
        count = len(params.slice_point) + 1 if isinstance(params, Slice) else 1
        name = last.name if ends else free_name(f"{last.name}/{number}", taken.layers)
        tops = [last.tops[0] if ends and each == top else free_name(name, taken.blobs) for each in range(count)]
        made.append(Layer(name, params, (blob,), tuple(tops)))
        blob = tops[top]
    return made


def _with_joined_slices(net: Net) -> Net:
    """Return the net with one Slice for all that cut an axis of a blob, where what is read of them is disjoint."""
    alike: dict[tuple[str, int], list[Layer]] = {}
    for layer in net.layers:
        if isinstance(layer.params, Slice) and is_plain(layer):
            alike.setdefault((layer.bottoms[0], layer.params.along(net.blobs[layer.bottoms[0]])), []).append(layer)
    edits = Edits()
    for (_, axis), (first, *others) in alike.items():
        joined = _joined(net, axis, [first, *others]) if others else None
        if joined is not None:
            edits.made[first.name] = joined
            edits.change(first, f"cuts with {names(others)}", others)
    return edits.rewrite(net).net


def _joined(net: Net, axis: int, slices: Sequence[Layer]) -> Layer | None:
    """Return the Slice that gives all tops that are read of several; None where these have entries in common."""
    extent, read, spare = net.blobs[slices[0].bottoms[0]].shape[axis], {}, []
    for layer in slices:
        ends = layer.params.ends(net.blobs[layer.bottoms[0]], len(layer.tops))  # type: ignore[attr-defined]
        for part, top in zip(pairwise(ends), layer.tops, strict=True):
            if not net.consumers[top] and top not in net.outputs:
                spare.append(top)
            elif part in read:
                return None
            else:
                read[part] = top
    if any(before[1] > after[0] for before, after in pairwise(sorted(read))):
        return None
    points = sorted({point for part in read for point in part} - {0, extent})
    # Before and after a part that is read lies one that is not, or another: there is a name for each.
    tops = [read.get(part) or spare.pop() for part in pairwise((0, *points, extent))]
    return slices[0].replace(params=Slice(axis=axis, slice_point=tuple(points)), tops=tuple(tops))
