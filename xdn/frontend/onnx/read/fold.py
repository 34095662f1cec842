"""Nodes of constants are computed while a model is read, by the reference implementation of the package `onnx`.

It has every operator of the sets that are read, and needs no other package; other libraries that fold constants look at
whole models and change more than that. What a node would make is known before, so that no model asks for more memory
than a blob may have.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from xdn.errors import NetError, ShapeError, UnsupportedError
from xdn.frontend.onnx.read.making import array_of
from xdn.frontend.onnx.read.room import Room
from xdn.graph import Array

#: The most elements of a constant that is made.
MOST_ELEMENTS = 1 << 28
#: The most positions of an axis that is made position by position, of which each number takes 40 bytes or twice that.
MOST_POSITIONS = 1 << 21
#: Operators whose outputs are a few numbers for each of their inputs at most, though no shape is inferred.
_NEVER_LARGER = frozenset(("Unique", "Compress", "NonZero", "Shape", "Size"))
#: What is read of constants, too: more is kept of it than the values.
_READ = ("DequantizeLinear",)


def folded(proto: onnx.NodeProto, inputs: Sequence[Any], opset: int, room: Room) -> list[Array] | None:
    """Return the outputs of a node whose inputs are constants; None where it is one that cannot be computed.

    Parameters
    ----------
    proto : NodeProto
    inputs : sequence of arrays
        Those that it has, in their order.
    opset : int
    room : Room

    Raises
    ------
    NetError
        For a Constant that has not one value.
    ShapeError
        Where an output would have too many elements, or all have.
    UnsupportedError
        Where the computation fails.
    """
    if proto.op_type in _READ or any(attribute.HasField("g") for attribute in proto.attribute):
        return None
    names = [name for name in proto.input if name]
    if proto.op_type == "Constant":
        room.add(value := _constant(proto))
        return [value]
    room.take(sum(np.size(each) for each in inputs))
    made = dict(zip(names, inputs, strict=True))
    model = _model(proto, made, opset)
    if proto.op_type not in _NEVER_LARGER:
        elements = _elements(model, proto)
        if elements is None:
            return None
        room.take(elements)
    try:
        found = ReferenceEvaluator(model).run(None, {})
    except Exception as error:  # Of any class: the library says only by them what it cannot do.
        raise UnsupportedError(f"its constant cannot be computed: {error}") from error
    return [np.asarray(each) for each in found]


def _constant(proto: onnx.NodeProto) -> Array:
    """Return what a Constant says in one of its attributes."""
    if len(proto.attribute) != 1:
        raise NetError(f"it has {len(proto.attribute)} attributes; one says what it is")
    (attribute,) = proto.attribute
    value = helper.get_attribute_value(attribute)
    if attribute.name == "value":
        return array_of(value)
    if attribute.name in ("value_float", "value_floats"):
        return np.array(value, np.float32)
    if attribute.name in ("value_int", "value_ints"):
        return np.array(value, np.int64)
    raise UnsupportedError(f"its {attribute.name} is not read")


def _model(proto: onnx.NodeProto, inputs: dict[str, Array], opset: int) -> onnx.ModelProto:
    """Return a model of the node alone, with its inputs in it."""
    constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in inputs.items()]
    outputs = [onnx.ValueInfoProto(name=name) for name in proto.output if name]
    graph = helper.make_graph([proto], "constant", [], outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def _elements(model: onnx.ModelProto, proto: onnx.NodeProto) -> int | None:
    """Return how many elements the outputs have, None where that is not known; ShapeError where one has too many."""
    try:
        inferred = onnx.shape_inference.infer_shapes(model)
    except Exception:  # Of any class: then nothing is known.
        return None
    known = {each.name: each.type.tensor_type for each in (*inferred.graph.output, *inferred.graph.value_info)}
    count = 0
    for name in filter(None, proto.output):
        kind = known.get(name)
        if kind is None or not kind.HasField("shape"):
            return None
        if not all(each.HasField("dim_value") for each in kind.shape.dim):
            return None
        count += check_size([each.dim_value for each in kind.shape.dim])
    return count


def check_extent(extent: int) -> int:
    """Return the extent of an axis that is made position by position; ShapeError where it is too long for that."""
    if extent > MOST_POSITIONS:
        raise ShapeError(f"an axis of {extent} positions is too long; it may have {MOST_POSITIONS}")
    return extent


def check_size(shape: Sequence[int]) -> int:
    """Return how many elements a constant of a shape has; raise ShapeError where these are too many."""
    if (count := prod(shape)) > MOST_ELEMENTS:
        raise ShapeError(f"a constant of shape {tuple(shape)} is too large")
    return count
