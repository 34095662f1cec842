"""Operators that give places, or are told them: the largest value's, a class's, a diagonal's."""

import numpy as np
from onnx import TensorProto

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.fold import MOST_ELEMENTS, check_extent, check_size
from xdn.frontend.onnx.read.making import WHOLE_TYPES
from xdn.frontend.onnx.read.movement import take
from xdn.frontend.onnx.read.product import mixed
from xdn.graph import Shape
from xdn.layers.argmax import ArgMax
from xdn.layers.binary import Binary
from xdn.layers.eltwise import Eltwise
from xdn.layers.power import Power
from xdn.layers.reverse import Reverse
from xdn.layers.roipooling import ROIPooling
from xdn.layers.take import NOTHING


def _largest(node: Node, blob: str, axis: int, *, last: bool, count: int = 1) -> str:
    """Return the places of the `count` largest values along an axis, of equal ones the first, or the last."""
    if axis == 0:
        raise UnsupportedError("it is along the batch")
    if last:
        return node.step("place", ArgMax(axis=axis, top_k=count), [blob])
    backwards = node.step("backwards", Reverse(axis=(axis,)), [blob])
    place = node.step("from_the_end", ArgMax(axis=axis, top_k=count), [backwards])
    return node.step("place", Power(scale=-1.0, shift=node.shape_of(blob)[axis] - 1.0), [place])


@READERS.register("ArgMax", "ArgMin")
def arg_max(node: Node) -> None:
    """ArgMax, whose place among equal values is the last, of the reversed axis for the first; ArgMin of negatives.

    Refused: along the batch.
    """
    axis, blob = node.axis(node.attribute("axis", 0)), node.bottom()
    if node.proto.op_type == "ArgMin":
        blob = node.step("negative", Power(scale=-1.0), [blob])
    place = _largest(node, blob, axis, last=bool(node.attribute("select_last_index", 0)))
    shape = node.shape_of(place)
    node.shaped(place, shape if node.attribute("keepdims", 1) else [*shape[:axis], *shape[axis + 1 :]])


@READERS.register("TopK")
def top_k(node: Node) -> None:
    """ArgMax of that many values, once for these and once for their places; of negatives for the smallest ones.

    Refused: along the batch, and a k that is no constant.
    """
    axis, (count,) = node.axis(node.attribute("axis", -1)), node.integers(1, "k") or (0,)
    sign = 1.0 if node.attribute("largest", 1) else -1.0
    blob = node.bottom() if sign > 0 else node.step("negative", Power(scale=sign), [node.bottom()])
    node.stands_for(_largest(node, blob, axis, last=False, count=count), 1)
    values = node.step("values", ArgMax(axis=axis, top_k=count, out_max_val=True), [blob])
    node.stands_for(values if sign > 0 else node.step("positive", Power(scale=sign), [values]))


@READERS.register("Hardmax")
def hardmax(node: Node) -> None:
    """1 at the place of the first largest value, 0 at the others.

    Refused: along the batch; operator sets before 13 along another axis than the last.
    """
    axis = node.axis(node.attribute("axis", -1 if node.making.opset >= 13 else 1))
    rank, extent = len(node.shape()), node.shape()[axis]
    if node.making.opset < 13 and axis != rank - 1:
        raise UnsupportedError("its axes from one on are one")
    place = _largest(node, node.bottom(), axis, last=False)
    places = np.arange(extent, dtype=np.float32).reshape(-1, *(1,) * (rank - 1 - axis))
    node.top(Binary(operation="EQUAL"), [place, node.made("places", places)])


@READERS.register("OneHot")
def one_hot(node: Node) -> None:
    """Comparisons with all places, which may count from the last one; then the two values.

    Refused: a depth or values that are no constants, and a new axis before the batch.
    """
    depth, values = node.whole_scalar(1, "depth"), node.constant(2, "values")
    if depth < 1 or values.shape != (2,):
        raise ShapeError(f"a depth of {depth}, and values of shape {values.shape}; one place or more, and two values")
    check_size((depth,))
    off, on = map(float, values)
    shape = node.shape()
    axis = node.axis(node.attribute("axis", -1), len(shape) + 1)
    if axis == 0:
        raise UnsupportedError("it puts an axis before the batch")
    numbers = node.in_shape("numbers", node.bottom(), [*shape[:axis], 1, *shape[axis:]])
    places = np.arange(depth, dtype=np.float32).reshape(-1, *(1,) * (len(shape) - axis))
    parts = [
        node.step(name, Binary(operation="EQUAL"), [numbers, node.made(f"{name}.places", wanted)])
        for name, wanted in (("first", places), ("last", places - depth))
    ]
    node.top(Power(scale=on - off, shift=off), [node.step("there", Eltwise(operation="MAX"), parts)])


@READERS.register("Trilu")
def trilu(node: Node) -> None:
    """The product with a triangle of ones.

    Refused: a diagonal that is no constant.
    """
    shape = _matrices(node)
    # Beyond these bounds nothing changes.
    k = max(-shape[-2], min(node.whole_scalar(1, "diagonal"), shape[-1])) if node.has(1) else 0
    kept = (np.triu if node.attribute("upper", 1) else np.tril)(np.ones(shape[-2:], np.float32), k)
    node.top(Binary(operation="MUL"), [node.bottom(), node.made("kept", kept)])


def _matrices(node: Node) -> Shape:
    """Return the first input's shape, of whose matrices a constant is as large as each; ShapeError where it has none.

    Raises
    ------
    ShapeError
        Where the constant would have too many elements, too.
    """
    shape = node.shape()
    if len(shape) < 2:
        raise ShapeError(f"a blob of shape {shape} has no matrices")
    check_size(shape[-2:])
    return shape


@READERS.register("EyeLike")
def eye_like(node: Node) -> None:
    """A constant of the bottom's shape.

    Refused: as an output of the model.
    """
    rows, columns = _matrices(node)[-2:]
    if len(node.shape()) != 2:
        raise ShapeError(f"a blob of shape {node.shape()} is no matrix")
    kind = np.int64 if node.attribute("dtype", TensorProto.FLOAT) in WHOLE_TYPES else np.float32
    node.stands_for(np.eye(rows, columns, node.attribute("k", 0)).astype(kind))
    node.making.of_shapes.update(node.proto.output)


@READERS.register("CenterCropPad")
def center_crop_pad(node: Node) -> None:
    """Take of the middle, with zeros around it, along one axis after the other.

    Refused: along the batch.
    """
    blob, own = node.bottom(), node.shape()
    wanted = [check_extent(int(each)) for each in node.constant(1, "shape").reshape(-1)]
    axes = node.axes(node.attribute("axes"))
    if len(wanted) != len(axes):
        raise ShapeError(f"extents {wanted} of axes {axes}")
    for axis, size in zip(axes, wanted, strict=True):
        extent = own[axis]
        if size != extent:
            begin = (extent - size) // 2 if extent >= size else -((size - extent) // 2)
            index = [place if 0 <= place < extent else NOTHING for place in range(begin, begin + size)]
            blob = take(node, blob, axis, index)
    node.stands_for(blob)


@READERS.register("CumSum")
def cum_sum(node: Node) -> None:
    """InnerProduct with a triangle of ones.

    Refused: along the batch, and an axis that is no constant.
    """
    axis = node.axis(node.whole_scalar(1, "axis"))
    if axis == 0:
        raise UnsupportedError("it is along the batch")
    extent, excluded = node.shape()[axis], int(bool(node.attribute("exclusive", 0)))
    check_size((extent, extent))
    ones = np.ones((extent, extent), np.float32)
    weight = np.tril(ones, -excluded) if node.attribute("reverse", 0) else np.triu(ones, excluded)
    node.stands_for(mixed(node, node.bottom(), axis, weight))


@READERS.register("Range")
def range_(node: Node) -> None:
    """A constant.

    Refused: a start, limit or step that is no constant.
    """
    start, limit, delta = (node.scalar(number, "start, limit or step") for number in range(3))
    count = np.ceil((limit - start) / delta) if delta else np.inf
    if not 0 < count <= MOST_ELEMENTS:
        raise ShapeError(f"{count:g} numbers from {start} to {limit} by {delta}")
    node.stands_for((start + np.arange(int(count)) * delta).astype(node.constant(0, "start").dtype))


@READERS.register("MaxRoiPool")
def max_roi_pool(node: Node) -> None:
    """ROIPooling."""
    size = node.attribute("pooled_shape")
    if len(size) != 2:
        raise ShapeError(f"a pooled_shape of {size}; it is a height and a width")
    params = ROIPooling(pooled_h=size[0], pooled_w=size[1], spatial_scale=node.attribute("spatial_scale", 1.0))
    node.top(params, [node.bottom(0), node.bottom(1)])
