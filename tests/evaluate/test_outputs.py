"""What an output was: shape and range, of finite values."""

import numpy as np

from xdn.evaluate.outputs import Output


def test_shape_and_range():
    values = np.array([[1.0, -2.5], [3.0, 0.0]], np.float32)
    assert Output.of("boxes", values) == Output("boxes", (2, 2), -2.5, 3.0)


def test_what_is_not_a_finite_number_is_counted_and_not_a_bound():
    values = np.array([np.nan, np.inf, -np.inf, 2.0], np.float32)
    assert Output.of("x", values) == Output("x", (4,), 2.0, 2.0, 3)
    assert Output.of("x", values[:2]) == Output("x", (2,), None, None, 2)
    assert Output.of("x", np.empty((0, 7), np.float32)) == Output("x", (0, 7), None, None)
    assert Output.of("x", np.float32(1).reshape(())) == Output("x", (), 1.0, 1.0)
