"""Messages in Python's own types."""

import numpy as np
import pytest

from xdn.frontend.caffe.text import prototxt, values_of
from xdn.frontend.caffe.text.values import shortest


@pytest.mark.parametrize("value", [1e-5, 0.1, 0.015625, 125.3, 3e38, 0.0])
def test_shortest_decimal_is_the_same_f32(value):
    stored = float(np.float32(value))
    assert shortest(stored) == value
    assert np.float32(shortest(stored)) == np.float32(value)


def test_fields_that_are_stated_and_no_others():
    text = """base_lr: 0.1 stepvalue: 3 stepvalue: 5 snapshot_format: HDF5 test_net: "a"
        xdn_param { teacher: "t" alpha: 0.3 } train_state { phase: TEST }"""
    assert values_of(prototxt.parse(text, "s", "SolverParameter")) == {
        "base_lr": 0.1,
        "stepvalue": [3, 5],
        "snapshot_format": "HDF5",
        "test_net": ["a"],
        "xdn_param": {"teacher": ["t"], "alpha": 0.3},
        "train_state": {"phase": "TEST"},
    }
