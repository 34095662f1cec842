"""DepthToSpace against PyTorch's pixel_shuffle and ONNX Runtime."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, check_moves, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.depthtospace import DepthToSpace


@pytest.mark.parametrize(("shape", "block"), [((2, 8, 3, 5), 2), ((1, 18, 2, 2), 3), ((2, 3, 4, 5), 1)])
@pytest.mark.parametrize("data_format", ["CRD", "DCR", "NCHW"])
def test_reference(rng, shape, block, data_format):
    x, params = normal(rng, *shape), DepthToSpace(block_size=block, data_format=data_format)
    mode = "CRD" if data_format == "CRD" else "DCR"
    check_layer(params, [x], run_onnx("DepthToSpace", [x], blocksize=block, mode=mode), roundings=0)
    if mode == "CRD":
        check_layer(params, [x], torch.nn.functional.pixel_shuffle(torch.from_numpy(x), block).numpy(), roundings=0)
    check_moves(params, [x])
    assert params.channel_rule_for([Blob(shape)]) is ChannelRule.FIXED


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "block_size 0"),
        ({"block_size": 2}, "9 channels do not divide"),
        ({"block_size": 3, "data_format": "NHWC"}, "Known of blobs"),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    with pytest.raises(ShapeError, match=message):
        DepthToSpace(**fields).infer([Blob((1, 9, 2, 2))], 1)
    with pytest.raises(ShapeError, match="4 axes"):
        DepthToSpace(block_size=1).infer([Blob((1, 9, 2))], 1)


def test_a_block_is_filled_row_by_row():
    x = np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1)
    (top,) = DepthToSpace(block_size=2).reference([x], {}, 1)
    np.testing.assert_array_equal(top, [[[[0, 1], [2, 3]]]])
