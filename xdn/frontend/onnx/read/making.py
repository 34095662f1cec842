"""The net in the making, and what the names of an ONNX graph stand for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from xdn.errors import ParseError, UnsupportedError
from xdn.frontend.onnx.names import fresh
from xdn.frontend.onnx.read.moved import FIRST, Place, batch_of, place_after
from xdn.frontend.onnx.read.room import Room
from xdn.graph import Array, Bf16, Blob, Layer, LayerParams, Net, Reading, Shape
from xdn.graph.net import infer
from xdn.layers.binary import Binary
from xdn.layers.clip import Clip
from xdn.layers.parameter import Parameter
from xdn.layers.power import Power
from xdn.layers.reshape import Reshape
from xdn.layers.split import Split
from xdn.layers.unary import Unary

#: ONNX's types of real numbers, in all of which is computed as f32.
REAL_TYPES = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)

#: Its types of whole numbers, which are f32, too: those of magnitudes up to 2**24 are exact.
WHOLE_TYPES = (
    *(TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64),
    *(TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64),
)


#: Up to here f32 has all whole numbers.
EXACT = 1 << 24
#: Each type of integers, also of fewer bits than 8 -> its smallest and its largest one.
BOUNDS = {
    number: (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    for signed, prefix in ((True, "INT"), (False, "UINT"))
    for bits in (2, 4, 8, 16, 32, 64)
    for number in (TensorProto.DataType.Value(f"{prefix}{bits}"),)
}


def array_of(tensor: TensorProto) -> Array:
    """Return the values of a tensor; ParseError where they are not as many as its shape says, or of no known type."""
    if tensor.data_location == TensorProto.EXTERNAL:
        raise ParseError(f"the values of the tensor {tensor.name!r} are in another file, which was not read")
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, NotImplementedError, OverflowError) as error:
        raise ParseError(f"the values of the tensor {tensor.name!r} are damaged: {error}") from error


class Unknown:
    """What stands for the outputs of a node that cannot be read, so that the nodes after it are looked at, too."""


@dataclass(frozen=True)
class Integers:
    """The integers clip(round(x / scale) + zero), of a type with so many bits."""

    scale: float
    zero: int
    kind: int

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest."""
        return BOUNDS[self.kind]


@dataclass(frozen=True)
class Read:
    """What stands for the values of a blob that are rounded, to integers or bf16; or for these, as they are `stored`.

    Parameters
    ----------
    blob : str
    how : Reading, optional
        None where XDN does not have such integers.
    stored : Integers or Bf16, optional
        As what.
    """

    blob: str
    how: Reading | None
    stored: Integers | Bf16 | None = None


#: What a name of the graph stands for: a constant, the name of a blob, one that is rounded, or nobody knows.
Value = Array | str | Read | Unknown
UNKNOWN = Unknown()


#: The operator of a node that cannot be read, and what it is called with the reason.
Refusal = tuple[str, str]


class Making:
    """Layers of a net, one after the other, and what the names of an ONNX graph stand for.

    Parameters
    ----------
    opset : int
        The version of the operator set.
    is_stated : bool
        Whether a node that is refused otherwise is read of the batch alone that the model states for all its inputs.
    """

    def __init__(self, opset: int, *, is_stated: bool = False):
        self.opset = opset
        self.layers: list[Layer] = []
        #: Reads a node that stands in another one's place; returns what keeps it from being read, None of one that is.
        self.read: Callable[[onnx.NodeProto], Refusal | None] = lambda node: (node.op_type, "")
        self.blobs: dict[str, Blob] = {}
        #: Name in the graph -> what it stands for.
        self.values: dict[str, Value] = {"": UNKNOWN}
        self.room = Room()
        #: Name in the graph -> the type of its elements, of those that are no constants and not f32 (`TensorProto`).
        self.types: dict[str, int] = {}
        #: Whether layers take the batch behind the steps of sequences, where the model has it, so that it is not apart.
        self.recurrent = False
        #: The names that stand for blobs with the batch before all axes of the value (`apart.py`).
        self.apart: set[str] = set()
        self.is_stated = is_stated
        #: Whether the net is of that batch alone, since a layer works along it.
        self.is_alone = False
        #: The names that stand for constants which shapes decide, the batch among them.
        self.of_shapes: set[str] = set()
        #: Name of a constant that was made of integers -> the scales of these.
        self.scales: dict[str, Array] = {}
        #: Blob -> the blob that is the same values in another shape, of which a Reshape makes it.
        self.origins: dict[str, str] = {}
        #: Blob -> where its batch is, of those that do not have it first (`moved.py`).
        self.places: dict[str, Place] = {}
        self._taken: dict[str, int] = {}
        self._layers_taken: dict[str, int] = {}
        self._rounded: dict[tuple[str, Reading], str] = {}
        self._reshaped: dict[tuple[str, Shape], str] = {}
        self._stored: dict[tuple[str, Integers], str] = {}
        self._constants: dict[str | float, str] = {}

    def fresh(self, wish: str) -> str:
        """Return `wish`, or a variant of it that no blob carries yet."""
        return fresh(wish, self._taken)

    def add(
        self,
        wish: str,
        params: LayerParams,
        bottoms: Sequence[str],
        tops: Sequence[str],
        weights: Mapping[str, Array],
        read: Sequence[Reading] = (),
    ) -> None:
        """Append a layer, which reads its bottoms as `read` says; its tops are names that `fresh` gave."""
        kept = {name: np.require(array, np.float32, ("C", "ALIGNED")) for name, array in weights.items()}
        layer = Layer(fresh(wish, self._layers_taken), params, tuple(bottoms), tuple(tops), kept, quantized=tuple(read))
        self.blobs.update(zip(tops, infer(layer, self.blobs), strict=True))
        self.layers.append(layer)
        self._follow(layer)
        if isinstance(params, Reshape) and not read:
            self.origins[tops[0]] = self.origins.get(bottoms[0], bottoms[0])

    def step(
        self,
        wish: str,
        params: LayerParams,
        bottoms: Sequence[str],
        weights: Mapping[str, Array] = MappingProxyType({}),
        read: Sequence[Reading] = (),
    ) -> str:
        """Append a layer of one top, which is called `wish` or a variant of it as the layer is; return its name."""
        top = self.fresh(wish)
        self.add(top, params, bottoms, [top], weights, read)
        return top

    def _follow(self, layer: Layer) -> None:
        """Keep where the batch is in the tops of a layer."""
        if self.is_alone:
            return
        bottoms, tops = ([self.blobs[name] for name in names] for names in (layer.bottoms, layer.tops))
        places = [self.places.get(name, FIRST) for name in layer.bottoms]
        place = place_after(layer.params, batch_of(self.blobs), bottoms, tops, places)
        if place != FIRST:
            self.places.update(dict.fromkeys(layer.tops, place))

    def rounded(self, blob: str, how: Reading) -> str:
        """Return the blob of the values of another, rounded; they come from a layer that does nothing else."""
        if (blob, how) not in self._rounded:
            self._rounded[blob, how] = self.step(f"{blob}.{how.element.name}", Power(), [blob], read=(how,))
        return self._rounded[blob, how]

    def stored(self, value: Read) -> str:
        """Return the blob of integers, or numbers of bf16, as which another one is stored."""
        if not isinstance(value.stored, Integers):
            return self.rounded(value.blob, value.stored or Bf16())
        key = (value.blob, value.stored)
        if key not in self._stored:
            scale = self.constant(value.stored.scale, np.array(value.stored.scale, np.float32))
            self._stored[key] = self.integers(value.blob, scale, float(value.stored.zero), value.stored.bounds)
        return self._stored[key]

    def integers(self, blob: str, scale: str, zero: float | str, bounds: tuple[int, int]) -> str:
        """Return the blob clip(round(x / scale) + zero), of a scale and a zero point that broadcast with it."""
        low, high = map(float, bounds)
        raised = (Binary(operation="ADD"), [zero]) if isinstance(zero, str) else (Power(shift=zero), [])
        divided: list[tuple[LayerParams, list[str]]] = [(Binary(operation="DIV"), [scale]), (Unary(), [])]
        for params, others in [*divided, *([raised] if zero else []), (Clip(min=low, max=high), [])]:
            blob = self.step(f"{blob}.integers", params, [blob, *others])
        return blob

    def set_apart(self, blob: str) -> str:
        """Return the blob of a value with the batch before all its axes, where the first one holds a batch of 1."""
        first, *rest = self.blobs[blob].shape
        return self._in_shape(blob, "apart", (0 if first == 1 else -1, first, *rest))

    def reshaped(self, blob: str, wish: str, shape: Sequence[int]) -> str:
        """Return the blob of a value in a shape that is stated in full, so that the net is of one batch alone."""
        self.is_alone = True
        return self._in_shape(blob, wish, tuple(shape))

    def _in_shape(self, blob: str, wish: str, shape: Shape) -> str:
        """Return the blob of a value in a shape as Reshape is told it; all that read it so share one layer."""
        key = (blob, shape)
        if key not in self._reshaped:
            self._reshaped[key] = self.step(f"{blob}.{wish}", Reshape(shape=shape), [blob])
        return self._reshaped[key]

    def constant(self, name: str | float, value: Array) -> str:
        """Return the blob of the constant that `name` stands for, or of a number; all that read it share one layer."""
        if name not in self._constants:
            # A blob has an axis at least; one of extent 1 is laid along others as a number is.
            value = np.atleast_1d(value)
            params = Parameter(shape=value.shape)
            self._constants[name] = self.step(f"{name}.blob", params, [], {"parameter": value})
        return self._constants[name]

    def hold(self, name: str, value: Array) -> None:
        """Let a name stand for a constant of the file, which makes room for those that are computed of it."""
        self.values[name] = value
        self.room.add(value)

    def forget(self, node: onnx.NodeProto) -> None:
        """Let nobody know what a node's outputs are."""
        self.values.update(dict.fromkeys(node.output, UNKNOWN))

    def read_at_last(self, name: str) -> Value | None:
        """Return what a name stands for where no layer is to read it: a blob that is rounded already."""
        value = self.values.get(name)
        if isinstance(value, Read) and value.stored:
            return self.stored(value)
        if isinstance(value, Read):
            return value.blob if value.how is None else self.rounded(value.blob, value.how)
        return value

    def net(self, name: str, outputs: Sequence[str]) -> Net:
        """Return the net whose outputs are values of the graph, and carry its names."""
        found = []
        for output in outputs:
            value = self.read_at_last(output)
            if isinstance(value, np.ndarray) and (self.is_stated or output not in self.of_shapes):
                value = self.constant(output, value)
            if isinstance(value, Unknown):
                raise UnsupportedError(f"the output {output!r} is not read")
            if not isinstance(value, str):
                raise UnsupportedError(f"the output {output!r} depends on the shapes of the inputs alone")
            if value != output:
                # It is an input, or a value with another name, which a layer that only names it hands on.
                value = self.step(output, Split(), [value])
            found.append(value)
        return Net(name, self._needed(found), tuple(dict.fromkeys(found)))

    def _needed(self, outputs: Sequence[str]) -> tuple[Layer, ...]:
        """Return the inputs, and the layers on which outputs depend."""
        needed, kept = set(outputs), list[Layer]()
        for layer in reversed(self.layers):
            if layer.params.is_input or needed.intersection(layer.tops):
                needed.update(layer.bottoms)
                kept.append(layer)
        return tuple(reversed(kept))
