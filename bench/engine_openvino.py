"""OpenVINO's CPU plugin."""

from pathlib import Path

from engine import Model, register
from quantized import QuantizedApart

from xdn.evaluate.engines import ENGINES


@register
class OpenVino(QuantizedApart):
    """OpenVINO on the ONNX form.

    It is the ONNX form itself in f32 or bf16, or what NNCF makes of it.
    """

    name = "openvino"
    runs = ENGINES["openvino"]
    distribution, variants, fixed_batch = runs.distribution, runs.variants, runs.fixed_batch
    comes_otherwise = True
    quantizer, file = "nncf", "net.xml"
    takes_bf16 = True

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
        openvino.save_model(made, str(folder / cls.file), compress_to_fp16=False)
