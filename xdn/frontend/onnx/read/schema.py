"""What ONNX says of each operator: how many inputs it has, which attributes, and the types of its outputs."""

from collections.abc import Callable, Sequence
from functools import cache

import onnx
from onnx import TensorProto, helper

from xdn.errors import NetError

#: What ONNX calls a tensor of each type in its schemas.
_TYPES = {f"tensor({name.lower()})": number for name, number in TensorProto.DataType.items()}
#: Attributes that say the type of an output.
_SAYING = ("to", "dtype", "output_dtype")


@cache
def schema_in(operator: str, opset: int) -> onnx.defs.OpSchema | None:
    """Return what ONNX says of an operator in an operator set; None of one that it does not have there."""
    try:
        return onnx.defs.get_schema(operator, opset, "")
    except (onnx.defs.SchemaError, TypeError):  # The latter for a name that is no text.
        return None


def _schema(operator: str, opset: int) -> onnx.defs.OpSchema | None:
    """Return what ONNX says of an operator in an operator set, or where it came later in the newest; None of others."""
    return schema_in(operator, opset) or schema_in(operator, onnx.defs.onnx_opset_version())


def check(proto: onnx.NodeProto, opset: int) -> None:
    """Raise NetError where a node has not the inputs or attributes that its operator takes.

    Of an operator that ONNX does not have, only whether its attributes have values is known.
    """
    for each in proto.attribute:
        _check_value(each)
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


def _check_value(attribute: onnx.AttributeProto) -> None:
    """Raise NetError for an attribute that has no value, such as one that refers to an attribute of a function."""
    try:
        helper.get_attribute_value(attribute)
    except ValueError:
        raise NetError(f"its attribute {attribute.name!r} has no value") from None


def output_types(proto: onnx.NodeProto, opset: int, type_of: Callable[[int], int]) -> dict[str, int]:
    """Return output -> type of its elements, of a node's outputs; `type_of` says that of each input.

    An output has the type of the inputs that it shares a type with, else the one that an attribute says, else its only
    one, else f32. Nothing is returned of outputs that may not be f32, and of operators that ONNX does not have.
    """
    schema = _schema(proto.op_type, opset)
    if schema is None:
        return {}
    given = [number for number, name in enumerate(proto.input) if name]
    shared = {_formal(schema.inputs, number).type_str: number for number in given}
    said = [helper.get_attribute_value(each) for each in proto.attribute if each.name in _SAYING]
    found = {}
    for number, name in enumerate(proto.output):
        formal = _formal(schema.outputs, number)
        possible = {_TYPES[each] for each in formal.types if each in _TYPES}
        if formal.type_str in shared:
            found[name] = type_of(shared[formal.type_str])
        elif said and said[0] in possible:
            found[name] = said[0]
        elif TensorProto.FLOAT in possible:
            found[name] = TensorProto.FLOAT
        elif len(possible) == 1:
            (found[name],) = possible
    return found


def _formal(
    parameters: Sequence[onnx.defs.OpSchema.FormalParameter], number: int
) -> onnx.defs.OpSchema.FormalParameter:
    """Return what a schema says of an input or output, the last of which may stand for several."""
    return parameters[min(number, len(parameters) - 1)]
