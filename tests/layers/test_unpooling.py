"""Unpooling against PyTorch's, and by loops over windows."""

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, compute, normal
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.pooling import Pooling
from xdn.layers.unpooling import Unpooling


def test_a_mask_brings_maxima_back(rng):
    x = normal(rng, 2, 3, 8, 6)
    values, mask = Pooling(kernel_size=(2,), stride=(2,)).reference([x], {}, 2)
    params = Unpooling(kernel_size=2, stride=2, unpool_h=8, unpool_w=6)
    indices = torch.from_numpy(mask.astype(np.int64))
    expected = torch.nn.functional.max_unpool2d(torch.from_numpy(values), indices, 2, output_size=(8, 6))
    check_layer(params, [values, mask], expected.numpy(), roundings=0)


@pytest.mark.parametrize(
    ("unpool", "fields"),
    [
        ("TILE", {"kernel_size": 3, "stride": 2}),
        ("AVE", {"kernel_size": 3, "stride": 2}),
        ("AVE", {"kernel_h": 2, "kernel_w": 3, "stride_h": 1, "stride_w": 3, "unpool_h": 4, "unpool_w": 8}),
        ("TILE", {"kernel_size": 2, "stride": 2, "unpool_size": 7}),
        ("MAX", {"kernel_size": 2, "stride": 2}),
        ("MAX", {"kernel_size": 2, "stride": 3, "unpool_size": 4}),
    ],
)
def test_windows(rng, unpool, fields):
    params, x = Unpooling(unpool=unpool, **fields), normal(rng, 2, 3, 3, 4)
    (top,) = params.infer([Blob(x.shape)], 1)
    expected, size, window = np.zeros(top.shape), top.shape[2:], params.window()
    for p, q in np.ndindex(3, 4):
        begins = [at * stride for at, stride in zip((p, q), window.stride, strict=True)]
        if unpool == "MAX":
            expected[:, :, min(begins[0], size[0] - 1), min(begins[1], size[1] - 1)] = x[:, :, p, q]
            continue
        ends = [min(b + k, extent) for b, k, extent in zip(begins, window.kernel, size, strict=True)]
        elements = max(0, ends[0] - begins[0]) * max(0, ends[1] - begins[1])
        share = elements if unpool == "AVE" and elements else 1
        expected[:, :, begins[0] : ends[0], begins[1] : ends[1]] += x[:, :, p, q, None, None] / share
    check_layer(params, [x], expected, magnitude=4)
    check_carried(params, [x], rng)


def test_sizes():
    assert Unpooling(kernel_size=2, stride=2).output_size(3, 4) == (7, 9)
    assert Unpooling(kernel_size=3, stride=2).output_size(3, 4) == (7, 9)
    assert compute(Unpooling(kernel_size=2), [np.ones((1, 1, 1, 1), np.float32)])[0].tolist() == [[[[1, 0], [0, 0]]]]


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [(1, 2, 3, 3)], "the kernel has no size"),
        ({"kernel_size": 2, "pad": 1}, [(1, 2, 3, 3)], "its Caffe takes none"),
        ({"kernel_size": 2, "unpool_h": 4}, [(1, 2, 3, 3)], "unpool_h and unpool_w"),
        ({"kernel_size": 2, "unpool": "AVE"}, [(1, 2, 3, 3)] * 2, "a mask or none"),
        ({"kernel_size": 2}, [(1, 2, 3, 3), (1, 2, 3, 4)], "a mask of the shape"),
        ({"kernel_size": 2}, [(2, 3, 3)], "a mask or none"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        Unpooling(**fields).infer([Blob(shape) for shape in shapes], 1)


def test_matrices_beyond_all_bounds_are_refused():
    params = Unpooling(kernel_h=1, kernel_w=1, stride_h=1000)
    with pytest.raises(ShapeError, match="20000"):
        params.infer([Blob((1, 1, 20000, 1))], 1)
    # What a mask tells needs none of them.
    params = Unpooling(kernel_h=1, kernel_w=1, stride_h=1000, stride_w=1)
    assert params.infer([Blob((1, 1, 20000, 1))] * 2, 1)[0].shape[2] == 20000001


def test_the_memory_of_its_matrices_counts():
    params, bottom = Unpooling(kernel_h=1, kernel_w=1, stride_h=100, stride_w=1), Blob((1, 1, 1000, 1))
    tops = params.infer([bottom], 1)
    assert params.reference_bytes([bottom], tops) > 4 * 1000 * tops[0].shape[2]
