"""Trained models of other people, where a package that has them is installed (`pip install -e '.[onnx-models]'`)."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import xdn

SPEC = find_spec("rapidocr_onnxruntime")
FOLDER = Path(SPEC.origin).parent / "models" if SPEC is not None and SPEC.origin else Path()
pytestmark = pytest.mark.skipif(SPEC is None, reason="rapidocr-onnxruntime is not installed")


@pytest.mark.parametrize(("name", "shape"), [("*_det_infer", (3, 96, 64)), ("*_cls_infer", (3, 48, 96))])
def test_nets_that_find_and_turn_text(name, shape):
    (path,) = FOLDER.glob(f"{name}.onnx")
    net = xdn.load(path, input_shape=shape)
    x = np.random.default_rng(0).standard_normal((2, *shape), np.float32)
    (found,) = (net.with_batch(2).forward({"x": x})[name] for name in net.outputs)
    (expected,) = onnxruntime.InferenceSession(path).run(None, {"x": x})
    # Probabilities.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
