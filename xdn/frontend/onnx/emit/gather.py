"""Layers that take or put elements by their numbers, in ONNX."""

from onnx import TensorProto

from xdn.errors import UnsupportedError
from xdn.frontend.onnx.emit.base import EMITTERS, Emission
from xdn.layers.pick import Pick
from xdn.layers.put import Put

#: What Put does -> ONNX's reduction; the others came in operator set 18.
_REDUCTIONS = {"SET": "none", "ADD": "add", "MUL": "mul"}


def _rows(out: Emission, number: int) -> str:
    """Return a bottom as rows, one an image."""
    count = out.bottom(number).size // out.bottom(number).shape[0]
    return out.step("Reshape", [out.layer.bottoms[number], out.integers("rows", [-1, count])], f"rows{number}")


def _places(out: Emission) -> str:
    """Return the places, brought into the images, as whole numbers; NaN becomes 0 as others below it."""
    image, least = out.bottom(), out.scalar("least", 0)
    rows = _rows(out, 1)
    above = out.step("Greater", [rows, least], "above")
    positive = out.step("Where", [above, rows, least], "positive")
    within = out.step("Min", [positive, out.scalar("most", image.size // image.shape[0] - 1)], "within")
    return out.step("Cast", [within], "places", to=TensorProto.INT64)


@EMITTERS.register("Pick")
def pick(out: Emission, params: Pick) -> None:
    """GatherElements of rows."""
    out.reshaped(out.step("GatherElements", [_rows(out, 0), _places(out)], "picked", axis=1))


@EMITTERS.register("Put")
def put(out: Emission, params: Put) -> None:
    """ScatterElements of rows."""
    if params.operation not in _REDUCTIONS:
        raise UnsupportedError(f"Put with the operation {params.operation} has no ONNX form in this operator set")
    inputs = [_rows(out, 0), _places(out), _rows(out, 2)]
    reduction = _REDUCTIONS[params.operation]
    out.reshaped(out.step("ScatterElements", inputs, "put", axis=1, reduction=reduction))
