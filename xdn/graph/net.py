"""The layer graph: immutable, topologically ordered, every blob written once."""

import hashlib
from collections.abc import Container, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from xdn import memory
from xdn.errors import NetError, ShapeError, UnsupportedError, WeightsError, placed
from xdn.graph.blob import Array, Blob, Shape
from xdn.graph.layer import Layer
from xdn.graph.reading import as_carried, as_stored, as_values, check_form, is_carried, scale_shapes
from xdn.memory import Need


@dataclass(frozen=True, eq=False)
class Net:
    """A network: layers in topological order and the blobs that it gives.

    Inputs are the tops of its Input layers. Shapes are inferred at the first look at `blobs`.

    Parameters
    ----------
    name : str
        The net's name, may be empty.
    layers : tuple of Layer
        Topological order, single assignment.
    outputs : tuple of str
        Blobs that `forward` returns; where empty, every blob that no layer reads.
    folder : Path, optional
        Where the prototxt lay; relative mean files are looked for there.
    """

    name: str
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...] = ()
    folder: Path | None = None

    def __post_init__(self) -> None:
        if not self.outputs:
            read = {bottom for layer in self.layers for bottom in layer.bottoms}
            free = tuple(top for layer in self.layers for top in layer.tops if top not in read)
            object.__setattr__(self, "outputs", free)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy the fields; what was derived from them is derived again."""
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    def replace(self, **changes: Any) -> "Net":
        """Return a copy with `changes` made."""
        return replace(self, **changes)

    def layer(self, name: str) -> Layer:
        """Return the layer called `name`."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise NetError(f"the net {self.name!r} has no layer {name!r}")

    @cached_property
    def input_layers(self) -> tuple[Layer, ...]:
        """The layers that declare the net's inputs."""
        return tuple(layer for layer in self.layers if layer.params.is_input)

    @cached_property
    def inputs(self) -> Mapping[str, Blob]:
        """Name -> blob of the net's inputs, in order."""
        return MappingProxyType({top: self.blobs[top] for layer in self.input_layers for top in layer.tops})

    @cached_property
    def producers(self) -> Mapping[str, Layer]:
        """Blob name -> the layer that writes it."""
        return MappingProxyType({top: layer for layer in self.layers for top in layer.tops})

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Layer, ...]]:
        """Blob name -> the layers that read it, one entry a reading."""
        readers: dict[str, list[Layer]] = {top: [] for top in self.producers}
        for layer in self.layers:
            for bottom in layer.bottoms:
                readers.setdefault(bottom, []).append(layer)
        return MappingProxyType({name: tuple(found) for name, found in readers.items()})

    @cached_property
    def blobs(self) -> Mapping[str, Blob]:
        """Blob name -> shape and element, by the layers' own shape rules."""
        known: dict[str, Blob] = {}
        for layer in self.layers:
            known.update(zip(layer.tops, infer(layer, known), strict=True))
        return MappingProxyType(known)

    def bottom_blobs(self, layer: Layer) -> list[Blob]:
        """Return the blobs that `layer` reads, that of its epilogue left out."""
        return [self.blobs[name] for name in layer.own_bottoms]

    def added_blobs(self, layer: Layer) -> list[Blob]:
        """Return the blob that the epilogue of `layer` reads, none where it reads none."""
        return [self.blobs[name] for name in layer.added_bottoms]

    def top_blobs(self, layer: Layer) -> list[Blob]:
        """Return the blobs that `layer` writes."""
        return [self.blobs[name] for name in layer.tops]

    @cached_property
    def joining(self) -> tuple[Layer, ...]:
        """The layers that join images: results depend on which images, and how many, run together."""
        return tuple(layer for layer in self.layers if layer.params.joins_images(self.bottom_blobs(layer)))

    def weight_shapes(self, layer: Layer) -> dict[str, Shape]:
        """Return name -> shape of the weights that `layer` must have: its own, its epilogue's, its integers' scales."""
        shapes = layer.params.weight_shapes(self.bottom_blobs(layer))
        if layer.epilogue is not None:
            shapes |= layer.epilogue.weight_shapes(self.top_blobs(layer)[0], self.added_blobs(layer))
        return shapes | scale_shapes(layer, shapes) if layer.integer_weights else shapes

    def reshape(self, shapes: Mapping[str, Shape]) -> "Net":
        """Return the net with other input shapes."""
        for name in shapes:
            if name not in self.inputs:
                raise NetError(f"the net has no input {name!r}", mend=f"Its inputs: {', '.join(self.inputs)}")

        def resized(layer: Layer) -> Layer:
            if layer not in self.input_layers:
                return layer
            new = tuple(tuple(shapes.get(top, self.blobs[top].shape)) for top in layer.tops)
            return layer.replace(params=replace(layer.params, shape=new))  # type: ignore[type-var]

        return self.replace(layers=tuple(resized(layer) for layer in self.layers))

    def with_batch(self, n: int) -> "Net":
        """Return the net with `n` images a batch."""
        return self.reshape({name: (n, *blob.shape[1:]) for name, blob in self.inputs.items()})

    def with_images(self, n: int) -> "Net":
        """Return the net with `n` images a batch in the inputs that declare the batch of the first one; others stay."""
        return self.reshape({name: (n, *self.inputs[name].shape[1:]) for name in self.inputs_of_images})

    @cached_property
    def inputs_of_images(self) -> tuple[str, ...]:
        """The inputs that declare the batch of the first one."""
        batch = next(iter(self.inputs.values())).shape[:1]
        return tuple(name for name, blob in self.inputs.items() if blob.shape and blob.shape[:1] == batch)

    @cached_property
    def structure_digest(self) -> str:
        """SHA-256 over structure and parameters: of everything that decides how long the net takes."""
        return self._digest(weights=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over structure, parameters and weights; names of files play no part."""
        return self._digest(weights=True)

    def _digest(self, weights: bool) -> str:
        sha = hashlib.sha256()
        for layer in self.layers:
            sha.update(repr((layer.name, layer.params, layer.bottoms, layer.tops, layer.epilogue)).encode())
            if layer.quantized or layer.stored:
                sha.update(repr((layer.quantized, layer.stored)).encode())
            if layer.block and weights:
                sha.update(repr(("block", layer.block)).encode())
            for name, array in layer.weights.items() if weights else ():
                sha.update(repr((name, array.shape)).encode())
                sha.update(np.ascontiguousarray(array).data)
        sha.update(repr(self.outputs).encode())
        return sha.hexdigest()

    def with_weights(self, weights: Mapping[str, Mapping[str, Array]]) -> "Net":
        """Return the net with the weights of some layers replaced, by the layers' names; the others keep theirs."""
        return self.replace(
            layers=tuple(
                layer.replace(weights=weights[layer.name]) if layer.name in weights else layer for layer in self.layers
            )
        )

    def without_weights(self) -> "Net":
        """Return the net's structure: every layer without its weights."""
        return self.with_weights({layer.name: {} for layer in self.layers})

    @property
    def has_weights(self) -> bool:
        """Whether no layer lacks weights."""
        return not any(map(self._missing, self.layers))

    def require_weights(self) -> None:
        """Raise WeightsError for the first layer that lacks weights."""
        for layer in self.layers:
            if missing := self._missing(layer):
                mend = "Name the caffemodel with --weights, or ask for random ones (xdn-run --random-weights)"
                raise WeightsError(f"no weights ({', '.join(missing)})", where=layer.place, mend=mend)

    def _missing(self, layer: Layer) -> list[str]:
        """Return the names of the weights that a layer lacks."""
        return [name for name in self.weight_shapes(layer) if name not in layer.weights]

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run the NumPy references; return name -> array of every blob, inputs included.

        The oracle for kernels and stages: slow, plain, as Caffe computes it.

        Raises
        ------
        MemoryLimitError
            Where the blobs of these inputs are too large.
        """
        self.require_weights()
        memory.require(reference_needs(self), "computing the net's blobs by their references")
        blobs: dict[str, Array] = {
            name: np.asarray(inputs[name], blob.element.numpy) for name, blob in self.inputs.items()
        }
        for layer in self.layers:
            if layer not in self.input_layers:
                tops = layer.forward([blobs[name] for name in layer.bottoms])
                blobs.update(zip(layer.tops, tops, strict=True))
        return blobs


def reference_needs(net: Net) -> list[Need]:
    """Return what `Net.forward` takes: all blobs, and what the most demanding layer takes for itself."""
    needs = [Need(layer.place, sum(blob.bytes for blob in net.top_blobs(layer))) for layer in net.layers]
    own = [Need(layer.place, _reference_bytes(net, layer)) for layer in net.layers if not layer.params.is_input]
    return [*needs, *sorted(own, key=lambda need: need.size)[-1:]]


def _reference_bytes(net: Net, layer: Layer) -> int:
    taken = layer.params.reference_bytes(net.bottom_blobs(layer), net.top_blobs(layer))
    return 2 * taken if layer.quantized else taken  # sums of integers are computed in f64, and bf16 is loaded as f32


def check_bottoms(layer: Layer, known: Container[str]) -> None:
    """Raise NetError for the first bottom of a layer that is not among the `known` blobs."""
    for bottom in layer.bottoms:
        if bottom not in known:
            mend = "No layer before this one gives it: the file may be a part of a net, or lack its data layer"
            raise NetError(f"unknown bottom blob {bottom!r}", where=layer.place, mend=mend)


def infer(layer: Layer, known: Mapping[str, Blob]) -> tuple[Blob, ...]:
    """Return the tops' blobs of a layer; `known` are its bottoms.

    Raises
    ------
    NetError, ShapeError, UnsupportedError
        Naming the layer.
    """
    check_bottoms(layer, known)
    own, read = len(layer.own_bottoms), [known[b] for b in layer.bottoms]
    # Every layer of every size that a net is asked for passes here: what is for errors alone is done after one.
    try:
        if layer.quantized:
            read = as_values(layer, read)
        bottoms, added = read[:own], read[own:]
        tops = layer.params.infer(bottoms, len(layer.tops))
        if layer.epilogue is not None:
            layer.epilogue.check(tops, added)
        if layer.quantized:
            check_form(layer, read)
        if is_carried(layer, read):
            tops = as_carried(bottoms, tops)
        if layer.stored:
            tops = as_stored(layer, tops)
    except (ShapeError, UnsupportedError) as error:
        with placed(layer.place, type(error)):
            raise
    if len(tops) != len(layer.tops):
        raise NetError(f"{len(layer.tops)} tops are named, but the layer gives {len(tops)}", where=layer.place)
    return tops
