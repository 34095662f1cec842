"""Operators that slide a window: Conv, ConvTranspose, and the pools."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.graph import Array
from xdn.layers.absval import AbsVal
from xdn.layers.convolution import Convolution
from xdn.layers.deconvolution import Deconvolution
from xdn.layers.pad import Pad
from xdn.layers.pooling import Pooling
from xdn.layers.power import Power
from xdn.layers.scale import Scale
from xdn.layers.slice import Slice


@dataclass(frozen=True)
class Sliding:
    """A window over the positions of a blob, an extent for each of their axes."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]

    @property
    def extent(self) -> tuple[int, ...]:
        """How far it reaches along each axis."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def is_dilated(self) -> bool:
        """Whether its elements are apart."""
        return set(self.dilation) != {1}

    @property
    def even(self) -> bool:
        """Whether the border is as wide before the positions as after them."""
        return self.begin == self.end


def _sliding(node: Node, kernel: Sequence[int]) -> Sliding:
    """Return the window of a node with a kernel, over its first input; `auto_pad` says the border by the sizes."""
    sizes, axes = node.shape()[2:], len(node.shape()) - 2
    stride, dilation = _steps(node, kernel)
    pads, auto = node.attribute("pads", [0] * 2 * axes), node.attribute("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        found = zip(sizes, kernel, stride, dilation, strict=True)
        # As many positions as strides fit in, whatever the kernel.
        room = [max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size) for size, k, s, d in found]
        less, more = [each // 2 for each in room], [each - each // 2 for each in room]
        pads = less + more if auto == "SAME_UPPER" else more + less
    if len(pads) != 2 * axes or min(pads) < 0:
        raise UnsupportedError(f"its pads are {list(pads)}")
    return Sliding(tuple(kernel), stride, dilation, tuple(pads[:axes]), tuple(pads[axes:]))


def _steps(node: Node, kernel: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return stride and dilation of a window over a node's first input; ShapeError where they do not fit it."""
    axes = len(node.shape()) - 2
    stride = tuple(node.attribute("strides", [1] * axes))
    dilation = tuple(node.attribute("dilations", [1] * axes))
    if axes < 1 or {len(kernel), len(stride), len(dilation)} != {axes} or min(*kernel, *stride, *dilation) < 1:
        what = f"a kernel of {tuple(kernel)}, a stride of {stride} and a dilation of {dilation}"
        raise ShapeError(f"{what} over a blob of shape {node.shape()}")
    return stride, dilation


def _evened(node: Node, window: Sliding) -> tuple[str, tuple[int, ...]]:
    """Return the blob that is slid over, with zeros around it where the border is not even, and the border left."""
    if window.even:
        return node.bottom(), window.begin
    if len(window.begin) != 2:
        raise UnsupportedError(f"its border is {window.begin} before and {window.end} after the positions")
    (above, left), (below, right) = window.begin, window.end
    return node.step("pad", Pad(pad_t=above, pad_b=below, pad_l=left, pad_r=right), [node.bottom()]), (0, 0)


@READERS.register("Conv")
def conv(node: Node) -> None:
    """Convolution with the filters of the model.

    Refused: filters that are no constants, pads below 0, and a border of lines or volumes that is not even.
    """
    weight = node.constant(1, "filters")
    window = _sliding(node, weight.shape[2:])
    bottom, pad = _evened(node, window)
    params = Convolution(
        num_output=weight.shape[0],
        bias_term=node.has(2),
        pad=pad,
        kernel_size=window.kernel,
        group=node.attribute("group", 1),
        stride=window.stride,
        dilation=window.dilation,
    )
    node.top(params, [bottom], _weights(node, weight))


def _weights(node: Node, weight: Array) -> dict[str, Array]:
    """Return filters, with the scales of their integers, and the bias where there is one."""
    bias = {"bias": node.constant(2, "bias")} if node.has(2) else {}
    return {"weight": weight} | bias | node.filter_scales(weight.shape[0])


@READERS.register("ConvTranspose")
def conv_transpose(node: Node) -> None:
    """Deconvolution; what the border takes off unevenly is cut off by Slice.

    Where positions behind the last one that filters reach are wanted, these have zeros more.

    Refused: filters that are no constants, and a stride or more of positions that they do not reach.
    """
    weight, sizes = node.constant(1, "filters"), node.shape()[2:]
    group = node.attribute("group", 1)
    stride, dilation = _steps(node, weight.shape[2:])
    whole = _reached(sizes, weight.shape[2:], stride, dilation)
    begin, wanted = _taken(node, whole, stride)
    beyond = [max(0, at + size - full) for at, size, full in zip(begin, wanted, whole, strict=True)]
    if any(over >= max(steps) for over, *steps in zip(beyond, stride, dilation, strict=True)):
        raise UnsupportedError(f"it is to give {tuple(wanted)} positions, beyond what its filters reach")
    zeros = [(0, -(-over // d)) for over, d in zip(beyond, dilation, strict=True)]
    weight = np.pad(weight, [(0, 0), (0, 0), *zeros])
    kernel = weight.shape[2:]
    whole = _reached(sizes, kernel, stride, dilation)
    even = all(full - size == 2 * at for full, size, at in zip(whole, wanted, begin, strict=True))
    params = Deconvolution(
        num_output=weight.shape[1] * group,
        bias_term=node.has(2),
        pad=tuple(begin) if even else (),
        kernel_size=kernel,
        group=group,
        stride=stride,
        dilation=dilation,
    )
    weights = _weights(node, weight)
    if even:
        node.top(params, None, weights)
        return
    blob = node.step("whole", params, [node.bottom()], weights)
    for number, (at, size) in enumerate(zip(begin, wanted, strict=True)):
        blob = cut(node, blob, number + 2, at, at + size)
    node.stands_for(blob)


def _reached(sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> list[int]:
    """Return how many positions transposed windows reach along each axis."""
    return [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(sizes, stride, kernel, dilation, strict=True)]


def _taken(node: Node, whole: Sequence[int], stride: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return of all positions that a transposed window reaches where those begin that are given, and how many."""
    axes = len(whole)
    pads = node.attribute("pads", [0] * 2 * axes)
    more = node.attribute("output_padding", [0] * axes)
    wanted, auto = node.attribute("output_shape"), node.attribute("auto_pad", "NOTSET")
    if len(pads) != 2 * axes or len(more) != axes or (wanted is not None and len(wanted) < axes):
        raise ShapeError(f"pads {list(pads)}, output_padding {list(more)} and output_shape {wanted} of {axes} axes")
    if wanted is None and auto in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [size * s for size, s in zip(node.shape()[2:], stride, strict=True)]
    if wanted is None:
        ends = zip(whole, pads[:axes], pads[axes:], more, strict=True)
        return list(pads[:axes]), [full - begin - end + add for full, begin, end, add in ends]
    wanted = list(wanted)[-axes:]
    room = [full + add - size for full, add, size in zip(whole, more, wanted, strict=True)]
    begin = [each // 2 if auto == "SAME_UPPER" else each - each // 2 for each in room]
    return begin, wanted


def cut(node: Node, blob: str, axis: int, first: int, end: int) -> str:
    """Return the part of a blob from `first` to before `end` along an axis; the blob itself where that is all."""
    size = node.shape_of(blob)[axis]
    if (first, end) == (0, size):
        return blob
    if not 0 <= first < end <= size:
        raise ShapeError(f"positions {first} to {end} of {size}")
    points = tuple(point for point in (first, end) if 0 < point < size)
    tops = [node.making.fresh(f"{node.proto.output[0]}.part") for _ in range(len(points) + 1)]
    node.append(f"{node.name}.cut", Slice(axis=axis, slice_point=points), [blob], tops, {})
    return tops[1 if first else 0]


def _places(node: Node, window: Sliding) -> tuple[int, ...]:
    """Return (P, Q), how many windows a pool has; rounded up, none that begins after the last position."""
    found, up = [], bool(node.attribute("ceil_mode", 0))
    axes = zip(node.shape()[2:], window.extent, window.stride, window.begin, window.end, strict=True)
    for size, kernel, stride, begin, end in axes:
        room = size + begin + end - kernel
        count = (-(-room // stride) if up else room // stride) + 1
        found.append(count - 1 if up and (count - 1) * stride >= size + begin else count)
    return tuple(found)


def _pooled(node: Node, pool: str, window: Sliding) -> tuple[Pooling, tuple[int, ...]]:
    """Return the parameters of a pool that has the node's windows among its own, and which of these is the first.

    Its border is as wide after the positions as before them, and its sizes are rounded down or up.
    """
    sizes, wanted = node.shape()[2:], _places(node, window)
    for pad, mode in product((window.begin, tuple(map(max, window.begin, window.end))), ("FLOOR", "CEIL")):
        sides = list(zip(pad, window.begin, window.stride, strict=True))
        params = Pooling(
            pool=pool,
            kernel_size=window.kernel,
            stride=window.stride,
            pad=pad,
            round_mode=mode,
            dilation=window.dilation if window.is_dilated else (),
        )
        first = tuple((wide - begin) // stride for wide, begin, stride in sides)
        found = zip(first, wanted, params.output_size(sizes), strict=True)
        if all((wide - begin) % stride == 0 for wide, begin, stride in sides) and all(
            a + n <= all_ for a, n, all_ in found
        ):
            return params, first
    raise UnsupportedError(f"its border is {window.begin} before and {window.end} after the positions")


def _windows(node: Node, blob: str, first: Sequence[int], places: Sequence[int]) -> str:
    """Return the part of a pool's top that the node gives."""
    for axis, (begin, count) in enumerate(zip(first, places, strict=True), start=2):
        blob = cut(node, blob, axis, begin, begin + count)
    return blob


@READERS.register("MaxPool")
def max_pool(node: Node) -> None:
    """Pooling MAX.

    Refused: the places of the maxima, and a border that no border of Caffe's windows has in it.
    """
    if len(node.proto.output) > 1 and node.proto.output[1]:
        raise UnsupportedError("its indices are asked for")
    window = _sliding(node, node.attribute("kernel_shape", []))
    params, first = _pooled(node, "MAX", window)
    blob = node.step("maxima", params, [node.bottom()])
    node.stands_for(_windows(node, blob, first, _places(node, window)))


@READERS.register("AveragePool")
def average_pool(node: Node) -> None:
    """Pooling AVE, and a factor for each position where another number of elements counts; dilated a Convolution.

    Refused: a border that no border of Caffe's windows has in it.
    """
    window = _sliding(node, node.attribute("kernel_shape", []))
    sizes, places = node.shape()[2:], _places(node, window)
    if window.is_dilated:
        blob, counts = _summed(node, node.bottom(), window, places), np.ones(places, np.float32)
    else:
        params, first = _pooled(node, "AVE", window)
        blob = _windows(node, node.step("average", params, [node.bottom()]), first, places)
        own = tuple(slice(begin, begin + count) for begin, count in zip(first, places, strict=True))
        counts = params.counts(sizes)[own]
    factors = counts / _counted(window, sizes, places, bool(node.attribute("count_include_pad", 0)))
    if (factors == 1).all():
        node.stands_for(blob)
    else:
        node.top(Scale(axis=2, num_axes=len(sizes)), [blob], {"scale": factors})


def _summed(node: Node, blob: str, window: Sliding, places: Sequence[int]) -> str:
    """Return the sums of windows, as filters of ones, each of one channel, give them."""
    pad, first, channels = [], [], node.shape()[1]
    for size, reach, stride, begin, count in zip(
        node.shape()[2:], window.extent, window.stride, window.begin, places, strict=True
    ):
        # Windows more before, until the border, as wide after as before, has all that are wanted.
        more = max(0, count - 1 - (size + 2 * begin - reach) // stride)
        pad.append(begin + more * stride)
        first.append(more)
    params = Convolution(
        num_output=channels,
        bias_term=False,
        pad=tuple(pad),
        kernel_size=window.kernel,
        group=channels,
        stride=window.stride,
        dilation=window.dilation,
    )
    ones = np.ones((channels, 1, *window.kernel), np.float32)
    return _windows(node, node.step("sums", params, [blob], {"weight": ones}), first, places)


@READERS.register("LpPool")
def lp_pool(node: Node) -> None:
    """The root of the sums of powers of windows, which a Convolution by ones gives.

    Refused: a p that is not positive.
    """
    window, p = _sliding(node, node.attribute("kernel_shape", [])), node.attribute("p", 2)
    if p < 1:
        raise UnsupportedError(f"its p is {p}")
    magnitude = node.step("magnitude", AbsVal(), [node.bottom()])
    powers = node.step("powers", Power(power=float(p)), [magnitude])
    node.top(Power(power=1 / p), [_summed(node, powers, window, _places(node, window))])


def _counted(window: Sliding, sizes: Sequence[int], places: Sequence[int], border: bool) -> Array:
    """Return (P, Q), of how many elements each window is the average, those of the border counted or not."""
    sides = []
    for axis, (size, count) in enumerate(zip(sizes, places, strict=True)):
        first, end = (-window.begin[axis], size + window.end[axis]) if border else (0, size)
        begins = np.arange(count) * window.stride[axis] - window.begin[axis]
        at = begins[:, None] + np.arange(window.kernel[axis]) * window.dilation[axis]
        sides.append(((at >= first) & (at < end)).sum(axis=1))
    return np.asarray(reduce(np.multiply.outer, sides), np.float32)


@READERS.register("GlobalAveragePool", "GlobalMaxPool")
def global_pool(node: Node) -> None:
    """Pooling of all positions."""
    node.top(Pooling(pool="AVE" if node.proto.op_type == "GlobalAveragePool" else "MAX", global_pooling=True))
