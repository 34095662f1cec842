"""Operators that take values to other places or give them another shape."""

from collections.abc import Sequence
from math import prod

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read import apart
from xdn.frontend.onnx.read.arithmetic import blob_like, lies_along
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.fold import check_extent
from xdn.frontend.onnx.read.moved import batch_of
from xdn.frontend.onnx.read.window import cut
from xdn.graph import Array, Shape
from xdn.layers.bias import Bias
from xdn.layers.concat import Concat
from xdn.layers.pad import Pad
from xdn.layers.permute import Permute
from xdn.layers.pooling import Pooling
from xdn.layers.reshape import Reshape
from xdn.layers.slice import Slice
from xdn.layers.take import NOTHING, Take
from xdn.layers.tile import Tile


@READERS.register("Shape")
def shape_(node: Node) -> None:
    """A constant.

    Refused: as an output of the model.
    """
    shape = node.value_shape()
    first, end = node.attribute("start", 0), node.attribute("end", len(shape))
    node.stands_for(np.array(shape[first:end], np.int64))
    node.making.of_shapes.update(node.proto.output)


@READERS.register("Size")
def size(node: Node) -> None:
    """A constant.

    Refused: as an output of the model.
    """
    node.stands_for(np.array(prod(node.value_shape()), np.int64))
    node.making.of_shapes.update(node.proto.output)


@READERS.register("Reshape")
def reshape(node: Node) -> None:
    """Reshape, whose batch is that of the bottom.

    Refused: a shape that is no constant, and one that has no elements.
    """
    wanted = list(node.integers(1, "shape") or ())
    own = node.value_shape()
    copied = [] if node.attribute("allowzero", 0) else [axis for axis, extent in enumerate(wanted) if extent == 0]
    if copied:
        wanted = [own[axis] if extent == 0 and axis < len(own) else extent for axis, extent in enumerate(wanted)]
    if wanted.count(-1) == 1:
        rest = prod(extent for extent in wanted if extent != -1)
        wanted[wanted.index(-1)] = prod(own) // rest if rest else 0
    if min(wanted, default=1) < 1 or prod(wanted) != prod(own):
        raise ShapeError(f"a blob of shape {own} cannot become one of shape {tuple(wanted)}")
    if node.apart:
        apart.shaped(node, node.bottom(), wanted)
    else:
        node.shaped(node.bottom(), wanted, copied)


@READERS.register("Flatten")
def flatten(node: Node) -> None:
    """Reshape to a matrix."""
    own = node.value_shape()
    axis = node.attribute("axis", 1)
    axis = axis if axis == len(own) else node.axis(axis) - node.apart
    matrix = (prod(own[:axis]), prod(own[axis:]))
    node.shaped(node.bottom(), (1, *matrix) if node.apart else matrix)


@READERS.register("Squeeze")
def squeeze(node: Node) -> None:
    """Reshape without axes of extent 1; where none are named, all but the batch.

    Refused: the batch taken away, and axes that are no constants.
    """
    own, given = node.shape(), node.integers(1, "axes")
    left_out = {node.axis(each) for each in given} if given else {a for a, n in enumerate(own) if a and n == 1}
    if any(own[axis] != 1 for axis in left_out):
        raise ShapeError(f"axes {sorted(left_out)} of a blob of shape {own} are not all of extent 1")
    if 0 in left_out:
        raise UnsupportedError("it takes away the batch axis")
    node.shaped(node.bottom(), [extent for axis, extent in enumerate(own) if axis not in left_out])


@READERS.register("Unsqueeze")
def unsqueeze(node: Node) -> None:
    """Reshape with more axes, of extent 1.

    Refused: an axis before a batch of 1, and axes that are no constants.
    """
    own, given = node.shape(), node.integers(1, "axes") or ()
    rank = len(own) + len(given)
    new = {node.axis(each, rank) for each in given}
    if len(new) < len(given):
        raise ShapeError(f"its axes {given} name one twice")
    if 0 in new and batch_of(node.making.blobs) == 1:
        raise UnsupportedError("it puts an axis before the batch")
    old = iter(own)
    node.shaped(node.bottom(), [1 if axis in new else next(old) for axis in range(rank)])


@READERS.register("Transpose")
def transpose(node: Node) -> None:
    """Permute, which may lay the batch along another axis, as behind the steps of sequences, or keeps it apart."""
    order = tuple(node.attribute("perm", range(len(node.shape()) - node.apart)[::-1]))
    if order == tuple(range(len(order))):
        node.stands_for(node.bottom())
    elif node.apart or (order[0] != 0 and apart.is_possible(node.making)):
        apart.transposed(node, order)
    else:
        node.top(Permute(order=order))


@READERS.register("Concat")
def concat(node: Node) -> None:
    """Concat; a constant beside blobs is the same for all images.

    Refused: a constant beside blobs that differs from image to image.
    """
    numbers = [number for number in range(len(node.proto.input)) if not _is_empty(node, number)]
    like = next((node.bottom(number) for number in numbers if not node.is_constant(number)), None)
    if like is None:
        raise UnsupportedError("all its inputs are constants, which cannot be computed")
    axis = node.axis(node.attribute("axis", 1), len(node.shape_of(like)))
    blobs = [_part(node, number, like, axis) if node.is_constant(number) else node.bottom(number) for number in numbers]
    if len(blobs) == 1:
        node.stands_for(blobs[0])
    else:
        node.top(Concat(axis=axis), blobs)


def _is_empty(node: Node, number: int) -> bool:
    """Return whether an input is a constant without elements."""
    return node.is_constant(number) and node.constant(number, "part").size == 0


def _part(node: Node, number: int, like: str, axis: int) -> str:
    """Return a constant that is laid beside a blob along an axis as a blob."""
    value = node.constant(number, "part")
    if node.alone:
        return node.operand(number)
    shape = node.shape_of(like)
    if (
        axis == 0
        or value.ndim != len(shape) - node.apart
        or not lies_along(value, (*shape[:axis], value.shape[axis - node.apart], *shape[axis + 1 :]))
    ):
        raise UnsupportedError(f"a constant of shape {value.shape} beside a blob of shape {shape}")
    one = cut(node, like, axis, 0, 1)
    extent = value.shape[axis - node.apart]
    return blob_like(node, number, node.step("repeated", Tile(axis=axis, tiles=extent), [one]) if extent > 1 else one)


@READERS.register("Split")
def split(node: Node) -> None:
    """Slice; parts without elements are constants.

    Refused: sizes that are no constants.
    """
    axis, outputs = node.axis(node.attribute("axis", 0)), node.proto.output
    extent = node.shape()[axis]
    sizes = node.integers(1, "split")
    if sizes is None:
        each = -(-extent // len(outputs))
        sizes = (*[each] * (len(outputs) - 1), extent - each * (len(outputs) - 1))
    if sum(sizes) != extent or min(sizes) < 0 or len(sizes) != len(outputs):
        raise ShapeError(f"{extent} elements in {len(outputs)} parts of {sizes}")
    parts = [number for number, size in enumerate(sizes) if size]
    for number in set(range(len(sizes))).difference(parts):
        shape = node.shape()
        node.stands_for(np.zeros((*shape[node.apart : axis], 0, *shape[axis + 1 :]), np.float32), number)
    if len(parts) == 1:
        node.stands_for(node.bottom(), parts[0])
        return
    tops = [node.fresh_top(number) for number in parts]
    points = tuple(int(each) for each in np.cumsum([sizes[number] for number in parts])[:-1])
    node.append(node.proto.name or tops[0], Slice(axis=axis, slice_point=points), [node.bottom()], tops, {})
    for number, top in zip(parts, tops, strict=True):
        node.stands_for(top, number)


@READERS.register("Slice")
def slice_(node: Node) -> None:
    """Slice along one axis after the other; every so many positions are the maxima of windows of one, or a Take.

    Refused: with steps along the batch, and starts, ends, axes or steps that are no constants.
    """
    starts, ends = node.integers(1, "starts") or (), node.integers(2, "ends") or ()
    axes = node.integers(3, "axes") or tuple(range(len(starts)))
    steps = node.integers(4, "steps") or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise ShapeError(f"{len(starts)} starts, {len(ends)} ends, {len(axes)} axes and {len(steps)} steps")
    blob = node.bottom()
    strides: dict[int, int] = {}
    for start, end, axis, step in zip(starts, ends, map(node.axis, axes), steps, strict=True):
        if step == 0:
            raise ShapeError(f"its step along axis {axis} is 0")
        chosen = range(*slice(start, end, step).indices(node.shape_of(blob)[axis]))
        if not chosen:
            raise ShapeError(f"nothing is left of axis {axis} from {start} to {end}")
        if step > 0:
            blob = cut(node, blob, axis, chosen[0], chosen[-1] + 1)
            strides |= {axis: step} if step > 1 else {}
        else:
            blob = take(node, blob, axis, chosen)
    node.stands_for(_stepped(node, blob, strides) if strides else blob)


def _stepped(node: Node, blob: str, strides: dict[int, int]) -> str:
    """Return every so many positions of a blob, from the first on."""
    rank = len(node.shape_of(blob))
    if min(strides) >= 2 and rank in (3, 4, 5):
        steps = tuple(strides.get(axis, 1) for axis in range(2, rank))
        return node.step("steps", Pooling(kernel_size=(1,) * len(steps), stride=steps, round_mode="FLOOR"), [blob])
    for axis, step in strides.items():
        blob = take(node, blob, axis, range(0, node.shape_of(blob)[axis], step))
    return blob


def take(node: Node, blob: str, axis: int, index: Sequence[int] | Array) -> str:
    """Return entries of a blob along an axis, by their numbers; UnsupportedError along the batch, or a ShapeError."""
    if axis == 0:
        raise UnsupportedError("it is along the batch")
    check_extent(len(index))
    return node.step("taken", Take(axis=axis, index=tuple(map(int, index))), [blob])


@READERS.register("Pad")
def pad(node: Node) -> None:
    """Pad around the positions of images, else Take; Bias brings a value that is not zero to the border alone.

    Refused: along the batch, pads or a value that are no constants, and what is less than no pad where it is to be
    filled with positions (modes `edge`, `reflect` and `wrap`).
    """
    pads = _pads(node)
    mode = node.attribute("mode", "constant")
    if pads[0] != (0, 0):
        raise UnsupportedError("it is along the batch")
    value = float(node.scalar(2, "value")) if node.has(2) else node.attribute("value", 0.0)
    blob = node.bottom()
    if mode == "constant" and len(pads) == 4 and pads[1] == (0, 0) and any(map(any, pads)) and min(map(min, pads)) >= 0:
        (above, below), (left, right) = pads[2:]
        blob = node.step("padded", Pad(pad_t=above, pad_l=left, pad_b=below, pad_r=right), [blob])
    else:
        for axis, (before, after) in enumerate(pads):
            if (before, after) != (0, 0):
                blob = take(node, blob, axis, _padded(node.shape()[axis], before, after, mode))
    node.stands_for(_bordered(node, blob, pads, value) if mode == "constant" and value != 0 else blob)


def _bordered(node: Node, blob: str, pads: Sequence[tuple[int, int]], value: float) -> str:
    """Return a padded blob with a value in its border, where zeros are; nothing is added to what lies inside."""
    axes = [axis for axis, sides in enumerate(pads) if max(sides) > 0]
    if not axes:
        return blob
    within = slice(axes[0], axes[-1] + 1)
    border = np.full(node.shape_of(blob)[within], value, np.float32)
    sides = zip(border.shape, pads[within], strict=True)
    border[tuple(slice(max(before, 0), max(extent - max(after, 0), 0)) for extent, (before, after) in sides)] = 0
    return node.step("border", Bias(axis=axes[0], num_axes=border.ndim), [blob], {"bias": border})


def _pads(node: Node) -> list[tuple[int, int]]:
    """Return what is laid before and after each axis; less than nothing is cut off."""
    given, rank = node.integers(1, "pads") or (), len(node.shape())
    named = node.integers(3, "axes")
    axes = node.axes(named)
    if len(given) != 2 * len(axes):
        raise ShapeError(f"{len(given)} pads of {len(axes)} axes; each has one before and one after")
    found = [(0, 0)] * rank
    for axis, before, after in zip(axes, given[: len(axes)], given[len(axes) :], strict=True):
        found[axis] = before, after
    return found


def _padded(extent: int, before: int, after: int, mode: str) -> Array:
    """Return which position of an axis stands at each after, or NOTHING."""
    check_extent(max(-before, before, -after, after))
    places = np.arange(-before, -before + check_extent(extent + before + after))
    if mode == "constant":
        return np.where((places >= 0) & (places < extent), places, NOTHING)
    if min(before, after) < 0:
        raise UnsupportedError(f"it pads by {(before, after)} in mode {mode}")
    if mode == "edge":
        return np.clip(places, 0, extent - 1)
    if mode == "wrap":
        return np.mod(places, extent)
    if mode == "reflect":
        # To the last position and back again, without either of both twice.
        period = max(2 * (extent - 1), 1)
        there = np.mod(places, period)
        return np.asarray(np.minimum(there, period - there).clip(0, extent - 1))
    raise UnsupportedError(f"its mode is {mode}")


@READERS.register("Tile", "Expand")
def tile(node: Node) -> None:
    """Tile along one axis after the other.

    Refused: along the batch, more axes before it, and numbers that are no constants.
    """
    blob, own = node.bottom(), node.value_shape()
    given = [int(each) for each in node.constant(1, "shape").reshape(-1)]
    given = [1] * (len(own) - len(given)) + given
    if more := (1,) * (len(given) - len(own)):
        if not node.apart:
            raise UnsupportedError(f"it makes {len(given)} axes of {len(own)}")
        own = (*more, *own)
        blob = node.in_shape("wide", blob, (1, *own))
    for axis, (extent, number) in enumerate(zip(own, given, strict=True), start=node.apart):
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
