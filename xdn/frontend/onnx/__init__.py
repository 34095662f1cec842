"""ONNX -> `Net`, and `Net` -> ONNX; the package `onnx` is imported only where a model is read or written."""

from pathlib import Path

from xdn.errors import WeightsError
from xdn.frontend.formats import FRONTENDS, Frontend, Reading
from xdn.graph import Net


@FRONTENDS.register(".onnx")
class Onnx(Frontend):
    """ONNX: a model of operator set 7 or later, with its weights."""

    options = ("input_shape",)
    title = "onnx"
    suffixes = (".onnx",)
    says_storage = True

    def read(self, path: Path, weights: Path | None, reading: Reading) -> Net:
        """Return the net of the model `path`; see `Frontend.read`."""
        # Here and not above: it takes longer to import than all of XDN.
        from xdn.frontend.onnx.read.model import read_model
        from xdn.frontend.onnx.read.net import net_of

        if weights is not None:
            raise WeightsError("an ONNX model has its weights in itself", where=str(weights), mend="Leave them out")
        model = read_model(path)
        return net_of(model.proto, str(path), reading.input_shape, model.values).replace(folder=path.parent)

    def write(self, net: Net, folder: Path, stem: str) -> tuple[Path, ...]:
        """Write a model; see `Frontend.write`."""
        from xdn.frontend.onnx.writer import save_onnx

        return save_onnx(net, folder / f"{stem}{self.suffixes[0]}")
