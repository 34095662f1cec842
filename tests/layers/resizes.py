"""Resizing for every form that a layer takes: to larger and smaller sizes, by both rules."""

from xdn.layers.deephiresize import DeephiResize

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
