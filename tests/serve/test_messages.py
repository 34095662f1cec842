"""Messages between the protocols and the engine."""

import numpy as np

from xdn.serve.messages import Duration, Tensor


def test_a_tensor_has_the_shape_of_its_data():
    assert Tensor("x", "FP32", np.zeros((2, 3), np.float32)).shape == (2, 3)


def test_durations_add_up():
    spent = Duration()
    spent.add(5)
    spent.add(7)
    assert (spent.count, spent.ns) == (2, 12)
