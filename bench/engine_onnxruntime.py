"""ONNX Runtime's CPU provider."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from engine import AS_IT_COMES, INT8, Model, in_pool, register
from quantized import QuantizedApart

FILE = "net.onnx"


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
    """ONNX Runtime on the ONNX form: all threads on one batch, or one batch a thread.

    It is the ONNX form itself in f32, or what its own static quantization makes of it.
    """

    name = "onnxruntime"
    distribution = "onnxruntime"
    variants = ("intra-op threads", "one batch a thread")
    comes_otherwise = True
    quantizer = "onnxruntime"

    def __init__(self, model: Model, threads: int):
        import onnxruntime

        super().__init__(model, threads)
        self._package = onnxruntime
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}
        self._callers = 1

    @classmethod
    def quantize(cls, model: Model, folder: Path) -> None:
        """Quantize as its documentation advises for x86-64: prepared, activations of u8, weights of s8 by filter."""
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process

        ready = folder / "prepared.onnx"
        quant_pre_process(model.folder / "net.onnx", ready, skip_symbolic_shape=True)
        types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
        made = {"quant_format": QuantFormat.QDQ, "per_channel": True}
        quantize_static(ready, folder / FILE, _Reader(model), **made, **types)
        ready.unlink()

    def configure(self, batch: int, variant: str) -> None:
        """Make the variant's session, once."""
        self._callers = self.threads if variant == "one batch a thread" else 1
        if variant not in self._sessions:
            options = self._package.SessionOptions()
            if variant != AS_IT_COMES:
                options.intra_op_num_threads = self.threads // self._callers
                options.inter_op_num_threads = 1
                options.graph_optimization_level = self._package.GraphOptimizationLevel.ORT_ENABLE_ALL
            quantized = self.model.precision == INT8
            path = str((self.model.int8_folder(self.name) if quantized else self.model.folder) / FILE)
            self._sessions[variant] = self._package.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._session = self._sessions[variant]

    def infer(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """One call a batch, from one thread or several."""

        def run(x: np.ndarray) -> np.ndarray:
            return self._session.run(None, {self.model.input_name: x})[0]

        if self._callers == 1:
            yield from map(run, batches)
        else:
            yield from in_pool(run, batches, self._callers)
