"""Forms: what a layer's kernel is called, and what it does to sums before it stores them."""

import numpy as np
import pytest

from tests.kernels.checks import make_params
from tests.kernels.contract.words.nets import KINDS, TARGETS, Case
from tests.kernels.integers import BATCH as IMAGES
from tests.kernels.integers import check_bits, random_feed
from xdn.codegen.names import KernelName
from xdn.codegen.target import target_named
from xdn.element import BF16, REAL, S8, U8
from xdn.graph import Quantized
from xdn.kernels.contract.words.form import Form
from xdn.kernels.core.layout import BATCH, CHANNEL
from xdn.runtime.configuration import DEFAULT
from xdn.runtime.cpu.plan import PROBE_BATCH, lowerings

TARGET = target_named("avx512f")
#: The way that this processor is best in.
HOST = TARGETS[:1]


def _form(**case):
    net = Case(((6, 2, 2),), **case).net(num_output=6, kernel_size=1)
    (lowering,) = lowerings(net.with_batch(PROBE_BATCH), ("y",), TARGET, BATCH, DEFAULT)
    return Form.of(lowering)


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ({}, "dots_plain_u8xs8_12x2__avx512f"),
        ({"read": Quantized(1.0, True), "stored": KINDS["u8"]}, "dots_plain_s8xs8_tou8_12x2__avx512f"),
        ({"residual": "f32", "activation": make_params("PReLU")}, "dots_plain_u8xs8_sumf32_prelu_12x2__avx512f"),
        ({"residual": "s8", "stored": KINDS["s8"]}, "dots_plain_u8xs8_sums8_tos8_12x2__avx512f"),
    ],
)
def test_name(case, name):
    found = _form(**case).name(BATCH, TARGET, (12, 2))
    assert str(found) == name
    assert KernelName.parse(name) == found


def test_name_says_the_second_source_the_schedule_and_the_way():
    form = Form(U8, S8, "vnni", second=S8, activation="relu")
    assert str(form.name(CHANNEL, TARGET, (3, 4))) == "channel_dots_vnni_u8xs8_projections8_relu_tos8_3x4__avx512f"


def test_name_of_bf16():
    form = Form(BF16, BF16, "native", residual=BF16, activation="swish")
    name = "dots_native_bf16xbf16_sumbf16_swish_tobf16_14x2__avx512f"
    assert str(form.name(BATCH, TARGET, (14, 2))) == name
    assert KernelName.parse(name) == form.name(BATCH, TARGET, (14, 2))
    form = Form(BF16, REAL, "emulated", second=BF16)
    assert str(form.name(CHANNEL, TARGET, (3, 4))) == "channel_dots_emulated_bf16xbf16_projectionbf16_3x4__avx512f"


@pytest.mark.parametrize(
    ("form", "together"),
    [
        (Form(U8, REAL, "plain"), 1),
        (Form(U8, REAL, "plain", residual=S8), 4),
        (Form(BF16, REAL, "native"), 1),
        (Form(BF16, BF16, "native"), 2),
        (Form(BF16, REAL, "native", residual=BF16), 2),
    ],
)
def test_filters_that_are_stored_or_read_together(form, together):
    assert form.together == together


@pytest.mark.parametrize(
    ("activation", "top", "word"),
    [
        (make_params("ReLU"), "u8", None),
        (make_params("ReLU"), "s8", "relu"),
        (make_params("ReLU"), "f32", "relu"),
        (make_params("ReLU", negative_slope=0.1), "u8", "relu"),
        (make_params("ReLU6"), "u8", "relu6"),
    ],
)
def test_a_top_that_is_clipped_at_zero_needs_no_relu(activation, top, word):
    assert _form(activation=activation, stored=KINDS[top]).activation == word


@pytest.mark.parametrize("scales", [(2.0**-100, 2.0**-20), (2.0**60, 2.0**-60), (1e-3, 2.0**-100), (2.0**90, 2.0**100)])
@pytest.mark.parametrize("signed", [False, True])
def test_scales_near_zero_and_huge(scales, signed, rng, monkeypatch):
    """Values are far beyond the range of the top, infinite, or all nearest to zero."""
    read, stored = scales
    net = Case(((9, 3, 3),), Quantized(read), stored=Quantized(stored, signed)).net(num_output=6, kernel_size=2)
    check_bits(net, random_feed(net, rng), monkeypatch, targets=HOST)


@pytest.mark.parametrize("signed", [False, True])
def test_a_residual_that_is_nan_or_infinite(signed, rng, monkeypatch):
    net = Case(((4, 1, 3),), stored=Quantized(0.1, signed), residual="f32").net(num_output=5, kernel_size=1)
    feed = random_feed(net, rng)
    feed["residual"][0, :, 0] = np.float32([np.nan, np.inf, -np.inf])
    found = net.with_batch(IMAGES).forward(feed)["y"][0, 0, 0]
    assert found.tolist() == [0, 127 if signed else 255, -128 if signed else 0]
    check_bits(net, feed, monkeypatch, targets=HOST)


def test_results_that_lie_between_two_integers_go_to_the_even_one(monkeypatch):
    net = Case(((1, 1, 1),), Quantized(1.0), stored=Quantized(2.0)).net(num_output=1, kernel_size=1, bias_term=False)
    layer = net.layer("layer").replace(
        weights={"weight": np.full((1, 1, 1, 1), 127, np.float32), "weight_scale": np.float32([127])}
    )
    net = net.replace(layers=(*net.layers[:-1], layer))
    feed = {"x0": np.arange(IMAGES, dtype=np.uint8).reshape(-1, 1, 1, 1)}
    expected = np.rint(np.arange(IMAGES) * 127 / 2).clip(0, 255).astype(np.uint8)
    np.testing.assert_array_equal(net.with_batch(IMAGES).forward(feed)["y"].ravel(), expected)
    check_bits(net, feed, monkeypatch, targets=HOST)
