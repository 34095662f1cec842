"""Dropout does nothing at test time, but for nets trained without scaling."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import check_carried, check_layer, normal
from xdn.errors import UnsupportedError
from xdn.graph import Blob
from xdn.layers.dropout import Dropout


def test_nothing_at_test_time(rng):
    x = normal(rng, 2, 3, 4, 5)
    check_layer(Dropout(dropout_ratio=0.7), [x], x, roundings=0)
    check_layer(Dropout(dropout_ratio=0.7), [x], run_opencv(Dropout(dropout_ratio=0.7), [x]), roundings=0)


def test_without_scaling_while_training_the_test_phase_scales(rng):
    x = normal(rng, 2, 3, 4, 5)
    params = Dropout(dropout_ratio=0.25, scale_train=False)
    assert params.factor == 0.75
    check_layer(params, [x], run_opencv(params, [x]), roundings=1)
    check_layer(params, [x], x * np.float32(0.75), roundings=0)


def test_channels_are_carried(rng):
    check_carried(Dropout(), [normal(rng, 2, 4, 3, 3)], rng)


def test_what_draws_at_test_time_is_refused():
    with pytest.raises(UnsupportedError, match="Remove it"):
        Dropout(sample_weights_test=True).infer([Blob((1, 2))], 1)
