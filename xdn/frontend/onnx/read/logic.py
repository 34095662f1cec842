"""Comparisons, and what is made of truth values, which are 1 and 0."""

from xdn.frontend.onnx.read.arithmetic import can_repeat, combined
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.graph import LayerParams
from xdn.layers.binary import Binary
from xdn.layers.eltwise import Eltwise
from xdn.layers.power import Power
from xdn.layers.threshold import Threshold

#: Operator -> what Binary calls it.
_COMPARISONS = {
    "Equal": "EQUAL",
    "Less": "LESS",
    "LessOrEqual": "LESS_OR_EQUAL",
    "Greater": "GREATER",
    "GreaterOrEqual": "GREATER_OR_EQUAL",
}
#: Operator -> what Eltwise and Binary do; Xor is told by its operands being different.
_CONNECTIVES: dict[str, tuple[LayerParams | None, str]] = {
    "And": (Eltwise(operation="PROD"), "MUL"),
    "Or": (Eltwise(operation="MAX"), "MAX"),
    "Xor": (None, "NOT_EQUAL"),
}


@READERS.register(*_COMPARISONS)
def comparison(node: Node) -> None:
    """Threshold where something is to be above or below one number, else Binary."""
    kind, bound = node.proto.op_type, node.single(1)
    if kind == "Greater" and bound is not None:
        node.top(Threshold(threshold=bound))
    elif kind == "Less" and bound is not None:
        node.top(Threshold(threshold=-bound), [node.step("negative", Power(scale=-1.0), [node.bottom()])])
    else:
        node.top(Binary(operation=_COMPARISONS[kind]), [node.blob(0), node.blob(1)])


@READERS.register(*_CONNECTIVES)
def connective(node: Node) -> None:
    """Eltwise of truth values, or Binary."""
    alike, operation = _CONNECTIVES[node.proto.op_type]
    blobs = [node.blob(0), node.blob(1)]
    if alike is not None and can_repeat([node.shape_of(blob) for blob in blobs]):
        combined(node, blobs, alike, None)
    else:
        node.top(Binary(operation=operation), blobs)
