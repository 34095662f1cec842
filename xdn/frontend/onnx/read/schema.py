"""What ONNX says of each operator: how many inputs it has, and which attributes of which types."""

from collections.abc import Callable
from functools import cache

import onnx

from xdn.errors import NetError

#: What ONNX calls the types of real numbers.
_REAL_TYPES = {f"tensor({name})" for name in ("float", "float16", "double", "bfloat16")}


@cache
def _schema(operator: str, opset: int) -> onnx.defs.OpSchema | None:
    """Return what ONNX says of an operator in an operator set; None of one that it does not have there."""
    try:
        return onnx.defs.get_schema(operator, opset, "")
    except (onnx.defs.SchemaError, TypeError):  # The latter for a name that is no text.
        return None


def check(proto: onnx.NodeProto, opset: int) -> None:
    """Raise NetError where a node has not the inputs or attributes that its operator takes; nothing of unknown ones."""
    schema = _schema(proto.op_type, opset)
    if schema is None:
        return
    if not schema.min_input <= len(proto.input) <= schema.max_input:
        raise NetError(f"it has {len(proto.input)} inputs; it takes {schema.min_input} to {schema.max_input}")
    if not proto.output or not schema.min_output <= len(proto.output) <= schema.max_output:
        raise NetError(f"it has {len(proto.output)} outputs; it gives {schema.min_output} to {schema.max_output}")
    given = {each.name: each.type for each in proto.attribute}
    for name, kind in given.items():
        if name not in schema.attributes:
            raise NetError(f"it has an attribute {name!r}, which its operator does not know in operator set {opset}")
        if schema.attributes[name].type != kind:
            raise NetError(f"its attribute {name!r} is of another type than its operator's")
    missing = [name for name, each in schema.attributes.items() if each.required and name not in given]
    if missing:
        raise NetError(f"its attribute {missing[0]!r} is missing")


def whole_outputs(proto: onnx.NodeProto, opset: int, is_whole: Callable[[int], bool]) -> list[str]:
    """Return the outputs of a node that hold whole numbers, or truth values; `is_whole` says which inputs do."""
    schema = _schema(proto.op_type, opset)
    if schema is None:
        return []
    kinds = {schema.inputs[min(number, len(schema.inputs) - 1)].type_str: number for number in range(len(proto.input))}
    found = []
    for number, name in enumerate(proto.output):
        formal = schema.outputs[min(number, len(schema.outputs) - 1)]
        if is_whole(kinds[formal.type_str]) if formal.type_str in kinds else formal.types.isdisjoint(_REAL_TYPES):
            found.append(name)
    return found
