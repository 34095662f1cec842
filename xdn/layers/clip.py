"""Clip: values kept between two bounds."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Blob, Blobs
from xdn.layers.base import Message, layer_type, proto
from xdn.layers.function import Arithmetic, Constant, Function, Functional, Node, Value, X, node


@layer_type("Clip")
class Clip(Function):
    """Clip: y = min(max(x, min), max) (Caffe's clip_layer.cpp)."""

    message = Message("ClipParameter", "clip_param", 148)
    word = "bounded"

    min: float = proto(1, "float", default=0.0)
    max: float = proto(2, "float", default=0.0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape, unchanged; the bounds do not cross."""
        if not self.min <= self.max:
            raise ShapeError(f"min {self.min} and max {self.max}; the first is not above the second")
        return super().infer(bottoms, n_tops)

    def numpy(self, x: Value) -> Value:
        """Clipped at both ends (NaN stays NaN)."""
        return np.minimum(np.maximum(x, np.float32(self.min)), np.float32(self.max))

    @staticmethod
    def formula(m: Arithmetic, x: Value, least: Value, most: Value) -> Value:
        """min(max(x, least), most); NaN stays NaN."""
        x = m.where(x, "<", least, least, x)
        return m.where(x, ">", most, most, x)

    def onnx(self) -> Node:
        """Clip."""
        return node("Clip", X, Constant("min", self.min), Constant("max", self.max))

    def torch(self, functional: Functional, x: Value) -> Value:
        """Between the bounds."""
        return x.clamp(self.min, self.max)
