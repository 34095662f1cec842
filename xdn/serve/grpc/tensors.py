"""Requests and responses as messages of gRPC.

Source: Triton's protobuf/grpc_service.proto: inputs are raw, all of them, or each has the field of its datatype;
outputs are raw.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from google.protobuf.message import DecodeError

from xdn import settings
from xdn.errors import ParseError
from xdn.frontend import wire
from xdn.serve.datatypes import datatype_of, from_pieces, from_raw, to_raw
from xdn.serve.grpc.proto import service
from xdn.serve.messages import BadRequestError, InferRequest, InferResponse, Tensor, TooLargeError
from xdn.serve.parameters import refuse

#: Values that become Python's objects at a time.
_PIECE_VALUES = 1 << 13
#: The most fields of a message itself: each tensor has one, and another one where it is raw.
_MOST_FIELDS = 4 * settings.MAX_REQUEST_TENSORS
#: Datatype -> field of `InferTensorContents`.
_FIELDS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def read_message(kind: Any, content: bytes) -> Any:
    """Return the message of a class that some bytes are.

    Raises
    ------
    BadRequestError
        Where they are none.
    TooLargeError
        Where it has so many fields that their objects would take many times its bytes.
    """
    span = wire.Span(memoryview(content), 0, len(content), "the message")
    try:
        if sum(1 for _ in islice(wire.entries(span), _MOST_FIELDS + 1)) > _MOST_FIELDS:
            raise TooLargeError(f"a message of more than {_MOST_FIELDS} fields")
        return kind.FromString(content)
    except (ParseError, DecodeError):
        raise BadRequestError("this is not a message as the call has it") from None


def read_request(message: Any) -> InferRequest:
    """Return the request that a `ModelInferRequest` tells, without a deadline.

    Raises
    ------
    ServeError
        Where it does not follow the protocol, or is larger than what is read.
    """
    raw = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        raise BadRequestError(f"{len(raw)} raw_input_contents of {len(message.inputs)} inputs")
    for each in (*message.inputs, *message.outputs):
        refuse(each.parameters, repr(each.name[:64]))
    return InferRequest(
        message.model_name,
        tuple(_tensor(each, raw[number] if raw else None) for number, each in enumerate(message.inputs)),
        version=message.model_version,
        outputs=tuple(each.name for each in message.outputs),
        id=message.id,
    )


def parameters_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a message, each as its value."""
    chosen = ((name, each, each.WhichOneof("parameter_choice")) for name, each in said.items())
    return {name: getattr(each, choice) if choice else None for name, each, choice in chosen}


def _tensor(said: Any, raw: bytes | None) -> Tensor:
    if raw is not None:
        if said.HasField("contents"):
            raise BadRequestError("there are contents, and raw_input_contents, too", where=f"input {said.name[:64]!r}")
        return from_raw(said.name, said.datatype, said.shape, raw)
    kind = datatype_of(said.datatype).name
    if kind not in _FIELDS:
        raise BadRequestError(f"{kind} must be in raw_input_contents", where=f"input {said.name[:64]!r}")
    values = getattr(said.contents, _FIELDS[kind])
    others = [field.name for field, _ in said.contents.ListFields() if field.name != _FIELDS[kind]]
    if others:
        what = f"there are {others[0]}; those of {kind} are {_FIELDS[kind]}"
        raise BadRequestError(what, where=f"input {said.name[:64]!r}")
    return from_pieces(said.name, said.datatype, said.shape, _pieces(values))


def _pieces(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _PIECE_VALUES):
        yield values[start : start + _PIECE_VALUES]


def write_response(response: InferResponse) -> Any:
    """Return the `ModelInferResponse` of a response."""
    outputs = (
        {"name": each.name, "datatype": each.datatype, "shape": [int(extent) for extent in each.shape]}
        for each in response.outputs
    )
    return service().messages["ModelInferResponse"](
        model_name=response.model,
        model_version=response.version,
        id=response.id,
        outputs=list(outputs),
        raw_output_contents=[bytes(to_raw(each.data)) for each in response.outputs],
    )
