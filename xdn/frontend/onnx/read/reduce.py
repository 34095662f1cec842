"""Sums, averages and maxima along axes."""

from collections.abc import Sequence
from math import prod

from xdn.errors import UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.layers.base import POSITIONED
from xdn.layers.binary import Binary
from xdn.layers.concat import Concat
from xdn.layers.eltwise import Eltwise
from xdn.layers.exp import Exp
from xdn.layers.log import Log
from xdn.layers.permute import Permute
from xdn.layers.pooling import LOWEST, Pooling
from xdn.layers.power import Power
from xdn.layers.reduction import Reduction
from xdn.layers.reshape import Reshape
from xdn.layers.slice import Slice
from xdn.layers.threshold import Threshold

#: Operator -> what Reduction does.
_OPERATIONS = {
    "ReduceMean": "MEAN",
    "ReduceSum": "SUM",
    "ReduceL1": "ASUM",
    "ReduceSumSquare": "SUMSQ",
    "ReduceL2": "SUMSQ",
}


def _axes(node: Node) -> list[int]:
    """Return the axes along which a node reduces; all where it names none."""
    given = node.integers(1, "axes")
    if not given and node.attribute("noop_with_empty_axes", 0):
        return []
    return sorted(node.axes(given or None))


def _lines(node: Node, axes: Sequence[int]) -> str:
    """Return the bottom as (N, K, R): of R values of each line one is made; the axes that are left are the K."""
    shape = node.shape()
    if axes[0] == 0:
        raise UnsupportedError("it is along the batch")
    kept = [axis for axis in range(1, len(shape)) if axis not in axes]
    order, blob = (0, *kept, *axes), node.bottom()
    if order != tuple(range(len(shape))):
        blob = node.step("turned", Permute(order=order), [blob])
    lines = (prod(shape[axis] for axis in kept), prod(shape[axis] for axis in axes))
    return node.step("lines", Reshape(shape=(0, *lines)), [blob])


def _finish(node: Node, blob: str, axes: Sequence[int]) -> None:
    """Give a blob the shape that the node's output has."""
    kept = [1 if axis in axes else extent for axis, extent in enumerate(node.shape())]
    if not node.attribute("keepdims", 1):
        kept = [extent for axis, extent in enumerate(node.shape()) if axis not in axes]
    node.shaped(blob, kept)


@READERS.register(*_OPERATIONS)
def reduced(node: Node) -> None:
    """Reduction along lines; the averages of all positions by Pooling.

    Refused: along the batch.
    """
    kind = node.proto.op_type
    axes = _axes(node) if kind in ("ReduceMean", "ReduceSum") else _some_axes(node)
    if not axes:
        node.stands_for(node.bottom())
        return
    if kind == "ReduceMean" and axes == list(range(2, len(node.shape()))) and len(node.shape()) in POSITIONED:
        _finish(node, node.step("pooled", Pooling(pool="AVE", global_pooling=True), [node.bottom()]), axes)
        return
    blob = node.step("reduced", Reduction(operation=_OPERATIONS[kind], axis=2), [_lines(node, axes)])
    _finish(node, node.step("root", Power(power=0.5), [blob]) if kind == "ReduceL2" else blob, axes)


@READERS.register("ReduceMax", "ReduceMin")
def extreme(node: Node) -> None:
    """Pooling MAX along lines, for ReduceMin of the negatives.

    Refused: along the batch.
    """
    axes, least = _axes(node), node.proto.op_type == "ReduceMin"
    if not axes:
        node.stands_for(node.bottom())
        return
    lines = _lines(node, axes)
    if least:
        lines = node.step("negative", Power(scale=-1.0), [lines])
    blob = _largest(node, lines)
    _finish(node, node.step("positive", Power(scale=-1.0), [blob]) if least else blob, axes)


def _largest(node: Node, lines: str) -> str:
    """Return the largest value of each line: where the maximum is what Pooling starts from, -infinity."""
    pooled = node.step("pooled", Pooling(pool="MAX", global_pooling=True), [lines])
    above = node.step("above", Threshold(threshold=float(LOWEST)), [pooled])
    return node.step("largest", Eltwise(operation="SUM"), [pooled, node.step("nothing", Log(), [above])])


@READERS.register("ReduceProd")
def product(node: Node) -> None:
    """The products of both halves of each line, then of these halves, until one value is left.

    Refused: along the batch.
    """
    axes = _axes(node)
    if not axes:
        node.stands_for(node.bottom())
        return
    blob = _lines(node, axes)
    while (extent := node.shape_of(blob)[2]) > 1:
        half, points = extent // 2, sorted({extent // 2, extent // 2 * 2} - {extent})
        tops = [node.making.fresh(f"{node.proto.output[0]}.part") for _ in range(len(points) + 1)]
        node.append(f"{node.name}.halves", Slice(axis=2, slice_point=tuple(points)), [blob], tops, {})
        blob = node.step("product", Eltwise(operation="PROD"), tops[:2])
        if half * 2 < extent:
            blob = node.step("products", Concat(axis=2), [blob, tops[2]])
    _finish(node, blob, axes)


@READERS.register("ReduceLogSum")
def log_sum(node: Node) -> None:
    """Reduction SUM, and Log.

    Refused: along the batch, or no axis.
    """
    axes = _some_axes(node)
    _finish(node, _log_of_sum(node, _lines(node, axes)), axes)


@READERS.register("ReduceLogSumExp")
def log_sum_exp(node: Node) -> None:
    """The maximum m of each line, and the logarithm of the sum of exp(x - m), so that no exponential overflows.

    Refused: along the batch, or no axis.
    """
    axes = _some_axes(node)
    lines = _lines(node, axes)
    largest = node.step("largest", Pooling(pool="MAX", global_pooling=True), [lines])
    powers = node.step("powers", Exp(), [node.step("below", Binary(operation="SUB"), [lines, largest])])
    total = _log_of_sum(node, powers)
    flat = node.step("flat", Reshape(shape=(0, node.shape_of(total)[1])), [largest])
    _finish(node, node.step("whole", Eltwise(operation="SUM"), [flat, total]), axes)


def _some_axes(node: Node) -> list[int]:
    """Return the axes that are reduced; UnsupportedError where there are none."""
    axes = _axes(node)
    if not axes:
        raise UnsupportedError("it is along no axis")
    return axes


def _log_of_sum(node: Node, lines: str) -> str:
    """Return the logarithm of the sum of each line."""
    return node.step("logarithm", Log(), [node.step("reduced", Reduction(operation="SUM", axis=2), [lines])])
