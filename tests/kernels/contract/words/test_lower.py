"""What both schedules are alike in: words, biases where positions differ, what sums are as rules see them."""

from dataclasses import replace

import numpy as np
import pytest

from tests.kernels.contract.words.nets import KINDS, Case
from xdn.codegen.rates import Rates
from xdn.codegen.target import target_named
from xdn.graph import Quantized
from xdn.kernels.contract.words.lower import in_place, integer_words, sums_of
from xdn.kernels.contract.words.task import integer_task
from xdn.kernels.core.layout import BATCH
from xdn.runtime.configuration import DEFAULT
from xdn.runtime.cpu.plan import PROBE_BATCH, lowerings

TARGET = replace(target_named("avx512f"), dots="vnni", rates=Rates(multiplied=2.0, dots=0.5))


def _lowering(case, **params):
    net = case.net(**params)
    (lowering,) = lowerings(net.with_batch(PROBE_BATCH), ("y",), TARGET, BATCH, DEFAULT)
    return lowering


def test_words_say_scales_and_are_filled_up_with_zeros():
    stored, residual = KINDS["u8"], KINDS["s8"]
    case = Case(((5, 3, 3),), Quantized(0.02, True), stored=stored, residual="s8")
    lowering = _lowering(case, num_output=6, kernel_size=3, pad=1)
    task = integer_task(lowering)
    words, (begins,) = integer_words(lowering, task, [np.zeros(1)], [np.zeros(1)], 8)
    assert words["inverse"] == np.float32(1) / np.float32(stored.scale)
    assert words["residual_scale"] == residual.scale
    assert (words["x"], words["residual"], words["y"]) == ("x0", "residual", "y")
    # Nine lists of taps, each with a row of biases for eight filters, of which there are six.
    biases = words["bias"].reshape(9, 8)
    assert not biases[:, 6:].any()
    assert set(begins.tolist()) == set(range(0, 72, 8))
    np.testing.assert_array_equal(words["multipliers"][:6], task.sources[0].filters.factor)
    assert not words["multipliers"][6:].any()


@pytest.mark.parametrize(("residual", "top", "alike"), [("u8", "u8", True), ("f32", "f32", True), ("f32", "u8", False)])
def test_a_top_may_stand_in_its_residual_s_place_where_both_lie_alike(residual, top, alike):
    lowering = _lowering(Case(((5, 3, 3),), stored=KINDS[top], residual=residual), num_output=6, kernel_size=1)
    assert in_place(lowering) == ({"y": "residual"} if alike else {})


def test_rules_count_words_at_the_rate_of_dot_products():
    lowering = _lowering(Case(((10, 3, 3),)), num_output=6, kernel_size=3, pad=1)
    sums = sums_of(lowering, integer_task(lowering))
    assert sums.target.rates.multiplied == 0.5
    # The position in the middle meets nine taps of three words; corners four, edges six.
    assert sorted((depth.positions, depth.products) for depth in sums.depths) == sorted(
        [(1, 27.0), *[(1, 12.0)] * 4, *[(1, 18.0)] * 4]
    )
