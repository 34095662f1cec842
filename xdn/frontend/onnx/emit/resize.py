"""Interp, DeephiResize, Resample, Downsample, ImResize, Upsample, Unpooling and CentredUnpooling in ONNX."""

import numpy as np
from onnx import TensorProto

from xdn.frontend.onnx.emit.base import EMITTERS, TO_THE_END, Emission
from xdn.layers.deephiresize import DeephiResize
from xdn.layers.interp import Interp
from xdn.layers.resampling import Resampling
from xdn.layers.unpooling import Unpooling
from xdn.layers.upsample import Upsample

#: Resize's inputs for a region of interest and for scales, left out.
_LEFT_OUT = ("", "")


@EMITTERS.register("Interp")
def interp(out: Emission, params: Interp) -> None:
    """Resize, linear with aligned corners, after a Slice that crops; batch and channels are read from the data."""
    source = out.bottoms[0]
    if params.pad_beg or params.pad_end:
        begins = out.integers("begins", [-params.pad_beg] * 2)
        ends = out.integers("ends", [params.pad_end or TO_THE_END] * 2)
        source = out.step("Slice", [source, begins, ends, out.integers("axes", [2, 3])], "part")
    size = out.step("Shape", [out.bottoms[1]], "size", start=2) if params.use_blob_size else _size(out)
    _linear(out, source, size, "align_corners")


def _size(out: Emission) -> str:
    """Return the constant with the top's height and width."""
    return out.integers("size", out.image_shape(out.layer.tops[0])[1:])


def _linear(out: Emission, source: str, size: str, places: str) -> None:
    """Append a linear Resize to `size`, for which `places` says how places lie to each other."""
    images = out.step("Shape", [source], "images", end=2)
    sizes = out.step("Concat", [images, size], "sizes", axis=0)
    out.top("Resize", [source, *_LEFT_OUT, sizes], mode="linear", coordinate_transformation_mode=places)


@EMITTERS.register("DeephiResize")
def deephi_resize(out: Emission, params: DeephiResize) -> None:
    """Resize, linear between the middles of places; or a Gather of rows and one of columns."""
    if params.resize_type == "BILINEAR":
        _linear(out, out.bottoms[0], _size(out), "half_pixel")
        return
    rows, columns = params.places(*out.bottom().shape[2:])
    taken = out.step("Gather", [*out.bottoms, out.integers("rows", rows.tolist())], "rows", axis=2)
    out.top("Gather", [taken, out.integers("columns", columns.tolist())], axis=3)


@EMITTERS.register("Upsample")
def upsample(out: Emission, params: Upsample) -> None:
    """Resize to the nearest position before; with a mask ScatterElements into zeros."""
    if len(out.bottoms) > 1:
        _scattered(out)
        return
    scales = out.constant("scales", np.array([1, 1, *params.factors()], np.float32))
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    out.top("Resize", [*out.bottoms, "", scales], **how)


@EMITTERS.register("Unpooling")
def unpooling(out: Emission, params: Unpooling) -> None:
    """MatMul with what lays out rows and columns; with a mask ScatterElements into zeros."""
    if len(out.bottoms) > 1:
        _scattered(out)
        return
    _laid_out(out, params)


@EMITTERS.register("Resample", "ImResize", "Downsample", "CentredUnpooling")
def resample(out: Emission, params: Resampling) -> None:
    """MatMul with what each row, and each column, gives to each."""
    _laid_out(out, params)


def _laid_out(out: Emission, params: Resampling | Unpooling) -> None:
    """Append the products with what lays out rows, and columns."""
    for blob in (out.layer.bottoms[0], *out.layer.tops):
        out.image_shape(blob)  # The matrices are those of one size of images.
    rows, columns = params.laid_out([out.bottom(index) for index in range(len(out.layer.bottoms))])
    by_rows = out.step("MatMul", [out.constant("rows", rows), out.bottoms[0]], "by_rows")
    out.top("MatMul", [by_rows, out.constant("columns", columns.T)])


def _scattered(out: Emission) -> None:
    """Append what puts each value at its mask's place; places outside of the top are an element after it, cut off.

    Of several values at one place ONNX leaves open which is kept; ONNX Runtime keeps the last, as Caffe does.
    """
    c, p, q = out.image_shape(out.layer.tops[0])
    rows = out.integers("rows", [0, c, -1])
    values = out.step("Reshape", [out.bottoms[0], rows], "x")
    places = out.step("Reshape", [out.bottoms[1], rows], "at")
    outside = out.scalar("outside", p * q)
    low = out.step("GreaterOrEqual", [places, out.scalar("first", 0)], "low")
    within = out.step("And", [low, out.step("Less", [places, outside], "high")], "within")
    kept = out.step("Where", [within, places, outside], "kept")
    numbers = out.step("Cast", [kept], "numbers", to=TensorProto.INT64)
    images = out.step("Shape", [out.bottoms[0]], "images", end=1)
    size = out.step("Concat", [images, out.integers("plane", [c, p * q + 1])], "size", axis=0)
    zeros = out.step("ConstantOfShape", [size], "zeros")
    filled = out.step("ScatterElements", [zeros, numbers, values], "filled", axis=2)
    bounds = [out.integers(name, [value]) for name, value in (("begin", 0), ("end", p * q), ("axis", 2))]
    out.reshaped(out.step("Slice", [filled, *bounds], "part"))
