"""Resample and others of its kind, and Unpooling without a mask: sums of few products in another order."""

import pytest

from tests.kernels.checks import check_layer, weighted

IMAGE = (10, 5, 3)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("Resample", {"height": 9, "width": 7, "kind": "CUBIC"}),
        ("Resample", {"height": 2, "width": 2}),
        ("Resample", {"height": 9, "width": 2, "kind": "NEAREST"}),
        ("ImResize", {"factor": 2}),
        ("Downsample", {"top_height": 2, "top_width": 3}),
        ("CentredUnpooling", {"out_kernel_size": 3, "out_stride": 2, "out_pad": 1}),
        ("CentredUnpooling", {"out_kernel_size": 3, "out_stride": 2, "unpool": "DIV"}),
        ("Unpooling", {"kernel_size": 3, "stride": 2, "unpool": "AVE"}),
        ("Unpooling", {"kernel_size": 3, "stride": 2}),
    ],
)
def test_sizes(kind, params):
    check_layer(kind, IMAGE, allowed=weighted, **params)


def test_to_the_size_of_another_blob():
    check_layer("Resample", (3, 6, 4), (1, 9, 5), allowed=weighted)
