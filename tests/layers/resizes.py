"""Resizing for every form that a layer takes: to larger and smaller sizes, by both rules."""

from xdn.layers.deephiresize import DeephiResize
from xdn.layers.interp import Interp

RESIZES = [
    DeephiResize(resize_type=kind, **fields)
    for kind in ("BILINEAR", "NEAREST")
    for fields in (
        {"new_height": 7, "new_width": 9},
        {"new_height": 1, "new_width": 3},
        {"new_height": 33, "new_width": 65},
        {"scale_h": 2, "scale_w": 1.5},
        {"scale_h": 0.5, "scale_w": 0.34},
        {},
    )
]

#: Interp by each of its fields, for images of 5x6 positions.
INTERPS = [
    Interp(height=7, width=9),
    Interp(height=1, width=3),
    Interp(height=33, width=65),
    Interp(zoom_factor=2),
    Interp(shrink_factor=2),
    Interp(shrink_factor=2, zoom_factor=3),
    Interp(height=5, width=6),
    Interp(height=8, width=8, pad_beg=-1),
    Interp(zoom_factor=2, pad_beg=-1, pad_end=-2),
]
