"""Operators that take values to other places or give them another shape."""

from collections.abc import Sequence
from math import prod

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.window import cut
from xdn.graph import Array, Shape
from xdn.layers.concat import Concat
from xdn.layers.embed import Embed
from xdn.layers.pad import Pad
from xdn.layers.permute import Permute
from xdn.layers.pooling import Pooling
from xdn.layers.power import Power
from xdn.layers.reshape import Reshape
from xdn.layers.slice import Slice
from xdn.layers.tile import Tile


@READERS.register("Shape")
def shape_(node: Node) -> None:
    """A constant."""
    shape = node.shape()
    first, end = node.attribute("start", 0), node.attribute("end", len(shape))
    node.stands_for(np.array(shape[first:end], np.int64))
    node.making.of_shapes.update(node.proto.output)


@READERS.register("Size")
def size(node: Node) -> None:
    """A constant."""
    node.stands_for(np.array(prod(node.shape()), np.int64))
    node.making.of_shapes.update(node.proto.output)


@READERS.register("Reshape")
def reshape(node: Node) -> None:
    """Reshape, whose batch is that of the bottom."""
    wanted = list(node.integers(1, "shape") or ())
    own = node.shape()
    if not node.attribute("allowzero", 0):
        wanted = [own[axis] if extent == 0 and axis < len(own) else extent for axis, extent in enumerate(wanted)]
    if wanted.count(-1) == 1:
        rest = prod(extent for extent in wanted if extent != -1)
        wanted[wanted.index(-1)] = prod(own) // rest if rest else 0
    if min(wanted, default=1) < 1 or prod(wanted) != prod(own):
        raise ShapeError(f"a blob of shape {own} cannot become one of shape {tuple(wanted)}")
    node.shaped(node.bottom(), wanted)


@READERS.register("Flatten")
def flatten(node: Node) -> None:
    """Reshape to a matrix."""
    own = node.shape()
    axis = node.attribute("axis", 1)
    axis = axis if axis == len(own) else node.axis(axis)
    node.shaped(node.bottom(), (prod(own[:axis]), prod(own[axis:])))


@READERS.register("Squeeze")
def squeeze(node: Node) -> None:
    """Reshape without axes of extent 1; where none are named, all but the batch."""
    own, given = node.shape(), node.integers(1, "axes")
    left_out = {node.axis(each) for each in given} if given else {a for a, n in enumerate(own) if a and n == 1}
    if any(own[axis] != 1 for axis in left_out):
        raise ShapeError(f"axes {sorted(left_out)} of a blob of shape {own} are not all of extent 1")
    if 0 in left_out:
        raise UnsupportedError("it takes away the batch axis")
    node.shaped(node.bottom(), [extent for axis, extent in enumerate(own) if axis not in left_out])


@READERS.register("Unsqueeze")
def unsqueeze(node: Node) -> None:
    """Reshape with more axes, of extent 1."""
    own, given = node.shape(), node.integers(1, "axes") or ()
    rank = len(own) + len(given)
    new = {node.axis(each, rank) for each in given}
    if 0 in new:
        raise UnsupportedError("it puts an axis before the batch")
    old = iter(own)
    node.shaped(node.bottom(), [1 if axis in new else next(old) for axis in range(rank)])


@READERS.register("Transpose")
def transpose(node: Node) -> None:
    """Permute, which leaves the batch first."""
    order = tuple(node.attribute("perm", range(len(node.shape()))[::-1]))
    if order == tuple(range(len(order))):
        node.stands_for(node.bottom())
    elif order[0] != 0:
        raise UnsupportedError(f"it takes the batch elsewhere: {order}")
    else:
        node.top(Permute(order=order))


@READERS.register("Concat")
def concat(node: Node) -> None:
    """Concat."""
    blobs = [node.bottom(i) for i in range(len(node.proto.input))]
    if len(blobs) == 1:
        node.stands_for(blobs[0])
    else:
        node.top(Concat(axis=node.axis(node.attribute("axis", 1))), blobs)


@READERS.register("Split")
def split(node: Node) -> None:
    """Slice."""
    axis, outputs = node.axis(node.attribute("axis", 0)), node.proto.output
    extent = node.shape()[axis]
    sizes = node.integers(1, "split")
    if sizes is None:
        each = -(-extent // len(outputs))
        sizes = (*[each] * (len(outputs) - 1), extent - each * (len(outputs) - 1))
    if sum(sizes) != extent or min(sizes) < 1 or len(sizes) != len(outputs):
        raise ShapeError(f"{extent} elements in {len(outputs)} parts of {sizes}")
    if len(outputs) == 1:
        node.stands_for(node.bottom())
        return
    tops = [node.making.fresh(name or f"{node.name}.part") for name in outputs]
    points = tuple(int(each) for each in np.cumsum(sizes)[:-1])
    node.append(node.name, Slice(axis=axis, slice_point=points), [node.bottom()], tops, {})
    for number, top in enumerate(tops):
        node.stands_for(top, number)


@READERS.register("Slice")
def slice_(node: Node) -> None:
    """Slice along one axis after the other; every so many positions are the maxima of windows of one."""
    starts, ends = node.integers(1, "starts") or (), node.integers(2, "ends") or ()
    axes = node.integers(3, "axes") or tuple(range(len(starts)))
    steps = node.integers(4, "steps") or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise ShapeError(f"{len(starts)} starts, {len(ends)} ends, {len(axes)} axes and {len(steps)} steps")
    blob = node.bottom()
    strides: dict[int, int] = {}
    for start, end, axis, step in zip(starts, ends, map(node.axis, axes), steps, strict=True):
        if step < 1:
            raise UnsupportedError(f"its step is {step}")
        first, last, _ = slice(start, end).indices(node.shape_of(blob)[axis])
        if first >= last:
            raise ShapeError(f"nothing is left of axis {axis} from {start} to {end}")
        blob = cut(node, blob, axis, first, last)
        strides |= {axis: step} if step > 1 else {}
    if strides:
        blob = _stepped(node, blob, strides)
    node.stands_for(blob)


def _stepped(node: Node, blob: str, strides: dict[int, int]) -> str:
    """Return every so many positions of a blob, from the first on."""
    rank = len(node.shape_of(blob))
    if min(strides) < 2 or rank not in (3, 4, 5):
        raise UnsupportedError(f"it steps along axes {sorted(strides)} of {rank}")
    steps = tuple(strides.get(axis, 1) for axis in range(2, rank))
    return node.step("steps", Pooling(kernel_size=(1,) * len(steps), stride=steps, round_mode="FLOOR"), [blob])


@READERS.register("Gather")
def gather(node: Node) -> None:
    """Rows of a constant by Embed; of a blob one element of an axis, or neighbouring ones."""
    if node.is_constant(0):
        _embedded(node, node.constant(0, "table"))
        return
    axis, indices = node.axis(node.attribute("axis", 0)), node.constant(1, "indices")
    extent = node.shape()[axis]
    numbers = [int(each) % extent for each in indices.reshape(-1)]
    if axis == 0 or indices.ndim > 1 or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise UnsupportedError(f"it takes elements {numbers[:8]} of axis {axis}")
    blob = cut(node, node.bottom(), axis, numbers[0], numbers[-1] + 1)
    shape = node.shape_of(blob)
    node.shaped(blob, shape if indices.ndim else [*shape[:axis], *shape[axis + 1 :]])


def _embedded(node: Node, table: Array) -> None:
    """Make the rows of a constant, or its single values, the first output."""
    if table.ndim < 1 or node.axis(node.attribute("axis", 0), table.ndim) != 0:
        raise UnsupportedError(f"it takes parts of a constant of shape {table.shape}")
    rows, columns = len(table), prod(table.shape[1:])
    params = Embed(num_output=columns, input_dim=rows, bias_term=False)
    weights = {"weight": table.reshape(rows, columns)}
    if table.ndim == 2:
        node.top(params, [node.bottom(1)], weights)
        return
    blob = node.step("rows", params, [node.bottom(1)], weights)
    node.shaped(blob, (*node.shape(1), *table.shape[1:]))


@READERS.register("Pad")
def pad(node: Node) -> None:
    """Pad around the positions of images, with a value that is taken off before where it is not zero."""
    pads = list(node.integers(1, "pads") or ())
    rank = len(node.shape())
    if node.has(3):
        axes = [node.axis(int(each)) for each in node.constant(3, "axes")]
        wide = [0] * 2 * rank
        for place, axis in enumerate(axes):
            wide[axis], wide[rank + axis] = pads[place], pads[len(axes) + place]
        pads = wide
    value = float(node.constant(2, "value").reshape(())) if node.has(2) else node.attribute("value", 0.0)
    if not any(pads):
        node.stands_for(node.bottom())
        return
    mode = node.attribute("mode", "constant")
    if mode != "constant" or rank != 4 or min(pads) < 0 or any(pads[axis] for axis in (0, 1, 4, 5)):
        raise UnsupportedError(f"it pads by {pads} in mode {mode}")
    params = Pad(pad_t=pads[2], pad_l=pads[3], pad_b=pads[6], pad_r=pads[7])
    if value == 0:
        node.top(params)
        return
    lowered = node.step("lowered", Power(shift=-value), [node.bottom()])
    node.top(Power(shift=value), [node.step("padded", params, [lowered])])


@READERS.register("Tile", "Expand")
def tile(node: Node) -> None:
    """Tile along one axis after the other."""
    blob, own = node.bottom(), node.shape()
    given = node.constant(1, "shape").reshape(-1)
    if len(given) != len(own):
        raise UnsupportedError(f"it makes {len(given)} axes of {len(own)}")
    for axis, (extent, number) in enumerate(zip(own, map(int, given), strict=True)):
        times = number if node.proto.op_type == "Tile" or extent == 1 else 1
        if times > 1 and axis == 0:
            raise UnsupportedError("it repeats images")
        if times > 1:
            blob = node.step("repeated", Tile(axis=axis, tiles=times), [blob])
    node.stands_for(blob)


@READERS.register("SpaceToDepth")
def space_to_depth(node: Node) -> None:
    """Parts of the positions go before the channels, or in mode CRD behind them."""
    block, (n, c, h, w) = _blocks(node, 2, 3)
    order = (0, 3, 5, 1, 2, 4) if node.attribute("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    _regrouped(node, (c, h // block, block, w // block, block), order, (n, c * block**2, h // block, w // block))


@READERS.register("DepthToSpace")
def depth_to_space(node: Node) -> None:
    """Parts of the channels go beside positions: the first ones, or in mode CRD, as pixels are shuffled, the last."""
    block, (n, c, h, w) = _blocks(node, 1)
    if c % block**2:
        raise ShapeError(f"{c} channels do not divide by {block} x {block}")
    deep, size = c // block**2, (h * block, w * block)
    if node.attribute("mode", "DCR") == "DCR":
        _regrouped(node, (block, block, deep, h, w), (0, 3, 4, 1, 5, 2), (n, deep, *size))
    else:
        _regrouped(node, (deep, block, block, h, w), (0, 1, 4, 2, 5, 3), (n, deep, *size))


def _blocks(node: Node, *axes: int) -> tuple[int, Shape]:
    """Return how wide blocks are, and the bottom's shape, whose `axes` must divide by that."""
    block, shape = node.attribute("blocksize"), node.shape()
    if len(shape) != 4 or block < 1 or any(shape[axis] % block for axis in axes):
        raise ShapeError(f"blocks of {block} of a blob of shape {shape}")
    return block, shape


def _regrouped(node: Node, parts: Sequence[int], order: tuple[int, ...], shape: Sequence[int]) -> None:
    """Make images of other shapes the first output: as `parts`, whose axes come in another order then."""
    wide = node.step("parts", Reshape(shape=(0, *parts)), [node.bottom()])
    node.shaped(node.step("turned", Permute(order=order), [wide]), shape)
