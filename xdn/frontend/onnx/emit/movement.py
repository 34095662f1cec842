"""Layers that take values to other places, in ONNX: Concat, Slice, Crop, Pad, Permute, Reorg, Take and the like."""

from collections.abc import Sequence
from itertools import pairwise

from onnx import TensorProto

from xdn.frontend.onnx.emit.base import EMITTERS, TO_THE_END, Emission
from xdn.graph import LayerParams
from xdn.layers.concat import Concat
from xdn.layers.crop import Crop
from xdn.layers.depthtospace import DepthToSpace
from xdn.layers.embed import Embed
from xdn.layers.flip import Flip
from xdn.layers.pad import Pad
from xdn.layers.permute import Permute
from xdn.layers.reorg import Reorg
from xdn.layers.reverse import Reverse
from xdn.layers.shufflechannel import ShuffleChannel
from xdn.layers.slice import Slice
from xdn.layers.take import NOTHING, Take
from xdn.layers.tile import Tile


@EMITTERS.register("Concat")
def concat(out: Emission, params: Concat) -> None:
    """Concat along the same axis."""
    out.top("Concat", out.bottoms, axis=params.along(out.bottom()))


@EMITTERS.register("Flatten", "Reshape")
def reshape(out: Emission, params: LayerParams) -> None:
    """Reshape to the top's shape."""
    out.reshaped(out.bottoms[0])


@EMITTERS.register("Slice")
def slice_(out: Emission, params: Slice) -> None:
    """Split into equal parts; with points one Slice a top, so that the last part takes what the batch leaves."""
    axis = params.along(out.bottom())
    if not params.slice_point:
        out.graph.node("Split", out.bottoms, *out.tops, axis=axis)
        return
    axes = out.integers("axis", [axis])
    points = [0, *params.slice_point, TO_THE_END]
    bounds = [out.integers(f"point{i}", [point]) for i, point in enumerate(points)]
    for top, (begin, end) in zip(out.tops, pairwise(bounds), strict=True):
        out.graph.node("Slice", [*out.bottoms, begin, end, axes], top)


@EMITTERS.register("Crop")
def crop(out: Emission, params: Crop) -> None:
    """Slice; where an extent of the second bottom depends on the batch, its Shape says how far."""
    bottom = out.bottom()
    axis, axes = bottom.axis(params.axis), len(bottom.shape)
    window = params.window([bottom, out.bottom(1)])[axis:]
    begins = out.integers("begins", [part.start for part in window])
    if None in out.graph.dims(out.layer.bottoms[1])[axis:]:
        extents = out.step("Shape", [out.bottoms[1]], "extents", start=axis)
        ends = out.step("Add", [begins, extents], "ends")
    else:
        ends = out.integers("ends", [part.stop for part in window])
    out.top("Slice", [out.bottoms[0], begins, ends, out.integers("axes", range(axis, axes))])


@EMITTERS.register("Pad")
def pad(out: Emission, params: Pad) -> None:
    """Pad with zeros, or take the rows and columns that stand in the border, too."""
    if params.kind != "ZERO":
        rows, columns = (out.integers("places", each.tolist()) for each in params.places(out.bottom().shape[2:]))
        out.top("Gather", [out.step("Gather", [*out.bottoms, rows], "rows", axis=2), columns], axis=3)
        return
    (above, below), (left, right) = params.border(out.bottom().shape[2:])
    out.top("Pad", [*out.bottoms, out.integers("pads", [0, 0, above, left, 0, 0, below, right])])


@EMITTERS.register("Permute")
def permute(out: Emission, params: Permute) -> None:
    """Transpose."""
    out.top("Transpose", out.bottoms, perm=params.axes(out.bottom()))


@EMITTERS.register("Reverse")
def reverse(out: Emission, params: Reverse) -> None:
    """Slice from the end on, backwards."""
    axes = params.axes(out.bottom())
    backwards = (("begins", -1), ("ends", -TO_THE_END), ("axes", None), ("strides", -1))
    inputs = [out.integers(name, axes if each is None else [each] * len(axes)) for name, each in backwards]
    out.top("Slice", [*out.bottoms, *inputs])


@EMITTERS.register("Take")
def take(out: Emission, params: Take) -> None:
    """Gather, of a zero behind the last entry where nothing is taken."""
    (source,), axis = out.bottoms, out.bottom().axis(params.axis)
    extent, rank = out.bottom().shape[axis], len(out.bottom().shape)
    if NOTHING in params.index:
        pads = [int(number == rank + axis) for number in range(2 * rank)]
        source = out.step("Pad", [source, out.integers("pads", pads)], "padded")
    index = [extent if each == NOTHING else each for each in params.index]
    out.top("Gather", [source, out.integers("index", index)], axis=axis)


@EMITTERS.register("Tile")
def tile(out: Emission, params: Tile) -> None:
    """Tile along one axis."""
    repeats = [1] * len(out.bottom().shape)
    repeats[out.bottom().axis(params.axis)] = params.tiles
    out.top("Tile", [*out.bottoms, out.integers("repeats", repeats)])


def _transposed(out: Emission, parted: Sequence[int], order: Sequence[int]) -> None:
    """Append a Reshape of each image to `parted`, a Transpose of images and parts, and a Reshape to the top."""
    parts = out.step("Reshape", [*out.bottoms, out.integers("parted", [-1, *parted])], "parted")
    out.reshaped(out.step("Transpose", [parts], "turned", perm=order))


@EMITTERS.register("ShuffleChannel")
def shuffle_channel(out: Emission, params: ShuffleChannel) -> None:
    """Groups and channels of a group, transposed."""
    c, *rest = out.image_shape(out.layer.bottoms[0])
    _transposed(out, (params.group, c // params.group, *rest), (0, 2, 1, *range(3, 3 + len(rest))))


@EMITTERS.register("Reorg")
def reorg(out: Emission, params: Reorg) -> None:
    """Darknet's order, and its inverse with `reverse`."""
    s, (c, h, w) = params.stride, out.image_shape(out.layer.bottoms[0])
    if params.reverse:
        _transposed(out, (s, s, c // (s * s), h, w), (0, 3, 4, 1, 5, 2))
    else:
        _transposed(out, (c // (s * s), h, s, w, s), (0, 3, 5, 1, 2, 4))


@EMITTERS.register("DepthToSpace")
def depth_to_space(out: Emission, params: DepthToSpace) -> None:
    """The same operator, whose modes are called alike."""
    mode = "CRD" if params.data_format == "CRD" else "DCR"
    out.top("DepthToSpace", out.bottoms, blocksize=params.block_size, mode=mode)


@EMITTERS.register("Flip")
def flip(out: Emission, params: Flip) -> None:
    """Slice with steps of -1; Identity where no axis is turned."""
    if not params.axes:
        out.top("Identity", out.bottoms)
        return
    count = len(params.axes)
    starts, ends = out.integers("starts", [-1] * count), out.integers("ends", [-TO_THE_END] * count)
    axes, steps = out.integers("axes", params.axes), out.integers("steps", [-1] * count)
    out.top("Slice", [*out.bottoms, starts, ends, axes, steps])


@EMITTERS.register("Embed")
def embed(out: Emission, params: Embed) -> None:
    """Gather of the rows that the numbers, brought into the range first, stand for; Add of the bias."""
    least = out.scalar("least", 0)
    # Not Max, which lets NaN through: the comparison makes it 0.
    above = out.step("Greater", [*out.bottoms, least], "above")
    positive = out.step("Where", [above, *out.bottoms, least], "positive")
    within = out.step("Min", [positive, out.scalar("most", params.input_dim - 1)], "within")
    inputs = [out.weight("weight"), out.step("Cast", [within], "rows", to=TensorProto.INT64)]
    if params.bias_term:
        out.top("Add", [out.step("Gather", inputs, "found"), out.weight("bias")])
    else:
        out.top("Gather", inputs)
