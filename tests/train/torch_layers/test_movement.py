"""Pad, Embed, Upsample, Interp and DeephiResize in PyTorch."""

import numpy as np
import pytest

from tests.layers.resizes import INTERPS, RESIZES
from tests.train.checks import check_gradients, check_layer, check_values, gradients
from xdn.layers.embed import Embed
from xdn.layers.interp import Interp
from xdn.layers.pad import Pad
from xdn.layers.upsample import Upsample


def test_pad():
    check_layer(Pad(pad_t=1, pad_l=2, pad_r=3), (2, 3, 4, 5))
    check_gradients(Pad(pad=1), (2, 3, 4, 5))
    check_layer(Pad(pad_t=1, pad_l=2, pad_r=3, kind="REPLICATE"), (2, 3, 4, 5))
    check_gradients(Pad(pad=1, kind="REFLECT_101"), (2, 3, 4, 5))


@pytest.mark.parametrize("params", [Upsample(), Upsample(scale=3), Upsample(scale_h=2, scale_w=5)], ids=repr)
def test_upsample(params):
    check_layer(params, (2, 3, 4, 5))
    check_gradients(params, (2, 3, 4, 5))


@pytest.mark.parametrize("params", [Upsample(scale=2), Upsample(scale=2, pad_out_h=True), Upsample(upsample_w=9)])
def test_upsample_with_a_mask(params):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 4, 5)).astype(np.float32)
    p, q = params.output_size(4, 5)
    mask = np.stack([rng.permutation(p * q)[:20] for _ in range(6)]).reshape(x.shape).astype(np.float32)
    mask[0, 0, 0, :3] = [-1, p * q, np.nan]
    check_values(params, x, mask)
    by_x, by_mask = gradients(params, x, mask)
    assert by_mask is None
    assert (by_x == 0).sum() == 3


@pytest.mark.parametrize("params", INTERPS, ids=repr)
def test_interp(params):
    check_layer(params, (2, 3, 5, 6))
    check_gradients(params, (2, 3, 5, 6))


def test_interp_to_the_size_of_another():
    check_layer(Interp(use_blob_size=True), (2, 3, 5, 6), (2, 1, 9, 4))
    check_gradients(Interp(use_blob_size=True, pad_end=-1), (2, 3, 5, 6), (2, 1, 9, 4), without=(1,))


def test_interp_of_one_position():
    check_layer(Interp(height=3, width=4), (2, 3, 1, 1))


@pytest.mark.parametrize("params", RESIZES, ids=repr)
def test_deephi_resize(params):
    check_layer(params, (2, 3, 5, 6))
    check_gradients(params, (2, 3, 5, 6))


@pytest.mark.parametrize("bias_term", [False, True])
@pytest.mark.parametrize("shape", [(3,), (2, 4)])
def test_embed(shape, bias_term):
    params = Embed(num_output=5, input_dim=7, bias_term=bias_term)
    check_layer(params, shape)
    check_values(params, np.random.default_rng(0).integers(0, 7, shape).astype(np.float32))


def test_numbers_outside_of_the_range_give_the_nearest_row():
    numbers = np.array([-1e30, -1, -0.5, 0.5, 6.5, 7, 1e30, np.inf, -np.inf, np.nan], np.float32)
    check_values(Embed(num_output=5, input_dim=7), numbers)


def test_the_rows_that_are_read_have_the_gradient():
    by_numbers, by_weight, by_bias = gradients(Embed(num_output=5, input_dim=4), np.array([2.0, 0.0, 2.0], np.float32))
    assert by_numbers is None
    assert by_weight.any(1).tolist() == [True, False, True, False]
    assert by_bias.all()
