"""The nodes of an ONNX graph, one after the other -> layers of a `Net`."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import Enum, auto
from functools import partial
from types import MappingProxyType

import numpy as np
import onnx

from xdn.errors import NetError, ParseError, ShapeError, UnsupportedError, WeightsError, placed, told
from xdn.frontend.formats import InputShapes, said_shape
from xdn.frontend.onnx.images import Images, images_of
from xdn.frontend.onnx.read import apart, functions, schema
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.fold import folded
from xdn.frontend.onnx.read.making import Making, Refusal, Unknown, Value, array_of
from xdn.frontend.onnx.read.model import DEFAULT_DOMAINS, graphs, opset_of
from xdn.frontend.onnx.read.recurrent import RECURRENT
from xdn.graph import Array, Net, Shape
from xdn.graph.verify import verify
from xdn.layers.input import PIXEL_SPREAD, Input

#: How far the values of an input spread where a model says nothing of images: such models read what is normalised.
_UNIT_SPREAD = 1.0


def net_of(
    model: onnx.ModelProto,
    where: str,
    input_shape: InputShapes | None = None,
    values: Mapping[int, Array] = MappingProxyType({}),
) -> Net:
    """Return the net of a model.

    A free batch is 1 in the net's shapes, as a net of Caffe's may say; sessions take any number of images.

    Parameters
    ----------
    model : ModelProto
        With the values of its constants, but for those of `values`.
    where : str
        What messages call it.
    input_shape : tuple of int, or mapping, optional
        Shape of an image of the only input, or of some inputs by their names, where the model does not say it.
    values : mapping
        Number of a constant among the graph's initializers -> its values, where it has none itself.

    Raises
    ------
    UnsupportedError
        For nodes that cannot be read; it names all of them, with their operators.
    NetError, ShapeError, WeightsError
        Where the graph is wrong, nothing tells an input's shape, or constants are not those that their nodes need.
    """
    graph = model.graph
    with placed(where, NetError, ParseError, ShapeError, UnsupportedError, WeightsError):
        try:
            return _read(model, input_shape, values, _Way.OF_ANY_BATCH)
        except UnsupportedError as error:
            for way in _other_ways(graph, input_shape):
                with suppress(UnsupportedError, ShapeError):
                    return _read(model, input_shape, values, way)
            raise error


class _Way(Enum):
    """How a model may be read; where one is refused, another is tried."""

    OF_ANY_BATCH = auto()
    #: An input (T, N, ...) of which the model states that N is 1 has its batch there, not first.
    STEPS_FIRST = auto()
    #: Of the batch alone that the model states.
    OF_ONE_BATCH = auto()


def _other_ways(graph: onnx.GraphProto, input_shape: InputShapes | None) -> list[_Way]:
    """Return the ways to read a model that is refused as one of any batch."""
    constants = {each.name for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in constants]
    turned = input_shape is None and any(_is_steps_first(_extents(each), True) for each in inputs)
    found = {_Way.STEPS_FIRST: turned, _Way.OF_ONE_BATCH: all(map(_is_stated, inputs))}
    return [way for way, possible in found.items() if possible]


def _read(model: onnx.ModelProto, input_shape: InputShapes | None, values: Mapping[int, Array], way: _Way) -> Net:
    """Return the net that is read of a model in one way; UnsupportedError names all nodes that cannot be read so."""
    graph = model.graph
    making = Making(opset_of(model), is_stated=way is _Way.OF_ONE_BATCH)
    making.recurrent = any(node.op_type in RECURRENT for each in graphs(graph) for node in each.node)
    for number, tensor in enumerate(graph.initializer):
        making.hold(tensor.name, values[number] if number in values else array_of(tensor))
    metadata = {each.key: each.value for each in model.metadata_props}
    _add_inputs(making, graph, metadata, input_shape, way is _Way.STEPS_FIRST)
    making.read = partial(_refusal, making)
    refused = [_refusal(making, node) for node in graph.node]
    _refuse([each for each in refused if each is not None])
    for each in graph.output:
        apart.add_output(making, each.name)
    net = making.net(graph.name, [each.name for each in graph.output])
    verify(net)
    return net


def _refusal(making: Making, proto: onnx.NodeProto) -> Refusal | None:
    """Read a node; return what keeps it from being read, None of one that is."""
    node = Node(making, proto)
    if proto.domain not in DEFAULT_DOMAINS:
        making.forget(proto)
        return proto.op_type, f"{node.place} of {proto.domain}"
    try:
        with placed(node.place, NetError, ParseError, ShapeError):
            schema.check(proto, making.opset)
            inputs = [node.value(i) for i in range(len(proto.input)) if proto.input[i]]
            known = all(isinstance(each, np.ndarray) for each in inputs)
            if known and _fold(node, inputs):
                return None
            if proto.op_type not in READERS:
                making.forget(proto)
                return proto.op_type, node.place
            if any(isinstance(each, Unknown) for each in inputs):
                making.forget(proto)
                return None
            _make(node)
            making.types.update(schema.output_types(proto, making.opset, node.type_of))
    except UnsupportedError as error:
        making.forget(proto)
        return proto.op_type, f"{node.place}: {error.what}"
    return None


def _make(node: Node) -> None:
    """Make layers of a node, by the first way that is not refused.

    It is one of any batch, of the one that the model states, or the function that ONNX defines its operator by.
    """
    try:
        apart.check(node)
        READERS[node.proto.op_type](node)
    except (UnsupportedError, ShapeError):
        for way in _other_ways_of(node):
            with suppress(UnsupportedError, ShapeError):
                way(node)
                return
        raise


def _other_ways_of(node: Node) -> list[Callable[[Node], None]]:
    """Return the ways to make layers of a node that is refused as one of any batch.

    There are none where others stand in its place: each of them was tried in all ways itself.
    """
    if node.replaced:
        return []
    ways: list[Callable[[Node], None]] = [_of_one_batch] if node.making.is_stated else []
    return ways if READERS[node.proto.op_type] is functions.function else [*ways, functions.function]


def _of_one_batch(node: Node) -> None:
    """Make layers of a node, of the batch alone that the model states."""
    again = apart.alone(node)
    READERS[node.proto.op_type](again)
    apart.joined(again)


def _fold(node: Node, constants: Sequence[Value]) -> bool:
    """Compute a node of these constants; return whether that is possible."""
    values = folded(node.proto, constants, node.making.opset, node.making.room)
    if values is None:
        return False
    for number, value in enumerate(values):
        node.stands_for(value, number)
    if not node.making.of_shapes.isdisjoint(node.proto.input):
        node.making.of_shapes.update(node.proto.output)
    return True


def _refuse(refused: Sequence[Refusal]) -> None:
    """Raise the error that names nodes which cannot be read; nothing where there are none."""
    if not refused:
        return
    kinds = Counter(operator for operator, _ in refused)
    operators = ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items()))
    raise UnsupportedError(f"{len(refused)} nodes cannot be read, of {operators}:{told([what for _, what in refused])}")


def _add_inputs(
    making: Making,
    graph: onnx.GraphProto,
    metadata: Mapping[str, str],
    input_shape: InputShapes | None,
    steps_first: bool,
) -> None:
    """Append an Input layer for each input of the graph that is no constant with a default."""
    inputs = [each for each in graph.input if each.name not in making.values]
    if not inputs:
        raise NetError("the model has no inputs, so there is nothing to compute")
    names = [each.name for each in inputs]
    if isinstance(input_shape, Mapping):
        if unknown := set(input_shape) - set(names):
            raise ShapeError(f"the net has no input {min(unknown)!r}; it has {', '.join(map(repr, names))}")
    elif input_shape is not None and len(names) > 1:
        mend = "Say which one: --input-shape NAME=C,H,W"
        raise ShapeError(f"the net has {len(names)} inputs: {', '.join(map(repr, names))}", mend=mend)
    for info in inputs:
        given = said_shape(input_shape, info.name, len(names) == 1)
        said = _extents(info)
        turned = given is None and not making.recurrent and _is_steps_first(said, steps_first)
        shape = (1, *_known(said[:1] + said[2:])) if turned else _input_shape(info, given)
        images = images_of(metadata, info.name)
        spread = _UNIT_SPREAD if images == Images() else PIXEL_SPREAD
        params = Input((shape,), images.transform, images.source, images.resize, spread=spread)
        name = making.step(info.name, params, [])
        if turned:
            apart.add_input(making, info.name, name)
        else:
            making.values[info.name] = name
        if not said and _is_stated(info):
            making.apart.add(info.name)
        making.types[info.name] = info.type.tensor_type.elem_type


def _input_shape(info: onnx.ValueInfoProto, given: Sequence[int] | None) -> Shape:
    """Return the shape of an input; its batch is 1 where it is free."""
    said = _extents(info)
    if not said and _is_stated(info):
        return (1,)
    batch = said[0] if said and said[0] is not None else 1
    if given is not None:
        return (batch, *given)
    if not said or None in said[1:]:
        shown = ", ".join("?" if each is None else str(each) for each in said)
        mend = f"Give it without the batch: --input-shape {info.name}={_example(said)}"
        raise ShapeError(f"the model does not say the shape of its input {info.name!r}: ({shown})", mend=mend)
    return (batch, *_known(said[1:]))


def _example(extents: Sequence[int | None]) -> str:
    """Return a shape without the batch that a user might give, as text; it has the extents that are known."""
    return ",".join(str(224 if each is None else each) for each in extents[1:]) or "3,224,224"


def _extents(info: onnx.ValueInfoProto) -> list[int | None]:
    """Return the shape that a model says of an input, None for a free extent."""
    dims = info.type.tensor_type.shape.dim if info.type.HasField("tensor_type") else ()
    return [each.dim_value if each.HasField("dim_value") and each.dim_value > 0 else None for each in dims]


def _is_stated(info: onnx.ValueInfoProto) -> bool:
    """Return whether a model says the batch of an input, or that it is a number alone, which has none."""
    said = _extents(info)
    return said[0] is not None if said else info.type.tensor_type.HasField("shape")


def _known(extents: Sequence[int | None]) -> Shape:
    """Return the extents that are not free."""
    return tuple(extent for extent in extents if extent is not None)


def _is_steps_first(extents: Sequence[int | None], fixed: bool) -> bool:
    """Return whether an input is (steps, batch) or (steps, batch, features), its batch free or, if `fixed`, 1."""
    if len(extents) not in (2, 3) or extents[0] in (None, 1) or None in extents[2:]:
        return False
    return extents[1] is None or (fixed and extents[1] == 1)
