"""Cut a net where images meet: into nets whose layers treat each image alone, and layers that take whole arrays.

A backend gives every image memory of its own, which supposes that axis 0 of all blobs is one batch. Detectors break
that: their boxes have a batch of their own, and what picks them reads all images at once. Layers that the backend does
not take break it too. Such a layer is a part by itself, computed on whole arrays (`xdn/kernels/whole/`)::

    data -> [ conv ... rpn ] -> Proposal -> rois
            [ conv ... rpn ] ------------> ROIPooling -> [ fc ... softmax ]
            a net, batch N      whole      whole          a net, batch of the boxes

Parts have levels, so that as many layers as possible share a net: nets are at even levels, whole layers at odd ones,
and every layer comes after what it reads.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from xdn.element import REAL, Element, real
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Blob, Layer, Net, Shape
from xdn.graph.naming import free_name
from xdn.graph.net import infer
from xdn.graph.reading import is_carried
from xdn.kernels.core.tables import sharing
from xdn.kernels.whole.layers import compute_whole
from xdn.memory import Need

#: What stands for a batch of unknown size in two rounds. A blob whose axis 0 is the same pair in both has that batch.
_PROBES = (
    *((2, 7), (3, 11), (5, 13), (4, 17), (6, 19), (8, 23), (9, 29), (10, 31)),
    *((12, 37), (14, 41), (15, 43), (16, 47), (18, 53), (20, 59), (21, 61), (22, 67)),
)


@dataclass(frozen=True, eq=False)
class NetPart:
    """Layers that treat images alone, as a net of their own: its inputs are what the parts before it gave."""

    net: Net

    @property
    def reads(self) -> tuple[str, ...]:
        """The blobs that the part needs."""
        return tuple(self.net.inputs)

    @property
    def gives(self) -> tuple[str, ...]:
        """The blobs that it can give."""
        return tuple(top for layer in self.net.layers if not layer.params.is_input for top in layer.tops)


@dataclass(frozen=True, eq=False)
class WholePart:
    """A layer that is computed on whole arrays; once, where only the shapes of its bottoms count and these stay."""

    layer: Layer
    #: Shapes of the bottoms -> the tops, of the latest run of a layer that reads nothing else.
    _known: dict[tuple[Shape, ...], tuple[Array, ...]] = field(default_factory=dict, init=False, repr=False)

    @property
    def reads(self) -> tuple[str, ...]:
        """The blobs whose values the part needs."""
        return () if self.layer.params.reads_shapes_only else self.layer.bottoms

    @property
    def gives(self) -> tuple[str, ...]:
        """The blobs that it gives."""
        return self.layer.tops

    def compute(self, blobs: Mapping[str, Array], shapes: Mapping[str, Blob]) -> dict[str, Array]:
        """Return the tops; `shapes` are those of the blobs whose values are not needed."""
        layer = self.layer
        if layer.params.reads_shapes_only:
            tops = self._of_shapes(tuple(shapes[name].shape for name in layer.bottoms))
        else:
            tops = compute_whole(layer, [blobs[name] for name in layer.bottoms])
        return dict(zip(layer.tops, tops, strict=True))

    def _of_shapes(self, shapes: tuple[Shape, ...]) -> tuple[Array, ...]:
        """Return the tops for bottoms of `shapes`, which their reader may overwrite."""
        made = self._known.get(shapes)
        if made is None:
            made = compute_whole(self.layer, [np.broadcast_to(real(0), shape) for shape in shapes])
            self._known.clear()
            self._known[shapes] = made
        return tuple(top.copy() for top in made)


Part = NetPart | WholePart
#: What a cut depends on, as `cut_key` gives it.
CutKey = tuple[Shape | int, ...]
#: Says of a layer whether the backend computes it; its bottoms and tops are among the blobs.
Takes = Callable[[Layer, Mapping[str, Blob]], bool]


class _Batches:
    """Which batch each blob has: a number, None where there are more batches than probes.

    Inputs that declare one batch share it. What a whole layer gives may have another, of which nothing is known before
    it runs (a detector's boxes): it is probed anew from there on.
    """

    def __init__(self, net: Net):
        self._net = net
        self._numbers: dict[object, int] = {}
        #: Blob -> its shape in each round.
        self._known: dict[str, Sequence[Blob]] = {}
        self.of: dict[str, int | None] = {}
        for name, blob in net.inputs.items():
            self._enter(name, (blob, blob), ("declared", blob.shape[:1]))

    def _enter(self, name: str, blobs: Sequence[Blob], key: object) -> None:
        """Give a blob a batch that is known by `key`; `blobs` are its shapes in the two rounds."""
        number = self._numbers.setdefault(key, len(self._numbers))
        probed = number < len(_PROBES) and bool(blobs[0].shape)
        self.of[name] = number if probed else None
        if probed:
            blobs = [replace(blob, shape=(n, *blob.shape[1:])) for n, blob in zip(_PROBES[number], blobs, strict=True)]
        self._known[name] = blobs

    def read(self, layer: Layer) -> int | None:
        """Return the one batch of all that a layer reads and writes, None where there is none."""
        read = {self.of[name] for name in layer.bottoms}
        tops = self._tops(layer)
        batch = read.pop() if len(read) == 1 else None
        if batch is None or tops is None or any(_axis_0(top) != _PROBES[batch] for top in tops):
            return None
        for name, blobs in zip(layer.tops, tops, strict=True):
            self.of[name], self._known[name] = batch, blobs
        return batch

    def renew(self, layer: Layer) -> None:
        """Learn the tops of a layer that is computed on whole arrays: their batch is what it was, or a new one.

        A new one is each top's own: tops that are as long as others, or as others of another layer, need not be so for
        images of another size.
        """
        tops = self._tops(layer) or [(self._net.blobs[name],) * 2 for name in layer.tops]
        for name, blobs in zip(layer.tops, tops, strict=True):
            pair = _axis_0(blobs)
            known = [key for key, number in self._numbers.items() if _PROBES[number : number + 1] == (pair,)]
            self._enter(name, blobs, known[0] if known else name)

    def _tops(self, layer: Layer) -> list[tuple[Blob, ...]] | None:
        """Return each top's shapes in the two rounds, None where the layer takes no batch but the declared one."""
        try:
            return list(zip(*(infer(layer, self.sized(layer.bottoms, number)) for number in (0, 1)), strict=True))
        except ShapeError:
            return None

    def sized(self, names: Iterable[str], number: int) -> dict[str, Blob]:
        """Return blobs as they are in the round of a number."""
        return {name: self._known[name][number] for name in names}


def _axis_0(blobs: Sequence[Blob]) -> tuple[int, ...]:
    """Return the extents of axis 0 in the two rounds, empty of a blob without axes."""
    return tuple(blob.shape[0] for blob in blobs if blob.shape)


def cut_key(shapes: Mapping[str, Shape]) -> CutKey:
    """Return what a cut for inputs of `shapes` depends on: the sizes of images, and which inputs have one batch."""
    batches = [shape[:1] for shape in shapes.values()]
    return (*(shape[1:] for shape in shapes.values()), *map(batches.index, batches))


@sharing()
def cut(net: Net, takes: Takes) -> tuple[Part, ...]:
    """Return the parts of a net, in the order in which they run; a single `NetPart` of the net itself for most nets.

    Parameters
    ----------
    net : Net
    takes : callable
        As `xdn.runtime.backend.Backend` has it; whatever it declines is computed on whole arrays.
    """
    batches = _Batches(net)
    level = dict.fromkeys(net.inputs, 0)
    homes: dict[tuple[int, int], list[Layer]] = {}
    whole: list[tuple[int, Layer]] = []
    constant: set[str] = set()
    for layer in net.layers:
        if layer.params.is_input:
            continue
        if layer.params.reads_shapes_only or constant.issuperset(layer.bottoms):
            constant.update(layer.tops)
        batch = batches.read(layer)
        after = max((level[name] for name in layer.bottoms), default=0)
        # What no image changes is not work for the backend.
        planned = batch is not None and constant.isdisjoint(layer.tops)
        if planned and takes(layer, batches.sized((*layer.bottoms, *layer.tops), 0)):
            own = after + after % 2
            homes.setdefault((own, batch or 0), []).append(layer)
        else:
            own = after + 1 - after % 2
            _require_values(layer, net.bottom_blobs(layer))
            whole.append((own, layer))
            batches.renew(layer)
        level.update(dict.fromkeys(layer.tops, own))
    if not whole and len(homes) <= 1 and len({batches.of[name] for name in net.inputs}) == 1:
        return (NetPart(net),)
    parts: list[tuple[int, Part]] = [(own, NetPart(_part_of(net, layers))) for (own, _), layers in homes.items()]
    parts += [(own, WholePart(layer)) for own, layer in whole]
    return tuple(part for _, part in sorted(parts, key=lambda item: item[0]))


def _require_values(layer: Layer, bottoms: Sequence[Blob]) -> None:
    """Raise UnsupportedError where a layer that computes with values is given other numbers."""
    others = {blob.element for blob in bottoms} - {REAL}
    if others and not layer.quantized and not is_carried(layer, bottoms):
        named = ", ".join(sorted(element.name for element in others))
        raise UnsupportedError(f"no kernel executes this layer on {named}", where=layer.place)


def parts_needs(parts: Sequence[Part], outputs: Sequence[str], shapes: Mapping[str, Blob]) -> list[Need]:
    """Return what a run in parts takes beside the nets' own: what goes from part to part, and the largest whole layer.

    Parameters
    ----------
    parts : sequence of Part
    outputs : sequence of str
        That are asked for.
    shapes : mapping
        Blob -> shape, of all images.
    """
    passed = {*outputs, *(name for part in parts for name in part.reads)}
    needs, own = [], []
    for part in parts:
        if isinstance(part, NetPart):
            needs += [Need(name, shapes[name].bytes) for name in part.gives if name in passed]
        else:
            layer = part.layer
            bottoms, tops = ([shapes[name] for name in names] for names in (layer.own_bottoms, layer.tops))
            needs += [Need(layer.place, top.bytes) for top in tops]
            own.append(Need(layer.place, layer.params.reference_bytes(bottoms, tops)))
    return [*needs, *sorted(own, key=lambda need: need.size)[-1:]]


def _part_of(net: Net, layers: Sequence[Layer]) -> Net:
    """Return some layers of a net as a net of their own."""
    written = {top for layer in layers for top in layer.tops}
    read = dict.fromkeys(name for layer in layers for name in layer.bottoms if name not in written)
    names = {layer.name for layer in layers}
    # Blobs that hold numbers of one kind, f32 or integers of one scale, are the tops of one layer.
    kinds: dict[tuple[Element, float], list[str]] = {}
    for name in read:
        kinds.setdefault((net.blobs[name].element, net.blobs[name].scale), []).append(name)
    inputs, kind = [], type(net.input_layers[0].params)
    for (element, scale), tops in kinds.items():
        shapes = tuple((1, *net.blobs[name].shape[1:]) for name in tops)
        params = kind(shape=shapes, element=element, scale=scale)  # type: ignore[call-arg]
        inputs.append(Layer(free_name("input", names), params, (), tuple(tops)))
    return Net(net.name, (*inputs, *layers), folder=net.folder)
