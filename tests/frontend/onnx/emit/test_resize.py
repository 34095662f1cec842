"""Interp, DeephiResize, Resample, Downsample, ImResize, Upsample, Unpooling and CentredUnpooling in ONNX."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import check_layer, check_net, check_values, one_layer_net
from tests.layers.resizes import INTERPS, RESIZES
from xdn.graph import Layer
from xdn.layers.centredunpooling import CentredUnpooling
from xdn.layers.downsample import Downsample
from xdn.layers.imresize import ImResize
from xdn.layers.interp import Interp
from xdn.layers.pooling import Pooling
from xdn.layers.resample import Resample
from xdn.layers.unpooling import Unpooling
from xdn.layers.upsample import Upsample


@pytest.mark.parametrize("params", INTERPS, ids=repr)
def test_interp(params):
    check_layer(params, (2, 3, 5, 6))


def test_interp_to_the_size_of_another():
    check_layer(Interp(use_blob_size=True), (2, 3, 5, 6), (2, 1, 9, 4))
    check_layer(Interp(use_blob_size=True, pad_end=-1), (2, 3, 5, 6), (2, 1, 9, 4))


def test_interp_of_one_position():
    check_layer(Interp(height=3, width=4), (2, 3, 1, 1))


@pytest.mark.parametrize("params", [Upsample(), Upsample(scale=3), Upsample(scale_h=2, scale_w=5)], ids=repr)
def test_upsample(params):
    check_layer(params, (2, 3, 4, 5))


@pytest.mark.parametrize("params", [Upsample(scale=2), Upsample(scale=2, pad_out_h=True), Upsample(upsample_w=9)])
def test_upsample_with_a_mask(params):
    """Several values have one place, and some have none."""
    rng = np.random.default_rng(0)
    p, q = params.output_size(4, 5)
    mask = rng.integers(-3, p * q + 3, (2, 3, 4, 5)).astype(np.float32)
    check_values(params, rng.standard_normal((2, 3, 4, 5)).astype(np.float32), mask)


@pytest.mark.parametrize(
    "params", [Pooling(kernel_size=(2,), stride=(2,)), Pooling(kernel_size=(3,), stride=(2,), pad=(1,))]
)
def test_upsample_after_a_pooling(params):
    net = one_layer_net(params, (2, 3, 8, 10), n_tops=2)
    upsample = Layer("up", Upsample(upsample_h=8, upsample_w=10), ("y0", "y1"), ("z",))
    check_net(net.replace(layers=(*net.layers, upsample), outputs=("z",)), batches=(1, 5))


@pytest.mark.parametrize("params", RESIZES, ids=repr)
def test_deephi_resize(params):
    check_layer(params, (2, 3, 5, 6))


def test_resample():
    check_layer(ImResize(factor=1.5), (2, 3, 5, 6))
    check_layer(Resample(height=3, width=9), (2, 3, 5, 6))
    check_layer(Downsample(top_height=3, top_width=4), (2, 3, 5, 6))
    check_layer(CentredUnpooling(unpool="DIV"), (2, 3, 5, 6), (1, 1, 9, 18))
    check_layer(Resample(kind="CUBIC"), (2, 3, 5, 6), (1, 1, 7, 4))


@pytest.mark.parametrize("unpool", ["MAX", "TILE", "AVE"])
def test_unpooling(unpool):
    check_layer(Unpooling(unpool=unpool, kernel_size=3, stride=2, unpool_size=6), (2, 3, 3, 4))


def test_unpooling_by_a_mask(rng):
    mask = np.stack([rng.permutation(25)[:6] for _ in range(6)]).reshape(2, 3, 2, 3).astype(np.float32)
    check_values(Unpooling(kernel_size=2, stride=2, unpool_size=5), rng.random((2, 3, 2, 3), np.float32), mask)
