"""Pad and Upsample in PyTorch."""

import numpy as np
import pytest

from tests.train.checks import check_gradients, check_layer, check_values, gradients
from xdn.layers.pad import Pad
from xdn.layers.upsample import Upsample


def test_pad():
    check_layer(Pad(pad_t=1, pad_l=2, pad_r=3), (2, 3, 4, 5))
    check_gradients(Pad(pad=1), (2, 3, 4, 5))


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
