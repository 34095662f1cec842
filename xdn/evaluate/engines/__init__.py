"""Other engines, one a file, that run a net's ONNX form: for comparison."""

from xdn.evaluate.engines.engine import AS_IT_COMES, ENGINES, Engine

__all__ = ["AS_IT_COMES", "ENGINES", "Engine"]
