"""The ONNX graph in the making, and the table of what writes each layer type into it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from xdn.element import BF16, REAL, S8, U8
from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.names import fresh
from xdn.graph import Array, Blob, Layer, Net, Quantized, Reading, Shape
from xdn.layers.broadcast import spread
from xdn.registry import Registry

#: The operator set that all emitters write. 17 is read by every engine of the last years, and its pooling
#: is the same from opset 11 on.
OPSET = 17
#: The oldest file format that holds this opset.
IR_VERSION = 8

#: Every layer type that has an ONNX form, by Caffe's name: what writes a layer with its parameters.
EMITTERS: Registry[Callable[["Emission", Any], None]] = Registry("layer type in ONNX", "xdn.frontend.onnx.emit")
#: What ONNX calls the elements that blobs hold; few operators take its BFLOAT16: what is rounded to that is f32.
_ELEMENTS = {REAL: TensorProto.FLOAT, BF16: TensorProto.FLOAT, U8: TensorProto.UINT8, S8: TensorProto.INT8}
#: An end past every axis, for ONNX's Slice.
TO_THE_END = 2**63 - 1


@dataclass(frozen=True)
class Constant:
    """A constant of a graph.

    Parameters
    ----------
    name : str
    element : int
        Type of its elements, by ONNX's number.
    bits : array
        Its values, or of a type that NumPy does not know what stands for them in memory.
    """

    name: str
    element: int
    bits: Array

    def content(self) -> memoryview:
        """Return the values' bytes."""
        return np.ascontiguousarray(self.bits).reshape(-1).view(np.uint8).data


class Graph:
    """Nodes and constants of an ONNX graph; values carry the names of the net's blobs.

    Parameters
    ----------
    net : Net
        The net that is written.
    """

    def __init__(self, net: Net):
        self.net = net
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[Constant] = []
        #: What layers read that do not read f32: of which value, how -> the name of the values that they compute with.
        self.readings: dict[tuple[str, Reading], str] = {}
        self._taken = dict.fromkeys([*net.blobs, *(layer.name for layer in net.layers)], 1)
        # A free batch shows in the shapes: what differs between two batch sizes depends on it.
        self._batch = next(iter(net.inputs.values())).shape[0] if net.inputs else 1
        self._other = self._resized(net, self._batch + 1)

    @staticmethod
    def _resized(net: Net, batch: int) -> Net:
        """Return the net with another batch, or the net itself where a shape or its weights state the batch."""
        other = net.with_batch(batch)
        pairs = zip(net.layers, other.layers, strict=True)
        try:
            free = all(net.weight_shapes(here) == other.weight_shapes(there) for here, there in pairs)
        except ShapeError:
            free = False
        return other if free else net

    def dims(self, blob: str) -> list[int | None]:
        """Return the blob's extents, None for those that depend on the batch."""
        pairs = zip(self.net.blobs[blob].shape, self._other.blobs[blob].shape, strict=True)
        return [here if here == there else None for here, there in pairs]

    def value_info(self, blob: str) -> onnx.ValueInfoProto:
        """Return name, type and shape of a blob; a free batch is called N."""
        dims: list[int | str | None] = list(self.dims(blob))
        if dims and dims[0] is None and self.net.blobs[blob].shape[0] == self._batch:
            dims[0] = "N"
        return helper.make_tensor_value_info(blob, _ELEMENTS[self.net.blobs[blob].element], dims)

    def fresh(self, name: str) -> str:
        """Return `name`, or a variant of it that nothing carries yet."""
        return fresh(name, self._taken)

    def constant(self, name: str, array: Array) -> str:
        """Enter a constant under `name`, or a variant of it, and return its name."""
        return self.raw_constant(name, helper.np_dtype_to_tensor_dtype(array.dtype), array)

    def raw_constant(self, name: str, element: int, bits: Array) -> str:
        """Enter a constant of a type of ONNX's that NumPy does not know, by its bits; return its name as `constant`."""
        given = self.fresh(name)
        self.constants.append(Constant(given, element, bits))
        return given

    def node(self, op: str, inputs: Sequence[str], *outputs: str, **attributes: Any) -> str:
        """Append one node and return the name of its first output."""
        name = self.fresh(f"{op}_{outputs[0]}")
        self.nodes.append(helper.make_node(op, list(inputs), list(outputs), name=name, **attributes))
        return outputs[0]


@dataclass(frozen=True)
class Emission:
    """One layer that is written into a graph.

    Parameters
    ----------
    graph : Graph
    layer : Layer
    bottoms, tops : sequence of str
        The values that it reads and writes; the blobs of `layer` have their shapes.
    read : sequence of Quantized, or of Bf16
        Of what the bottoms are the values; empty of a layer that reads f32.
    """

    graph: Graph
    layer: Layer
    bottoms: Sequence[str]
    tops: Sequence[str]
    read: Sequence[Reading] = ()

    def emit(self) -> None:
        """Append the layer's nodes."""
        EMITTERS[self.layer.type](self, self.layer.params)

    def unsupported(self, reason: str) -> UnsupportedError:
        """Return the error that this layer has no ONNX form."""
        return UnsupportedError(reason, where=self.layer.place)

    @property
    def quantized(self) -> tuple[Quantized, ...]:
        """Of what 8-bit integers the bottoms are the values; empty where of none."""
        return tuple(how for how in self.read if isinstance(how, Quantized))

    def bottom(self, index: int = 0) -> Blob:
        """Return the blob of a bottom."""
        return self.graph.net.blobs[self.layer.bottoms[index]]

    def image_shape(self, blob: str) -> Shape:
        """Return the extents of one image of `blob`; UnsupportedError where one of them depends on the batch."""
        found = tuple(extent for extent in self.graph.dims(blob)[1:] if extent is not None)
        if len(found) != len(self.graph.net.blobs[blob].shape) - 1:
            raise self.unsupported(f"the shape of an image of {blob!r} depends on the batch")
        return found

    def constant(self, wish: str, array: Array) -> str:
        """Enter a constant of the layer and return its name."""
        return self.graph.constant(f"{self.layer.name}.{wish}", array)

    def weight(self, name: str) -> str:
        """Enter the layer's weight `name` and return the constant's name."""
        return self.constant(name, self.layer.weights[name])

    def spread(self, name: str, axis: int = 1) -> str:
        """Enter the layer's weight `name` laid along its bottom's axes from `axis` on, and return its name."""
        return self.constant(name, spread(self.layer.weights[name], axis, len(self.bottom().shape)))

    def scalar(self, wish: str, value: float) -> str:
        """Enter an f32 constant without axes and return its name."""
        return self.constant(wish, np.array(value, np.float32))

    def integers(self, wish: str, values: Sequence[int]) -> str:
        """Enter an i64 constant with one axis and return its name."""
        return self.constant(wish, np.array(values, np.int64))

    def fresh(self, wish: str) -> str:
        """Return a name, of a value that only the same layer reads."""
        return self.graph.fresh(f"{self.tops[0]}.{wish}")

    def step(self, op: str, inputs: Sequence[str], wish: str, **attributes: Any) -> str:
        """Append a node whose output only the same layer reads, and return the output's name."""
        return self.graph.node(op, inputs, self.fresh(wish), **attributes)

    def top(self, op: str, inputs: Sequence[str], **attributes: Any) -> None:
        """Append the node that gives the first top."""
        self.graph.node(op, inputs, self.tops[0], **attributes)

    def reshaped(self, source: str) -> None:
        """Append a Reshape to the first top's shape, whatever the batch; at most one extent may depend on it."""
        target = [-1 if extent is None else extent for extent in self.graph.dims(self.layer.tops[0])]
        self.top("Reshape", [source, self.integers("top_shape", target)])
