"""Interp, DeephiResize, Resize and Accum against their references: the same operations, so equal bits."""

import pytest

from tests.kernels.checks import check_layer

IMAGE = (10, 5, 3)


@pytest.mark.parametrize(
    "params",
    [
        {"height": 9, "width": 7},
        {"height": 1, "width": 1},
        {"height": 5, "width": 3},
        {"zoom_factor": 3},
        {"shrink_factor": 2},
        {"shrink_factor": 2, "pad_beg": -1, "pad_end": -1},
        {"zoom_factor": 2, "pad_beg": -2},
    ],
)
@pytest.mark.parametrize("image", [IMAGE, (3, 6, 4)])
def test_sizes_and_crops(image, params):
    check_layer("Interp", image, **params)


def test_to_the_size_of_another_blob():
    check_layer("Interp", IMAGE, (2, 8, 9), use_blob_size=True)


@pytest.mark.parametrize("params", [{"height": 9, "width": 2}, {"top_height": 10, "top_width": 9}])
def test_zeros_past_the_last_place(params):
    check_layer("Resize", IMAGE, **params)


@pytest.mark.parametrize("params", [{"new_height": 9, "new_width": 7}, {"scale_h": 2, "scale_w": 0.67}])
@pytest.mark.parametrize("kind", ["BILINEAR", "NEAREST"])
def test_resize(kind, params):
    check_layer("DeephiResize", IMAGE, resize_type=kind, **params)


@pytest.mark.parametrize("params", [{}, {"size_divisible_by": 4}, {"have_reference": True}])
def test_several_of_any_size_side_by_side(params):
    check_layer("Accum", (3, 5, 4), (17, 2, 3), (4, 6, 1), **params)
