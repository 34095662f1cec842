"""Forms: what a layer's kernel is called, and which activation is left to the clipping of the top."""

import pytest

from tests.kernels.checks import make_params
from tests.kernels.contract.integer.nets import KINDS, Case
from xdn.codegen.names import KernelName
from xdn.codegen.target import target_named
from xdn.element import S8, U8
from xdn.graph import Quantized
from xdn.kernels.contract.integer.form import Form
from xdn.kernels.core.layout import BATCH, CHANNEL
from xdn.runtime.configuration import DEFAULT
from xdn.runtime.cpu.plan import PROBE_BATCH, lowerings

TARGET = target_named("avx512f")


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
