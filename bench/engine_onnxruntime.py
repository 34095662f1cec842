"""ONNX Runtime's CPU provider."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from engine import Model, register
from quantized import QuantizedApart

from xdn.evaluate.engines import ENGINES


class _Reader:
    """Hands out calibration images one by one, as `quantize_static` asks for them."""

    def __init__(self, model: Model):
        singles = (image[None] for image in model.calibration)
        self._feeds = ({model.input_name: model.transform.apply(image)} for image in singles)

    def get_next(self) -> Mapping[str, np.ndarray] | None:
        """Return the inputs of a run, None after the last one."""
        return next(self._feeds, None)


@register
class OnnxRuntime(QuantizedApart):
    """ONNX Runtime on the ONNX form.

    It is the ONNX form itself in f32, or what its own static quantization makes of it.
    """

    name = "onnxruntime"
    runs = ENGINES["onnxruntime"]
    distribution, variants = runs.distribution, runs.variants
    comes_otherwise = True
    quantizer, file = "onnxruntime", "net.onnx"

    @classmethod
    def quantize(cls, model: Model, folder: Path) -> None:
        """Quantize as its documentation advises for x86-64: prepared, activations of u8, weights of s8 by filter."""
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process

        ready = folder / "prepared.onnx"
        quant_pre_process(model.folder / "net.onnx", ready, skip_symbolic_shape=True)
        types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
        made = {"quant_format": QuantFormat.QDQ, "per_channel": True}
        quantize_static(ready, folder / cls.file, _Reader(model), **made, **types)
        ready.unlink()
