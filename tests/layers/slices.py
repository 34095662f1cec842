"""Slices by each of their fields, which several forms of the layer are tested with."""

from xdn.layers.slice import Slice

#: Parameters, and how many tops; the bottom is (2, 4, 6, 5).
SLICES = [
    (Slice(), 1),
    (Slice(), 2),
    (Slice(axis=-1), 5),
    (Slice(slice_point=(1,)), 2),
    (Slice(axis=2, slice_point=(1, 4)), 3),
    (Slice(slice_dim=3, slice_point=(2,)), 2),
]
