"""Requests and responses as bodies of HTTP: JSON, and the binary tensor extension.

Source: the Open Inference Protocol, version 2, and Triton's extensions "binary tensor data" and "parameters": in the
binary form the body is JSON of so many bytes as a header says, and then the bytes of the tensors that have a
`binary_data_size`, one after the other.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from xdn.graph import Shape
from xdn.record import Reader
from xdn.serve.datatypes import from_pieces, from_raw, from_values, to_raw
from xdn.serve.http.numbers import Numbers, parsed, written
from xdn.serve.messages import BadRequestError, InferRequest, InferResponse, Tensor
from xdn.serve.parameters import refuse, timeout_s, truth

#: How many texts of JSON are kept with what they say, and the bytes of each at most.
_KEPT, _SMALL_BYTES = 1 << 7, 1 << 11


@dataclass(frozen=True)
class _Input:
    name: str
    datatype: str
    shape: Shape
    parameters: Mapping[str, Any] = field(default_factory=dict)
    data: Any = None


@dataclass(frozen=True)
class _Output:
    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Document:
    inputs: tuple[_Input, ...]
    id: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[_Output, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """A request as a body tells it, and in which form its answer is wanted.

    Parameters
    ----------
    request : InferRequest
        Without model and version, which stand in the path, and without a deadline.
    timeout_s : float, optional
        For how many seconds the answer is of use.
    binary : bool
        Whether outputs are wanted in the binary form.
    binary_outputs : mapping
        Name of an output -> the same, where it is told for that one alone.
    """

    request: InferRequest
    timeout_s: float | None
    binary: bool
    binary_outputs: Mapping[str, bool]

    def is_binary(self, output: str) -> bool:
        """Return whether an output is wanted in the binary form."""
        return self.binary_outputs.get(output, self.binary)


def read_request(body: bytes | bytearray, json_bytes: int | None = None) -> Wanted:
    """Return the request that a body tells; tensors in the binary form are views of it.

    Parameters
    ----------
    body : bytes or bytearray
    json_bytes : int, optional
        How many of its bytes are JSON; all where it is not given.

    Raises
    ------
    ServeError
        Where it does not follow the protocol, or is larger than what is read.
    """
    if json_bytes is not None and not 0 <= json_bytes <= len(body):
        raise BadRequestError(f"the JSON has {json_bytes} bytes of a body of {len(body)}")
    text = body if json_bytes is None else body[:json_bytes]
    said, numbers = _read_again(bytes(text)) if len(text) <= _SMALL_BYTES else _read(text)
    inputs = _inputs(said.inputs, numbers, memoryview(body)[len(text) :])
    binary = {
        each.name: truth(each.parameters, "binary_data", "outputs")
        for each in said.outputs
        if "binary_data" in each.parameters
    }
    for each in said.outputs:
        refuse(each.parameters, f"output {each.name[:64]!r}")
    return Wanted(
        InferRequest("", inputs, outputs=tuple(each.name for each in said.outputs), id=said.id),
        timeout_s=timeout_s(said.parameters),
        binary=truth(said.parameters, "binary_data_output", "parameters"),
        binary_outputs=binary,
    )


def _read(text: bytes | bytearray) -> tuple[_Document, tuple[Numbers, ...]]:
    """Return what the JSON says, and its lists of numbers."""
    document, numbers = parsed(text)
    return Reader(BadRequestError, lenient=True).read(_Document, document), numbers


#: The same, of which a client that sends tensors in the binary form says the same again and again.
_read_again = lru_cache(_KEPT)(_read)


def _inputs(said: Sequence[_Input], numbers: Sequence[Numbers], raw: memoryview) -> tuple[Tensor, ...]:
    """Return the tensors; those in the binary form are parts of `raw`, all of which must be theirs."""
    found, at = [], 0
    for each in said:
        refuse(each.parameters, f"input {each.name[:64]!r}")
        if "binary_data_size" not in each.parameters:
            found.append(_listed(each, numbers))
            continue
        size = each.parameters["binary_data_size"]
        if type(size) is not int or not 0 <= size <= len(raw) - at:
            what = f"a binary_data_size of {str(size)[:20]} where {len(raw) - at} bytes are left"
            raise BadRequestError(what, where=f"input {each.name[:64]!r}")
        found.append(from_raw(each.name, each.datatype, each.shape, raw[at : at + size]))
        at += size
    if at != len(raw):
        raise BadRequestError(f"{len(raw) - at} bytes after the JSON belong to no input")
    return tuple(found)


def _listed(said: _Input, numbers: Sequence[Numbers]) -> Tensor:
    """Return a tensor that is a list in the JSON."""
    data = said.data
    if not isinstance(data, list):
        mend = "Give a list, or a binary_data_size"
        raise BadRequestError("there is no data", where=f"input {said.name[:64]!r}", mend=mend)
    if len(data) == 1 and type(data[0]) is int and 0 <= data[0] < len(numbers):
        return from_pieces(said.name, said.datatype, said.shape, numbers[data[0]].pieces())
    return from_values(said.name, said.datatype, said.shape, data)


def write_response(response: InferResponse, wanted: Wanted) -> tuple[list[bytes | memoryview], int | None]:
    """Return the body of a response in parts, and how many of its bytes are JSON, None where it has no others.

    The first part is the JSON, and each further one an output in the binary form.
    """
    parts = [_head(response.model, response.version, response.id), b', "outputs": [']
    raws: list[memoryview] = []
    for number, output in enumerate(response.outputs):
        parts += [b", "] * bool(number) + [_output(output.name, output.datatype, output.shape)]
        if wanted.is_binary(output.name):
            raws.append(to_raw(output.data))
            parts.append(b', "parameters": {"binary_data_size": %d}}' % raws[-1].nbytes)
        else:
            parts += b', "data": ', *written(output), b"}"
    parts.append(b"]}")
    text = b"".join(parts)
    return [text, *raws], len(text) if raws else None


@lru_cache(_KEPT)
def _head(model: str, version: str, id_: str) -> bytes:
    """Return how the JSON of a response begins."""
    said = {"model_name": model, "model_version": version} | ({"id": id_} if id_ else {})
    return json.dumps(said)[:-1].encode()


@lru_cache(_KEPT)
def _output(name: str, datatype: str, shape: Shape) -> bytes:
    """Return how the JSON of an output begins."""
    return json.dumps({"name": name, "datatype": datatype, "shape": shape})[:-1].encode()
