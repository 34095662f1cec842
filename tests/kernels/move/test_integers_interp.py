"""Bilinear interpolation of 8-bit integers: the references' bits, on all targets and in both schedules."""

import pytest

from tests.kernels.integers import check_bits, random_feed, reading_net
from xdn.graph import Quantized

U8, S8 = Quantized(0.0213), Quantized(0.04, signed=True)


@pytest.mark.parametrize("stored", [None, Quantized(0.02), S8], ids=str)
@pytest.mark.parametrize(
    ("type_name", "params"),
    [
        ("Interp", {"height": 9, "width": 7}),
        ("Interp", {"shrink_factor": 2, "pad_beg": -1, "pad_end": -1}),
        ("DeephiResize", {"resize_type": "BILINEAR", "scale_h": 2.0, "scale_w": 0.67}),
    ],
)
def test_interpolated_values(type_name, params, stored, rng, monkeypatch):
    for channels, read in ((10, U8), (64, S8), (33, S8)):
        net = reading_net(type_name, (channels, 5, 3), read=[read], stored=stored, **params)
        check_bits(net, random_feed(net, rng), monkeypatch)
