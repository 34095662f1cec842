"""Comparisons, and what is made of truth values, which are 1 and 0."""

from xdn.frontend.onnx.read.arithmetic import can_repeat, combined
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.graph import LayerParams
from xdn.layers.binary import Binary
from xdn.layers.comparison import Comparison
from xdn.layers.eltwise import Eltwise
from xdn.layers.threshold import Threshold

#: Operator -> what Binary calls it.
_COMPARISONS = {
    "Equal": "EQUAL",
    "Less": "LESS",
    "LessOrEqual": "LESS_OR_EQUAL",
    "Greater": "GREATER",
    "GreaterOrEqual": "GREATER_OR_EQUAL",
}
#: Comparison -> that with its operands the other way round.
_MIRRORED = {
    "EQUAL": "EQUAL",
    "LESS": "GREATER",
    "LESS_OR_EQUAL": "GREATER_OR_EQUAL",
    "GREATER": "LESS",
    "GREATER_OR_EQUAL": "LESS_OR_EQUAL",
}
#: Operator -> what Eltwise and Binary do; Xor is told by its operands being different.
_CONNECTIVES: dict[str, tuple[LayerParams | None, str]] = {
    "And": (Eltwise(operation="PROD"), "MUL"),
    "Or": (Eltwise(operation="MAX"), "MAX"),
    "Xor": (None, "NOT_EQUAL"),
}


@READERS.register(*_COMPARISONS)
def comparison(node: Node) -> None:
    """Threshold where something is to be above one number, Comparison with one, else Binary."""
    operation = _COMPARISONS[node.proto.op_type]
    for index, of_the_other in ((1, operation), (0, _MIRRORED[operation])):
        number = node.single(index)
        if number is not None:
            params = Threshold(number) if of_the_other == "GREATER" else Comparison(of_the_other, number)
            node.top(params, [node.bottom(1 - index)])
            return
    node.top(Binary(operation=operation), [node.blob(0), node.blob(1)])


@READERS.register(*_CONNECTIVES)
def connective(node: Node) -> None:
    """Eltwise of truth values, or Binary."""
    alike, operation = _CONNECTIVES[node.proto.op_type]
    blobs = [node.blob(0), node.blob(1)]
    if alike is not None and can_repeat([node.shape_of(blob) for blob in blobs]):
        combined(node, blobs, alike, None)
    else:
        node.top(Binary(operation=operation), blobs)
