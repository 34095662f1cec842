"""ONNX Runtime as an engine to compare with."""

import pytest

from tests.evaluate.engines.engines import check_engine
from xdn.errors import UnsupportedError
from xdn.evaluate.engines.onnxruntime import OnnxRuntime


def test_it_gives_what_the_references_give(tmp_path):
    check_engine(OnnxRuntime, tmp_path)


def test_a_model_that_it_cannot_run_is_a_typed_error(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"no model")
    engine = OnnxRuntime(tmp_path / "net.onnx", 1)
    with pytest.raises(UnsupportedError, match="onnxruntime cannot run this net"):
        engine.configure({"data": (1, 2)}, OnnxRuntime.variants[0])
