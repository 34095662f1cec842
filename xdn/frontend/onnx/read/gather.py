"""Operators that take or put elements by numbers which are a value themselves.

Their places are counted through all axes of an image, so that one number is enough for each element.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.fold import check_size
from xdn.frontend.onnx.read.making import EXACT
from xdn.frontend.onnx.read.moved import FIRST
from xdn.frontend.onnx.read.movement import take
from xdn.frontend.onnx.read.window import cut
from xdn.graph import Array, Shape
from xdn.layers.binary import Binary
from xdn.layers.embed import Embed
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.pick import Pick
from xdn.layers.put import Put

#: ONNX's reductions -> what Put does.
_PUTTING = {"none": "SET", "add": "ADD", "mul": "MUL", "max": "MAX", "min": "MIN"}


def _strides(shape: Shape) -> Array:
    """Return how many elements of an image one step along each of its axes is; UnsupportedError where f32 ends."""
    if prod(shape) > EXACT:
        raise UnsupportedError(f"its places in an image of shape {shape} are too many for numbers of f32")
    return np.array([prod(shape[axis + 1 :]) for axis in range(len(shape))], np.int64)


def _offsets(shape: Sequence[int], strides: Sequence[int]) -> Array:
    """Return where each element of an array is, which steps so far along each of its axes."""
    check_size(shape)
    found = np.zeros((), np.int64)
    for extent, stride in zip(shape, strides, strict=True):
        found = found[..., np.newaxis] + np.arange(extent) * stride
    return found


def _counted(node: Node, index: int, extents: Array) -> str | Array:
    """Return numbers that are an input, which may count from the last of so many, as counted from the first."""
    if node.is_constant(index):
        value = node.constant(index, "indices").astype(np.int64)
        if ((value < -extents) | (value >= extents)).any():
            raise ShapeError(f"its indices are not all below {extents.tolist()}")
        if not node.apart and value.shape[0] != 1:
            raise UnsupportedError("its constant differs from image to image")
        return np.where(value < 0, value + extents, value)
    numbers = node.bottom(index)
    below = node.step("below", Binary(operation="LESS"), [numbers, node.number(0)])
    room = node.made("extents", np.atleast_1d(extents).astype(np.float32))
    return node.step("counted", Binary(), [numbers, node.step("room", Binary(operation="MUL"), [below, room])])


def _linear(node: Node, numbers: str | Array, factor: int, offsets: Array, shape: Shape) -> str | Array:
    """Return numbers, in a shape without the batch, times a factor, and offsets that broadcast with them."""
    if isinstance(numbers, np.ndarray):
        check_size(np.broadcast_shapes(shape, offsets.shape))
        return np.asarray(numbers.reshape(shape) * factor + offsets)
    wide = node.in_shape("wide", numbers, (node.shape_of(numbers)[0], *shape))
    steps = node.step("steps", Binary(operation="MUL"), [wide, node.number(factor)])
    return node.step("places", Binary(), [steps, node.made("offsets", np.atleast_1d(offsets).astype(np.float32))])


def _flat(node: Node, blob: str) -> str:
    """Return a blob (N, elements)."""
    shape = node.shape_of(blob)
    return node.in_shape("flat", blob, (shape[0], prod(shape[1:])))


def _picked(node: Node, data: str, places: str | Array, shape: Sequence[int]) -> None:
    """Make elements of a blob the first output, in a shape without the batch."""
    batch, flat = node.shape_of(data)[0], _flat(node, data)
    if isinstance(places, np.ndarray):
        found = take(node, flat, 1, places.reshape(-1))
    else:
        found = node.step("picked", Pick(), [flat, places])
    node.shaped(found, (batch, *shape))


def _image(node: Node, blob: str) -> Shape:
    """Return the shape of an image of a blob."""
    return node.shape_of(blob)[1:]


def _image_of_value(node: Node, index: int) -> Shape:
    """Return the shape of an input's value, also of a constant, without the batch."""
    return node.value_shape(index)[not node.apart :]


def _of_elements(node: Node, data: str) -> tuple[str | Array, Shape]:
    """Return the places of elements by their numbers along one axis, and the shape that they are in."""
    axis = node.axis(node.attribute("axis", 0), len(node.shape_of(data)))
    if axis == 0:
        raise UnsupportedError("it is along the batch")
    image, shape = _image(node, data), _image_of_value(node, 1)
    strides = _strides(image)
    if len(shape) != len(image) or any(
        own > extent for number, (own, extent) in enumerate(zip(shape, image, strict=True), 1) if number != axis
    ):
        raise ShapeError(f"indices of shape {shape} of elements of shape {image}")
    others = [0 if number == axis - 1 else int(stride) for number, stride in enumerate(strides)]
    numbers = _counted(node, 1, np.array(image[axis - 1]))
    return _linear(node, numbers, int(strides[axis - 1]), _offsets(shape, others), shape), shape


@READERS.register("Gather")
def gather(node: Node) -> None:
    """Rows of a constant by Embed; of a blob one element of an axis, or neighbouring ones, by Slice, others by Take.

    By indices that are no constants Pick, as of another axis of a constant.

    Refused: along the batch, or such indices of images.
    """
    if node.is_constant(0) and _is_table(node, node.constant(0, "table")):
        _embedded(node, node.constant(0, "table"))
        return
    if node.is_constant(0) or not node.is_constant(1):
        _by_blob(node)
        return
    axis, indices = node.axis(node.attribute("axis", 0)), node.constant(1, "indices")
    shape = node.shape()
    if axis == node.making.places.get(node.bottom(), FIRST).axis:
        raise UnsupportedError("it is along the batch")
    numbers = [int(each) for each in indices.reshape(-1)]
    if not numbers or not all(-shape[axis] <= each < shape[axis] for each in numbers):
        raise ShapeError(f"elements {numbers[:8]} of {shape[axis]} along axis {axis}; there must be one or more")
    numbers = [each % shape[axis] for each in numbers]
    if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        blob = cut(node, node.bottom(), axis, numbers[0], numbers[-1] + 1)
    else:
        blob = take(node, node.bottom(), axis, numbers)
    node.shaped(blob, (*shape[:axis], *indices.shape, *shape[axis + 1 :]))


def _is_table(node: Node, table: Array) -> bool:
    """Return whether a node takes rows of a constant."""
    return table.ndim > 0 and node.attribute("axis", 0) % table.ndim == 0


def _embedded(node: Node, table: Array) -> None:
    """Make the rows of a constant, or its single values, the first output."""
    rows, columns = len(table), prod(table.shape[1:])
    params = Embed(num_output=columns, input_dim=rows, bias_term=False)
    weights = {"weight": table.reshape(rows, columns)}
    if table.ndim == 2:
        node.top(params, [node.bottom(1)], weights)
        return
    blob = node.step("rows", params, [node.bottom(1)], weights)
    node.shaped(blob, (*node.shape(1), *table.shape[1:]))


@READERS.register("GatherElements")
def gather_elements(node: Node) -> None:
    """Pick of elements by their places, Take where these are constants.

    Refused: along the batch, and places beyond the whole numbers of f32.
    """
    data = node.operand(0)
    _picked(node, data, *_of_elements(node, data))


@READERS.register("ScatterElements", "Scatter")
def scatter_elements(node: Node) -> None:
    """Put of elements at their places.

    Refused: along the batch, and places beyond the whole numbers of f32.
    """
    data = node.operand(0)
    places, shape = _of_elements(node, data)
    _put(node, data, places, shape)


def _put(node: Node, data: str, places: str | Array, shape: Shape) -> None:
    """Make a blob with the third input's values at places the first output."""
    reduction = node.attribute("reduction", "none")
    if reduction not in _PUTTING:
        raise UnsupportedError(f"its reduction is {reduction}")
    if isinstance(places, np.ndarray):
        if not node.apart:
            raise UnsupportedError("its indices are the same for all images")
        places = node.made("places", np.broadcast_to(places, shape)[np.newaxis].astype(np.float32))
    put = node.step("put", Put(operation=_PUTTING[reduction]), [_flat(node, data), places, node.operand(2)])
    node.shaped(put, node.shape_of(data))


def _of_parts(node: Node, data: str, batches: int) -> tuple[str | Array, Shape]:
    """Return the places of parts by the numbers of their first axes, and the shape of all elements of these.

    Parameters
    ----------
    batches : int
        How many axes of an image data and numbers have in common.
    """
    image = _image(node, data)
    own = _image_of_value(node, 1)
    # Without axes they are of nothing.
    *lead, count = own or (0,)
    if not 0 <= batches <= min(len(lead), len(image) - count) or count < 1:
        raise ShapeError(f"indices of shape {own} of parts of elements of shape {image}, of which {batches} axes match")
    strides, end = _strides(image), batches + count
    steps, part = strides[batches:end], prod(image[end:])
    numbers = _counted(node, 1, np.array(image[batches:end]))
    if isinstance(numbers, np.ndarray):
        # NumPy makes a number of one vector.
        first: str | Array = np.asarray(numbers.reshape(*lead, count) @ steps)
    else:
        params = InnerProduct(num_output=1, bias_term=False, axis=len(node.shape_of(numbers)) - 1)
        first = node.step("first", params, [numbers], {"weight": steps[np.newaxis].astype(np.float32)})
    along = [int(stride) for stride in strides[:batches]] + [0] * (len(lead) - batches) + [1]
    offsets = _offsets([*lead[:batches], *(1,) * (len(lead) - batches), part], along)
    return _linear(node, first, 1, offsets, (*lead, 1)), (*lead, *image[end:])


@READERS.register("GatherND")
def gather_nd(node: Node) -> None:
    """Pick of parts by the places of their elements, Take where these are constants.

    Refused: along the batch, and places beyond the whole numbers of f32.
    """
    data, batches = node.operand(0), node.attribute("batch_dims", 0) - (not node.apart)
    if batches < 0:
        raise UnsupportedError("it is along the batch")
    _picked(node, data, *_of_parts(node, data, batches))


@READERS.register("ScatterND")
def scatter_nd(node: Node) -> None:
    """Put of parts at the places of their elements.

    Refused: along the batch, and places beyond the whole numbers of f32.
    """
    if not node.apart:
        raise UnsupportedError("it is along the batch")
    data = node.operand(0)
    places, shape = _of_parts(node, data, 0)
    _put(node, data, places.reshape(shape) if isinstance(places, np.ndarray) else places, shape)


def _by_blob(node: Node) -> None:
    """Make elements of a blob, or of a constant, along an axis by the numbers of another blob the first output.

    Raises
    ------
    UnsupportedError
        Where images would be mixed.
    """
    if not node.apart:
        raise UnsupportedError("its indices must be a constant")
    data = node.operand(0)
    axis = node.axis(node.attribute("axis", 0), len(node.shape_of(data))) - 1
    image, index = _image(node, data), node.shape(1)[1:]
    strides = _strides(image)
    numbers = _counted(node, 1, np.array(image[axis]))
    before, after = image[:axis], image[axis + 1 :]
    places, others = (1,) * len(index), (0,) * len(index)
    offsets = _offsets((*before, *places, *after), (*strides[:axis], *others, *strides[axis + 1 :]))
    shape = (*(1,) * len(before), *index, *(1,) * len(after))
    _picked(node, data, _linear(node, numbers, int(strides[axis]), offsets, shape), (*before, *index, *after))
