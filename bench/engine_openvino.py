"""OpenVINO's CPU plugin."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from engine import AS_IT_COMES, BF16, INT8, Model, register
from quantized import QuantizedApart

from xdn.errors import UnsupportedError

FILE = "net.xml"
HINTS = {"latency hint": "LATENCY", "throughput hint": "THROUGHPUT"}


@register
class OpenVino(QuantizedApart):
    """OpenVINO on the ONNX form, one compiled model a batch size, with either of its performance hints.

    It is the ONNX form itself in f32 or bf16, or what NNCF makes of it.
    """

    name = "openvino"
    distribution = "openvino"
    variants = tuple(HINTS)
    comes_otherwise = True
    fixed_batch = True
    quantizer = "nncf"
    takes_bf16 = True

    def __init__(self, model: Model, threads: int):
        import openvino

        super().__init__(model, threads)
        self._package = openvino
        self._core = openvino.Core()
        if model.precision == BF16 and "BF16" not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise UnsupportedError("it computes in bf16 on no processor like this one")

    @classmethod
    def quantize(cls, model: Model, folder: Path) -> None:
        """Post-training quantization as NNCF does it by default, but for the preset and for how many images count."""
        import nncf
        import openvino

        images = nncf.Dataset(model.calibration, lambda image: {model.input_name: model.transform.apply(image[None])})
        network = openvino.Core().read_model(str(model.folder / "net.onnx"))
        options = {"preset": nncf.QuantizationPreset.MIXED, "fast_bias_correction": True}
        made = nncf.quantize(network, images, subset_size=len(model.calibration), **options)
        # By default files hold what stays in f32 in half precision.
        openvino.save_model(made, str(folder / FILE), compress_to_fp16=False)

    def configure(self, batch: int, variant: str) -> None:
        """Compile for this batch size."""
        quantized = self.model.precision == INT8
        path = self.model.int8_folder(self.name) / FILE if quantized else self.model.folder / "net.onnx"
        network = self._core.read_model(str(path))
        network.reshape({self.model.input_name: [batch, *self.model.input_shape]})
        # Without the precision hint the plugin computes in bfloat16 where the processor can.
        config = {
            "PERFORMANCE_HINT": HINTS.get(variant),
            "INFERENCE_NUM_THREADS": self.threads,
            "INFERENCE_PRECISION_HINT": BF16 if self.model.precision == BF16 else "f32",
        }
        self._compiled = self._core.compile_model(network, "CPU", {} if variant == AS_IT_COMES else config)
        self._queued = HINTS.get(variant) == "THROUGHPUT"

    def infer(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """One request after the other, or a queue of them, as the hint's documentation asks for."""
        if not self._queued:
            for x in batches:
                yield self._compiled(x, share_inputs=True)[0]
            return
        queue = self._package.AsyncInferQueue(self._compiled)
        outputs: dict[int, np.ndarray] = {}
        kept: dict[int, np.ndarray] = {}  # shared inputs must outlive their requests

        def finished(request: Any, place: int) -> None:
            outputs[place] = request.get_output_tensor(0).data.copy()
            del kept[place]

        queue.set_callback(finished)
        for place, x in enumerate(batches):
            kept[place] = x
            queue.start_async(x, place, share_inputs=True)
        queue.wait_all()
        yield from (outputs[place] for place in range(len(outputs)))
