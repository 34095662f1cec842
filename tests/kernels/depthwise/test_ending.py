"""What kernels of depthwise integers are made for; what they compute is in `test_integers_batch.py`."""

import numpy as np
import pytest

from tests.kernels.integers import reading_net, with_residual
from xdn.graph import Epilogue, Quantized
from xdn.kernels.core.layout import SCHEDULES
from xdn.layers import LAYERS
from xdn.runtime.cpu.plan import make_plan


def _words(stored, activation=None, residual=None):
    """Return the words of the kernels' names in both schedules."""
    weights = {"weight": np.ones((6, 1, 3, 3), np.float32), "bias": np.zeros(6, np.float32)}
    params = {"num_output": 6, "group": 6, "kernel_size": 3, "pad": 1}
    net = reading_net("Convolution", (6, 4, 5), read=[Quantized(0.1)], stored=stored, weights=weights, **params)
    net = with_residual(net, Epilogue(residual is not None, LAYERS[activation]() if activation else None), residual)
    shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
    found = set()
    for schedule in SCHEDULES.values():
        plan = make_plan(net, shapes, net.outputs, schedule=schedule)
        found |= {step.source.name.epilogue for step in plan.steps if "depthwise" in step.source.name.op}
    (words,) = found
    return words


@pytest.mark.parametrize("signed", [False, True])
def test_names_say_how_sums_end(signed):
    how = Quantized(0.2, signed)
    element = how.element.name
    assert _words(None) == ()
    assert _words(how) == (f"to{element}",)
    assert _words(how, "ReLU6", "f32") == ("sumf32", "relu6", f"to{element}")
    assert _words(None, "ReLU", how) == (f"sum{element}", "relu")


def test_what_is_clipped_at_0_needs_no_relu():
    assert _words(Quantized(0.2), "ReLU") == _words(Quantized(0.2))
    assert _words(Quantized(0.2, signed=True), "ReLU") == ("relu", "tos8")
