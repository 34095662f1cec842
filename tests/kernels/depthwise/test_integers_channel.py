"""The order in which the channel schedule lays bytes side by side; what it computes is in `test_integers_batch.py`."""

import numpy as np
import pytest

from tests.kernels.integers import TARGETS_TESTED, WAYS_TESTED, reading_net
from xdn.codegen.words import WORD
from xdn.graph import Quantized
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.depthwise import integers_channel
from xdn.runtime.cpu.plan import make_plan


@pytest.mark.parametrize("target", TARGETS_TESTED, ids=lambda target: target.name)
def test_each_word_has_a_place_of_its_own(target):
    order = integers_channel._order(target)
    assert sorted(order) == list(range(target.vector_bytes))
    # Of the first 16 channels each vector has four.
    assert [place // target.lanes for place in order[:16]] == [i for i in range(4) for _ in range(WORD)]


@pytest.mark.parametrize("target", WAYS_TESTED, ids=lambda target: f"{target.name}-{target.dots}")
def test_weights_of_a_window_stand_once_for_all_positions(target):
    """Nine taps are three fours, wherever the window lies: positions at the border have other offsets."""
    weights = {"weight": np.ones((70, 1, 3, 3), np.float32)}
    params = {"num_output": 70, "group": 70, "kernel_size": 3, "pad": 1, "bias_term": False}
    net = reading_net("Convolution", (70, 5, 6), read=[Quantized(1.0)], weights=weights, **params)
    plan = make_plan(net, {"x0": (70, 5, 6)}, ("y",), schedule=CHANNEL, target=target)
    (step,) = [each for each in plan.steps if "depthwise" in each.source.name.op]
    table, taps = (array for array in step.keep if array.dtype == np.int64)
    assert taps.shape == (9, 12)
    assert table.shape == (30, 4)
    assert (taps == integers_channel._OUTSIDE).sum(axis=1).min() == 3
