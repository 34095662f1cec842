"""What Convolution and Deconvolution share: their fields, their window, and which channels they take."""

from dataclasses import replace

import numpy as np
import pytest

from tests.layers.oracles import EPS, FEW, normal
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.convolution import Convolution
from xdn.layers.deconvolution import Deconvolution
from xdn.layers.filters import Filters
from xdn.layers.window import Window

TYPES = [Convolution, Deconvolution]


@pytest.mark.parametrize("cls", TYPES)
def test_the_fields_are_the_same(cls):
    assert issubclass(cls, Filters)
    assert cls.message is Filters.message
    assert cls.proto_fields() == Filters.proto_fields()
    assert cls.unused is Filters.unused
    assert not set(cls.unused) & set(cls.proto_fields())
    assert cls.channel_rule is ChannelRule.FILTERS


@pytest.mark.parametrize("cls", TYPES)
@pytest.mark.parametrize(
    ("fields", "window"),
    [
        ({"kernel_size": (3,)}, Window((3, 3))),
        ({"kernel_size": (3, 5), "stride": (2, 1), "pad": (1, 2)}, Window((3, 5), (2, 1), (1, 2))),
        ({"kernel_h": 3, "kernel_w": 5, "stride_h": 2, "pad_w": 1}, Window((3, 5), (2, 1), (0, 1))),
        ({"kernel_size": (3,), "dilation": (2, 3)}, Window((3, 3), dilation=(2, 3))),
    ],
)
def test_window(cls, fields, window):
    assert cls(**fields).window(2) == replace(window, transposed=cls is Deconvolution)


@pytest.mark.parametrize("cls", TYPES)
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "num_output 0"),
        ({"num_output": 4, "group": 0}, "group 0"),
        ({"num_output": 4, "group": -1}, "group -1"),
        ({"num_output": 4, "group": 3}, "4 input and 4 output channels do not divide by group 3"),
        ({"num_output": 3, "group": 2}, "4 input and 3 output channels do not divide by group 2"),
        ({"num_output": 4, "axis": 2}, "axis 2"),
        ({"num_output": 4, "axis": -4}, "axis -4"),
        ({"num_output": 4, "axis": 7}, "axis 7"),
    ],
)
def test_channels_that_do_not_fit_are_refused(cls, fields, message):
    with pytest.raises(ShapeError, match=message):
        cls(kernel_size=(1,), **fields).infer([Blob((1, 4, 5, 5))], 1)


@pytest.mark.parametrize("cls", TYPES)
def test_channels_that_fit(cls):
    for fields in ({"num_output": 3}, {"num_output": 6, "group": 2}, {"num_output": 4, "axis": -3}):
        (top,) = cls(kernel_size=(1,), **fields).infer([Blob((1, 4, 5, 5))], 1)
        assert top.shape == (1, fields["num_output"], 5, 5)


@pytest.mark.parametrize("group", [1, 2, 4])
def test_filters_number_the_top_channels_first(rng, group):
    """For one kernel position and a single 1x1 image each filter is a row of the matrix of its group."""
    x = normal(rng, 1, 4, 1, 1)
    for cls in TYPES:
        params = cls(num_output=8, kernel_size=(1,), group=group, bias_term=False)
        weight = normal(rng, *params.weight_shapes([Blob(x.shape)])["weight"])
        filters = params.filters(weight)
        assert filters.shape == (8, 4 // group, 1, 1)
        (top,) = params.reference([x], {"weight": weight}, 1)
        for k in range(8):
            read = x[0, k // (8 // group) * (4 // group) :][: 4 // group]
            products = filters[k] * read
            # At most four products and their sum, on both sides.
            assert abs(products.sum() - top[0, k, 0, 0]) <= FEW * EPS * np.abs(products).sum()
