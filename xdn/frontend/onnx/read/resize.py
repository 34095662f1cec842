"""Resize and Upsample: images of another size, and other blobs along any axis but the batch."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.fold import check_extent
from xdn.frontend.onnx.read.product import mixed
from xdn.frontend.onnx.read.resample import Axis, Filter
from xdn.graph import LayerParams
from xdn.layers.deephiresize import DeephiResize
from xdn.layers.interp import Interp
from xdn.layers.power import Power
from xdn.layers.take import NOTHING, Take
from xdn.layers.upsample import Upsample

#: Ways to place positions of which whole factors with the nearest position repeat each position.
_REPEATING = {
    "asymmetric": ("floor",),
    "half_pixel": ("round_prefer_floor", "round_prefer_ceil"),
    "pytorch_half_pixel": ("round_prefer_floor", "round_prefer_ceil"),
}


def _changes(node: Node, scales: int, sizes: int) -> list[Axis]:
    """Return how each axis changes; `scales` and `sizes` are the inputs' numbers."""
    own = node.shape()
    axes = node.axes(node.attribute("axes"))
    extents = node.constant(sizes, "sizes").reshape(-1) if node.has(sizes) else ()
    given = node.constant(scales, "scales").reshape(-1) if node.has(scales) else node.attribute("scales", ())
    if len(extents):
        found = _by_extents(node, [own[axis] for axis in axes], [int(each) for each in extents])
    else:
        factors = np.asarray(given, np.float32)
        with np.errstate(over="ignore"):
            made = np.array([own[axis] for axis in axes], np.float32) * factors if len(factors) == len(axes) else None
        # Extents as large as no f32 are beyond any blob.
        if made is None or not np.isfinite(made).all() or min(factors) <= 0:
            raise ShapeError(f"factors {tuple(factors.tolist())} for a blob of shape {own}")
        found = [Axis(own[axis], int(to), float(by)) for axis, to, by in zip(axes, made, factors, strict=True)]
    changes = [Axis(size, size, 1.0) for size in own]
    for axis, change in zip(axes, _looked_at(node, found), strict=True):
        changes[axis] = change
    if min(check_extent(change.wanted) for change in changes) < 1:
        raise ShapeError(f"nothing is left of a blob of shape {own}: {[change.wanted for change in changes]}")
    if changes[0].wanted != own[0]:
        raise UnsupportedError("it is along the batch")
    return changes


def _by_extents(node: Node, own: Sequence[int], extents: Sequence[int]) -> list[Axis]:
    """Return how axes change to these extents; the same factor for all where the aspect ratio is kept."""
    if len(extents) != len(own):
        raise ShapeError(f"sizes {tuple(extents)} for axes of extents {tuple(own)}")
    pairs = list(zip(own, extents, strict=True))
    policy = node.attribute("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return [Axis(size, to, to / size) for size, to in pairs]
    factor = (min if policy == "not_larger" else max)(to / size for size, to in pairs)
    return [Axis(size, int(np.floor(size * factor + 0.5)), factor) for size in own]


def _looked_at(node: Node, found: Sequence[Axis]) -> list[Axis]:
    """Return axes with the parts of them that are looked at, where the node says such parts: all begins, all ends."""
    if node.attribute("coordinate_transformation_mode") != "tf_crop_and_resize":
        return list(found)
    region = node.constant(1, "roi").reshape(-1)
    if len(region) != 2 * len(found) or not np.isfinite(region).all():
        raise ShapeError(f"a roi of {len(region)} numbers for {len(found)} axes; it has a begin and an end of each")
    sides = zip(found, region[: len(found)], region[len(found) :], strict=True)
    return [replace(axis, region=(float(begin), float(end))) for axis, begin, end in sides]


@READERS.register("Upsample")
def upsample(node: Node) -> None:
    """As Resize whose positions are asymmetric (operator sets 7 to 9).

    Refused: along the batch.
    """
    _resized(node, _changes(node, 1, 2), "asymmetric", "floor")


@READERS.register("Resize")
def resize(node: Node) -> None:
    """Upsample, Interp or DeephiResize where they place positions so; else Take of the nearest, or InnerProduct.

    Refused: along the batch, and sizes, scales or a roi that are no constants.
    """
    before_11 = node.making.opset < 11
    changes = _changes(node, 1, 3) if before_11 else _changes(node, 2, 3)
    places = node.attribute("coordinate_transformation_mode", "asymmetric" if before_11 else "half_pixel")
    _resized(node, changes, places, node.attribute("nearest_mode", "floor" if before_11 else "round_prefer_floor"))


def _resized(node: Node, changes: Sequence[Axis], places: str, rounding: str) -> None:
    """Make the first input with its axes changed the first output; `rounding` is what is nearest."""
    mode = node.attribute("mode", "nearest")
    images = len(changes) == 4 and not any(change.is_changed for change in changes[:2])
    exact = images and all(change.is_exact for change in changes)
    if not any(change.is_changed for change in changes):
        node.stands_for(node.bottom())
    elif mode == "nearest" and images and _repeats(changes, places, rounding):
        node.top(Upsample(scale_h=int(changes[2].factor), scale_w=int(changes[3].factor)))
    elif mode == "nearest":
        _along(node, changes, places, partial(_taken, node, places, rounding))
    elif mode == "linear" and exact and _filter(node) == Filter() and places in _interpolating(changes):
        node.top(_interpolating(changes)[places])
    elif mode in ("linear", "cubic"):
        _along(node, changes, places, partial(_summed, node, places))
    else:
        raise UnsupportedError(f"its mode is {mode}")


def _filter(node: Node) -> Filter:
    """Return the filter by which a node interpolates."""
    cubic = node.attribute("cubic_coeff_a", -0.75) if node.attribute("mode") == "cubic" else None
    return Filter(cubic, bool(node.attribute("antialias", 0)), bool(node.attribute("exclude_outside", 0)))


def _repeats(changes: Sequence[Axis], places: str, rounding: str) -> bool:
    """Return whether each position is there a whole number of times after."""
    return rounding in _REPEATING.get(places, ()) and all(change.factor == int(change.factor) for change in changes)


def _interpolating(changes: Sequence[Axis]) -> dict[str, LayerParams]:
    """Return the layers that interpolate images linearly, by how positions are placed."""
    h, w = changes[2].wanted, changes[3].wanted
    middles = DeephiResize(resize_type="BILINEAR", new_height=h, new_width=w)
    both = {"pytorch_half_pixel": middles} if min(h, w) > 1 else {}
    return {"align_corners": Interp(height=h, width=w), "half_pixel": middles, **both}


def _along(node: Node, changes: Sequence[Axis], places: str, changed: Callable[[str, int, Axis], str]) -> None:
    """Make the first input with one axis after the other `changed` the first output.

    Positions outside become zeros: the value that is wanted there is taken off before, and added after.
    """
    blob, outside = node.bottom(), any(axis.outside(places).any() for axis in changes)
    value = node.attribute("extrapolation_value", 0.0) if outside else 0.0
    if value:
        blob = node.step("lowered", Power(shift=-value), [blob])
    for number, axis in enumerate(changes):
        blob = changed(blob, number, axis) if axis.is_changed else blob
    node.stands_for(node.step("filled", Power(shift=value), [blob]) if value else blob)


def _taken(node: Node, places: str, rounding: str, blob: str, number: int, axis: Axis) -> str:
    """Return a blob with the nearest positions along an axis, zeros outside."""
    index = np.where(axis.outside(places), NOTHING, axis.nearest(places, rounding))
    return node.step("nearest", Take(axis=number, index=tuple(index.tolist())), [blob])


def _summed(node: Node, places: str, blob: str, number: int, axis: Axis) -> str:
    """Return a blob whose positions along an axis are sums of those before."""
    return mixed(node, blob, number, _filter(node).weights(axis, places).T)
