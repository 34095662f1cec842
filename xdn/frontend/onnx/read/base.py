"""A node that is read, and the table of what reads each operator of ONNX into the net."""

from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from xdn.errors import NetError, ShapeError, UnsupportedError
from xdn.frontend.onnx.read import moved
from xdn.frontend.onnx.read.making import UNKNOWN, WHOLE_TYPES, Making, Read, Unknown, Value
from xdn.graph import Array, Bf16, LayerParams, Quantized, Reading, Shape
from xdn.graph.reading import SCALES
from xdn.layers.parameter import Parameter
from xdn.layers.reshape import Reshape
from xdn.registry import Registry

#: Every operator that is read, by ONNX's name: what makes layers of a node.
READERS: Registry[Callable[["Node"], None]] = Registry("operator of ONNX", "xdn.frontend.onnx.read")


@dataclass
class Node:
    """A node that is read.

    Parameters
    ----------
    making : Making
    proto : NodeProto
    """

    making: Making
    proto: onnx.NodeProto
    #: Blob -> how the node reads it, None in f32.
    _readings: dict[str, Reading | None] = field(default_factory=dict, init=False)
    #: Wish -> the blob of a constant that the node makes.
    _made: dict[str, str] = field(default_factory=dict, init=False)
    #: Whether the batch is before all axes of values, those that the node is given and gives (`apart.py`).
    apart: bool = field(default=False, init=False)
    #: Whether it is read of the batch alone that the model states: all of a value are axes of one image then.
    alone: bool = False
    #: Whether other nodes are read in its place.
    replaced: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.apart = not self.making.apart.isdisjoint(self.proto.input)

    @cached_property
    def _read_twice(self) -> set[str]:
        """Blobs that the node reads in several ways."""
        ways: set[tuple[str, Reading | None]] = set()
        for name in self.proto.input:
            value = self.making.values.get(name)
            if isinstance(value, Read):
                ways.add((value.blob, value.how))
            elif isinstance(value, str):
                ways.add((value, None))
        counts = Counter(blob for blob, _ in ways)
        return {blob for blob, count in counts.items() if count > 1}

    @cached_property
    def _attributes(self) -> dict[str, Any]:
        return {each.name: helper.get_attribute_value(each) for each in self.proto.attribute}

    @property
    def place(self) -> str:
        """How messages name it."""
        return f"node {self.name!r} ({self.proto.op_type})"

    @property
    def name(self) -> str:
        """Its name, else that of its first output."""
        return self.proto.name or next(iter(self.proto.output), "")

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute, a string as text; `default` where the node has none."""
        value = self._attributes.get(name, default)
        return value.decode(errors="replace") if isinstance(value, bytes) else value

    def has(self, index: int) -> bool:
        """Return whether the node has an input of this number."""
        return index < len(self.proto.input) and bool(self.proto.input[index])

    def value(self, index: int = 0) -> Value:
        """Return what an input stands for."""
        name = self.proto.input[index]
        if name not in self.making.values:
            raise NetError(f"nothing before it gives {name!r}")
        return self.making.values[name]

    def is_constant(self, index: int) -> bool:
        """Return whether an input is a constant."""
        return isinstance(self.value(index), np.ndarray)

    def type_of(self, index: int) -> int:
        """Return the type of an input's elements (`TensorProto`), as which they are computed in f32."""
        value = self.value(index)
        if isinstance(value, np.ndarray):
            return helper.np_dtype_to_tensor_dtype(value.dtype)
        return self.making.types.get(self.proto.input[index], TensorProto.FLOAT)

    def is_whole(self, index: int) -> bool:
        """Return whether an input holds whole numbers, truth values among them."""
        return self.type_of(index) in (*WHOLE_TYPES, TensorProto.BOOL)

    def constant(self, index: int, what: str) -> Array:
        """Return the constant of an input; UnsupportedError where it depends on the net's inputs, or is not there."""
        value = self.value(index) if self.has(index) else None
        if not isinstance(value, np.ndarray):
            raise UnsupportedError(f"its {what} must be a constant")
        return value

    def scalar(self, index: int, what: str) -> float:
        """Return the number that a constant is; ShapeError where it is several, or none."""
        value = self.constant(index, what)
        if value.size != 1:
            raise ShapeError(f"its {what} is of shape {value.shape}; it is one number")
        number: float = value.item()
        return number

    def whole_scalar(self, index: int, what: str) -> int:
        """Return the whole number that a constant is; ShapeError where it is several, or none."""
        value = self.scalar(index, what)
        if not isfinite(value):
            raise ShapeError(f"its {what} is {value}")
        return int(value)

    def single(self, index: int) -> float | None:
        """Return the one number that an input is, beside a blob whose shape it keeps, of two; None of others."""
        value, other = self.value(index), 1 - index
        if self.is_constant(other) or not isinstance(value, np.ndarray):
            return None
        return float(value.reshape(())) if value.size == 1 and value.ndim <= len(self.shape(other)) else None

    def integers(self, index: int, attribute: str) -> tuple[int, ...] | None:
        """Return numbers that are an input, or in older operator sets an attribute; None where neither is there."""
        if self.has(index):
            value = self.constant(index, attribute)
            if value.dtype.kind not in "iu":
                raise NetError(f"its {attribute}, of {value.dtype}, are no whole numbers")
            return tuple(value.reshape(-1).tolist())
        given = self.attribute(attribute)
        return None if given is None else tuple(np.atleast_1d(given).tolist())

    def bottom(self, index: int = 0) -> str:
        """Return the name of the blob of an input; UnsupportedError where it is a constant."""
        value = self.value(index) if self.has(index) else UNKNOWN
        if isinstance(value, Unknown):
            raise NetError(f"its input {index} is missing")
        if isinstance(value, np.ndarray):
            raise UnsupportedError(f"its input {index} must not be a constant")
        if isinstance(value, Read) and value.stored:
            value = self.making.stored(value)
        blob, how = (value.blob, value.how) if isinstance(value, Read) else (value, None)
        is_apart = self.proto.input[index] in self.making.apart
        moved = self.alone or (self.apart and not is_apart)
        if how is not None and (moved or blob in self._read_twice):
            blob, how = self.making.rounded(blob, how), None
        if self.alone:
            blob = self.making.reshaped(blob, *self._in_full(self.shape_of(blob)[is_apart:]))
        elif moved:
            blob = self.making.set_apart(blob)
        self._readings[blob] = how
        return blob

    def _in_full(self, shape: Shape) -> tuple[str, Shape]:
        """Return name and shape of the blob of a value of one batch alone: all of it one image, or as the model is."""
        if self.apart:
            return "whole", (1, *shape)
        return "joined", shape or (1,)

    def blob(self, index: int) -> str:
        """Return the name of the blob of an input, which a layer gives where the input is a constant."""
        value = self.value(index) if self.has(index) else UNKNOWN
        return (
            self.making.constant(self.proto.input[index], value)
            if isinstance(value, np.ndarray)
            else self.bottom(index)
        )

    def operand(self, index: int) -> str:
        """Return the name of the blob of an input whose axes are those of the node's blobs, also of a constant."""
        if self.apart and self.is_constant(index):
            return self.made(f"input{index}", self.constant(index, "input")[np.newaxis])
        return self.blob(index)

    def made(self, wish: str, value: Array) -> str:
        """Return the name of a blob that holds a constant of the node's own; its layers share that of a wish."""
        if wish not in self._made:
            self._made[wish] = self.step(wish, Parameter(shape=value.shape), [], {"parameter": value})
        return self._made[wish]

    def number(self, value: float) -> str:
        """Return the name of a blob (1,) that holds a number."""
        return self.making.constant(value, np.array(value, np.float32))

    def _taken(self, params: LayerParams, bottoms: Sequence[str]) -> tuple[list[str], tuple[Reading, ...]]:
        """Return the bottoms of a layer, and how it reads them: by the roundings that stand before the node.

        Where it cannot read all of them so, in one way, the rounded ones are those of layers of their own.
        """
        found = [self._readings.get(bottom) for bottom in bottoms]
        known = [how for how in found if how is not None]
        if not known or self._hands_on(params, bottoms):
            return list(bottoms), ()
        blobs = [self.making.blobs[bottom] for bottom in bottoms]
        reason = params.why_no_bf16(blobs) if isinstance(known[0], Bf16) else params.why_real(blobs)
        if reason is None and len(known) == len(found) and len(set(map(type, known))) == 1:
            return list(bottoms), tuple(known)
        pairs = zip(bottoms, found, strict=True)
        return [bottom if how is None else self.making.rounded(bottom, how) for bottom, how in pairs], ()

    def _hands_on(self, params: LayerParams, bottoms: Sequence[str]) -> bool:
        """Return whether a layer hands all bottoms on, which are rounded alike: so is its top then."""
        found = {self._readings.get(bottom) for bottom in bottoms}
        return len(found) == 1 and None not in found and params.selects_only([self.making.blobs[b] for b in bottoms], 1)

    def filter_scales(self, count: int) -> dict[str, Array]:
        """Return the scales of the integers of which so many filters, its second input, were made; {} of real ones."""
        scales = self.making.scales.get(self.proto.input[1])
        integers = any(isinstance(how, Quantized) for how in self._readings.values())
        if scales is None or not integers or scales.size not in (1, count):
            return {}
        return {SCALES: np.broadcast_to(scales, (count,))}

    def shape(self, index: int = 0) -> Shape:
        """Return the shape of the blob of an input."""
        return self.shape_of(self.bottom(index))

    def value_shape(self, index: int = 0) -> Shape:
        """Return the shape of an input's value, also of a constant: without the batch where that is before its axes."""
        return self.constant(index, "input").shape if self.is_constant(index) else self.shape(index)[self.apart :]

    def shape_of(self, blob: str) -> Shape:
        """Return the shape of a blob."""
        return self.making.blobs[blob].shape

    def axis(self, axis: int, rank: int | None = None) -> int:
        """Return an axis of a value, which may count from the last one, as that of a blob of `rank` axes."""
        rank = (len(self.shape()) if rank is None else rank) - self.apart
        if not -rank <= axis < rank:
            raise ShapeError(f"axis {axis} of {rank}")
        return axis % rank + self.apart

    def axes(self, given: Sequence[int] | None = None) -> list[int]:
        """Return axes of the first input, which may count from the last one, as those of its blob; all by default."""
        return [self.axis(each) for each in (range(len(self.shape()) - self.apart) if given is None else given)]

    def step(
        self, wish: str, params: LayerParams, bottoms: Sequence[str], weights: Mapping[str, Array] | None = None
    ) -> str:
        """Append a layer whose top only layers of the same node read, and return the top's name."""
        top = self.making.fresh(f"{self.proto.output[0]}.{wish}")
        self.append(f"{self.name}.{wish}", params, bottoms, [top], weights or {})
        return top

    def in_shape(self, wish: str, blob: str, shape: Sequence[int]) -> str:
        """Append a layer that gives a blob another shape, and return its top's name."""
        return self.step(wish, Reshape(shape=self.extents(blob, shape)), [blob])

    def append(
        self, name: str, params: LayerParams, bottoms: Sequence[str], tops: Sequence[str], weights: Mapping[str, Array]
    ) -> None:
        """Append a layer that reads its bottoms as the node does; its tops are names that `Making.fresh` gave."""
        taken, read = self._taken(params, bottoms)
        self.making.add(name, params, taken, tops, weights, read)
        if self._hands_on(params, bottoms):
            self._readings |= dict.fromkeys(tops, self._readings[bottoms[0]])

    def fresh_top(self, output: int = 0) -> str:
        """Return a name for the blob of an output: that of the output, where the batch is where the model has it."""
        name = self.proto.output[output] or f"{self.name}.part"
        return self.making.fresh(f"{name}.apart" if self.apart else name)

    def top(
        self, params: LayerParams, bottoms: Sequence[str] | None = None, weights: Mapping[str, Array] | None = None
    ) -> None:
        """Append the layer that gives the node's first output; by default of its first input."""
        bottoms = [self.bottom()] if bottoms is None else bottoms
        top = self.fresh_top()
        self.append(self.proto.name or top, params, bottoms, [top], weights or {})
        self.stands_for(top)

    def stands_for(self, value: Value, output: int = 0) -> None:
        """Say what an output of the node is; a blob that hands on what is rounded is rounded, too."""
        how = self._readings.get(value) if isinstance(value, str) else None
        value = Read(value, how) if isinstance(value, str) and how is not None else value
        if output < len(self.proto.output) and self.proto.output[output]:
            self.making.values[self.proto.output[output]] = value
            if self.apart and not isinstance(value, np.ndarray):
                self.making.apart.add(self.proto.output[output])

    def shaped(self, blob: str, shape: Sequence[int], copied: Container[int] = ()) -> None:
        """Make a blob the node's first output in another shape, by a layer where it differs.

        Axes that are `copied` have the extents of the node's own blob, whatever these are.
        Where the batch is apart, and the first axis after it is of extent 1, this axis becomes the batch.
        """
        if self.apart and tuple(shape[1:2]) == (1,):
            self.apart, shape = False, shape[1:]
        if self._readings.get(blob) is None:
            origin = self.making.origins.get(blob, blob)
            blob, copied = origin, copied if origin == blob else ()
        if tuple(shape) == self.shape_of(blob):
            self.stands_for(blob)
        else:
            self.top(Reshape(shape=self.extents(blob, shape, copied)), [blob])

    def extents(self, blob: str, shape: Sequence[int], copied: Container[int] = ()) -> tuple[int, ...]:
        """Return a shape as Reshape is told it: the extent of the batch is free, mostly the first one."""
        if self.making.is_alone:
            return tuple(shape)
        place = self.making.places.get(blob, moved.FIRST)
        return moved.extents(place, moved.batch_of(self.making.blobs), self.shape_of(blob), tuple(shape), copied)
