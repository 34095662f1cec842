"""Quantize: f32 as 8-bit integers."""

import numpy as np
import pytest

from xdn.element import S8, U8
from xdn.errors import ShapeError
from xdn.graph import Blob, Quantized
from xdn.layers.quantize import Quantize


def test_it_gives_integers(rng):
    x = (10 * rng.standard_normal((2, 3))).astype(np.float32)
    for params, element in ((Quantize(scale=0.1), U8), (Quantize(scale=0.1, signed=True), S8)):
        assert params.infer([Blob(x.shape)], 1) == (Blob(x.shape, element, Quantized(0.1).scale),)
        (top,) = params.reference([x], {}, 1)
        assert np.array_equal(top, Quantized(0.1, params.signed).stored(x))
        assert top.dtype == element.numpy


def test_it_takes_f32_by_a_scale_that_there_is():
    with pytest.raises(ShapeError, match="a bottom of u8; it takes f32"):
        Quantize(scale=0.1).infer([Blob((2, 3), U8)], 1)
    with pytest.raises(ShapeError, match="must be positive"):
        Quantize(scale=0.0).infer([Blob((2, 3))], 1)
