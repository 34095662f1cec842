"""InnerProduct against PyTorch, ONNX Runtime and OpenCV over axes, transposed weights and the bias."""

import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import (
    blobs,
    changed_channels,
    check_carried,
    check_columns,
    check_layer,
    check_weight_channels,
    contraction_bound,
    normal,
    run_onnx,
    weights_for,
)
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.innerproduct import InnerProduct


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((2, 3, 4, 5), 1), ((2, 3, 4, 5), 2), ((2, 3, 4, 5), -1), ((7, 11), 1), ((1, 1), -1), ((3, 4), 0)],
)
def test_reference(rng, shape, axis, transpose, bias):
    params = InnerProduct(num_output=6, axis=axis, transpose=transpose, bias_term=bias)
    x = normal(rng, *shape)
    weights = weights_for(params, [x], rng)
    terms, magnitude = contraction_bound(params, [x], weights)
    bound = {"weights": weights, "roundings": terms, "magnitude": magnitude}

    flat = torch.from_numpy(x).flatten(axis if axis >= 0 else x.ndim + axis)
    weight = torch.from_numpy(weights["weight"].copy())
    offset = torch.from_numpy(weights["bias"].copy()) if bias else None
    check_layer(params, [x], torch.nn.functional.linear(flat, weight.T if transpose else weight, offset), **bound)
    if axis == 1:
        operands = [x.reshape(len(x), -1), *weights.values()]
        check_layer(params, [x], run_onnx("Gemm", operands, transB=int(not transpose)), **bound)
    # OpenCV keeps a contracted batch as an axis of 1, where Caffe drops it, and does not read `transpose`.
    if axis != 0 and not transpose:
        check_layer(params, [x], run_opencv(params, [x], weights), **bound)


def test_costs():
    bottoms = [Blob((2, 3, 4, 5))]
    params = InnerProduct(num_output=10)
    assert params.macs(bottoms, params.infer(bottoms, 1)) == 2 * 10 * 60
    later = InnerProduct(num_output=10, axis=2)
    assert later.infer(bottoms, 1) == (Blob((2, 3, 10)),)
    assert later.macs(bottoms, later.infer(bottoms, 1)) == 2 * 3 * 10 * 20
    assert later.weight_shapes(bottoms) == {"weight": (10, 20), "bias": (10,)}


@pytest.mark.parametrize(
    ("shape", "fields", "message"),
    [
        ((2, 3), {}, "num_output is 0"),
        ((2, 3), {"num_output": 4, "axis": 2}, "axis 2"),
        ((2, 3), {"num_output": 4, "axis": -3}, "axis -3"),
        ((1, 1 << 16), {"num_output": 1 << 16}, "elements"),
    ],
)
def test_what_does_not_fit_is_refused(shape, fields, message):
    with pytest.raises(ShapeError, match=message):
        InnerProduct(**fields).infer([Blob(shape)], 1)


def test_takes_one_bottom():
    with pytest.raises(ShapeError, match="exactly one"):
        InnerProduct(num_output=1).infer([], 1)


def test_every_filter_reads_every_channel(rng):
    params = InnerProduct(num_output=5)
    x = normal(rng, 2, 3, 4, 4)
    weights = weights_for(params, [x], rng)
    assert params.channel_rule_for(blobs([x])) is ChannelRule.FILTERS
    for channel in range(3):
        assert changed_channels(params, [x], weights, 0, channel, rng).all()


def test_after_the_channels_they_are_carried(rng):
    check_carried(InnerProduct(num_output=5, axis=2), [normal(rng, 2, 3, 4, 4)], rng)


def test_with_the_batch_contracted_there_are_no_channels():
    assert InnerProduct(num_output=5, axis=0).channel_rule_for([Blob((2, 3))]) is ChannelRule.FIXED


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 2, 2), (2, 3)])
def test_weights_of_filters(rng, shape, transpose, bias):
    params = InnerProduct(num_output=4, transpose=transpose, bias_term=bias)
    check_weight_channels(params, [normal(rng, *shape)], rng)
    check_columns(params, normal(rng, 5, *shape[1:]), rng)


@pytest.mark.parametrize("axis", [0, 2, -1])
def test_rows_that_are_not_channels_stay(axis):
    shapes, params = [Blob((2, 3, 4, 5))], InnerProduct(num_output=6, axis=axis)
    assert params.weight_channels(shapes) == {"weight": (None, None), "bias": (None,)}
    assert params.narrowed(3, 2, shapes) is params


def test_narrowed():
    params = InnerProduct(num_output=6, transpose=True)
    assert params.narrowed(4, 2, [Blob((2, 3))]) == InnerProduct(num_output=4, transpose=True)
