"""Resize and Upsample: images of another size."""

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.layers.deephiresize import DeephiResize
from xdn.layers.interp import Interp
from xdn.layers.upsample import Upsample

#: Ways to place positions of which whole factors with the nearest position repeat each position.
_REPEATING = {
    "asymmetric": ("floor",),
    "half_pixel": ("round_prefer_floor", "round_prefer_ceil"),
    "pytorch_half_pixel": ("round_prefer_floor", "round_prefer_ceil"),
}


def _sizes(node: Node, scales: int, sizes: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the shape that is wanted, and by what factors; `scales` and `sizes` are the inputs' numbers."""
    own = node.shape()
    axes = [node.axis(each) for each in node.attribute("axes", range(len(own)))]
    if node.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnsupportedError("it keeps the aspect ratio")
    extents = node.constant(sizes, "sizes").reshape(-1) if node.has(sizes) else ()
    if len(extents):
        if len(extents) != len(axes):
            raise ShapeError(f"sizes {tuple(extents)} for axes {axes} of a blob of shape {own}")
        named = dict(zip(axes, map(int, extents), strict=True))
        wanted = tuple(named.get(axis, extent) for axis, extent in enumerate(own))
        return wanted, tuple(to / size for to, size in zip(wanted, own, strict=True))
    given = node.constant(scales, "scales").reshape(-1) if node.has(scales) else node.attribute("scales", ())
    if len(given) != len(axes) or not np.isfinite(given).all() or min(given) <= 0:
        raise ShapeError(f"factors {tuple(given)} for a blob of shape {own}")
    by_axis = dict(zip(axes, map(float, given), strict=True))
    factors = tuple(by_axis.get(axis, 1.0) for axis in range(len(own)))
    return tuple(int(np.floor(size * factor)) for size, factor in zip(own, factors, strict=True)), factors


@READERS.register("Upsample")
def upsample(node: Node) -> None:
    """Repeat positions (operator sets 7 to 9)."""
    wanted, factors = _sizes(node, 1, 2)
    if node.attribute("mode", "nearest") != "nearest":
        raise UnsupportedError("it interpolates between corners that are not the corners of the image")
    _repeat(node, wanted, factors)


@READERS.register("Resize")
def resize(node: Node) -> None:
    """Upsample, Interp or DeephiResize, by how positions are placed."""
    before_11 = node.making.opset < 11
    wanted, factors = _sizes(node, 1, 3) if before_11 else _sizes(node, 2, 3)
    mode = node.attribute("mode", "nearest")
    places = node.attribute("coordinate_transformation_mode", "asymmetric" if before_11 else "half_pixel")
    rounding = node.attribute("nearest_mode", "floor" if before_11 else "round_prefer_floor")
    if wanted == node.shape():
        node.stands_for(node.bottom())
    elif mode == "nearest" and rounding in _REPEATING.get(places, ()):
        _repeat(node, wanted, factors)
    elif mode == "linear" and len(wanted) == 4 and not node.attribute("antialias", 0):
        _interpolate(node, wanted, factors, places)
    else:
        raise UnsupportedError(f"it is {mode}, {places}, {rounding}, to {wanted}")


def _repeat(node: Node, wanted: tuple[int, ...], factors: tuple[float, ...]) -> None:
    """Repeat positions a whole number of times."""
    if len(wanted) != 4 or factors[:2] != (1, 1) or any(each != int(each) or each < 1 for each in factors):
        raise UnsupportedError(f"it repeats positions by {factors}")
    node.top(Upsample(scale_h=int(factors[2]), scale_w=int(factors[3])))


def _interpolate(node: Node, wanted: tuple[int, ...], factors: tuple[float, ...], places: str) -> None:
    """Interpolate between positions whose corners, or whose middles, are those of the image."""
    h, w = wanted[2:]
    exact = all(abs(size * factor - to) < 1e-3 for size, factor, to in zip(node.shape(), factors, wanted, strict=True))
    if wanted[:2] != node.shape()[:2] or not exact:
        raise UnsupportedError(f"from {node.shape()} by factors {factors}")
    if places == "align_corners":
        node.top(Interp(height=h, width=w))
    elif places == "half_pixel" or (places == "pytorch_half_pixel" and min(h, w) > 1):
        node.top(DeephiResize(resize_type="BILINEAR", new_height=h, new_width=w))
    else:
        raise UnsupportedError(f"it interpolates with positions that are {places}")
