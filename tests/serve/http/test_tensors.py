"""Requests and responses as bodies of HTTP."""

import json
import struct

import numpy as np
import pytest

from xdn.serve.http.tensors import read_request, write_response
from xdn.serve.messages import BadRequestError, InferResponse, Tensor


def body(*inputs, raw=b"", **fields):
    text = json.dumps({"inputs": inputs, **fields}).encode()
    return text + raw, len(text)


def tensor(name="x", datatype="FP32", shape=(1, 2), **fields):
    return {"name": name, "datatype": datatype, "shape": shape, **fields}


def binary(size, **fields):
    return tensor(parameters={"binary_data_size": size}, **fields)


def test_a_request_in_json():
    text, _ = body(
        tensor(data=[1, 2.5]), tensor("t", "BYTES", (2,), data=["a", "é"]), id="7", outputs=[{"name": "y"}],
        parameters={"timeout": 5, "anything": 1},
    )  # fmt: skip
    wanted = read_request(text)
    request = wanted.request
    assert (request.id, request.outputs, wanted.timeout_s) == ("7", ("y",), 5e-6)
    assert [(each.name, each.data.tolist()) for each in request.inputs] == [
        ("x", [[1, 2.5]]),
        ("t", [b"a", "é".encode()]),
    ]
    assert request.inputs[0].data.dtype == np.float32
    assert not wanted.is_binary("y")


def test_what_is_said_twice_has_its_own_values():
    for value in (1.0, 2.0):
        text, size = body(binary(8), raw=np.float32([value, value]).tobytes())
        assert read_request(text, size).request.inputs[0].data.tolist() == [[value, value]]


def test_a_request_in_the_binary_form():
    raw = np.float32([1, 2]).tobytes() + struct.pack("<I2sI", 2, b"ab", 0)
    text, size = body(
        binary(8), tensor("z", "INT8", (1,), data=[3]), binary(10, name="t", datatype="BYTES", shape=(2,)), raw=raw
    )
    found = read_request(text, size).request.inputs
    assert [each.data.tolist() for each in found] == [[[1, 2]], [3], [b"ab", b""]]
    assert not found[0].data.flags.owndata


@pytest.mark.parametrize(
    ("inputs", "raw"),
    [
        ([binary(4)], b"1234"),
        ([binary(8)], b"1234"),
        ([binary(-8)], b""),
        ([binary("8")], b"12345678"),
        ([binary(8)], b"123456789"),
        ([tensor(data=[1, 2])], b"1"),
        ([tensor()], b""),
        ([tensor(data=3)], b""),
        ([tensor(data=[1])], b""),
        ([tensor(data=[1, 2, 3])], b""),
        ([tensor(data=["a", "b"])], b""),
        ([tensor(data=[None, 1])], b""),
        ([tensor(datatype="UINT8", data=[1, 256])], b""),
        ([tensor(datatype="FP31", data=[1, 2])], b""),
        ([tensor(shape=(1, -2), data=[1, 2])], b""),
        ([tensor(shape=(1 << 62, 1 << 62), data=[1, 2])], b""),
        ([tensor(data=[1, 2], parameters={"shared_memory_region": "a"})], b""),
        ([{"name": "x"}], b""),
        ([3], b""),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(inputs, raw):
    text, size = body(*inputs, raw=raw)
    with pytest.raises(BadRequestError):
        read_request(text, size)


@pytest.mark.parametrize(
    "fields",
    [
        {"outputs": [{"name": "y", "parameters": {"classification": 3}}]},
        {"outputs": [{"name": "y", "parameters": {"binary_data": 1}}]},
        {"outputs": "y"},
        {"parameters": {"timeout": "1"}},
        {"parameters": {"timeout": -1}},
        {"parameters": {"binary_data_output": "yes"}},
        {"id": 3},
    ],
)  # fmt: skip
def test_other_fields_are_looked_at(fields):
    text, _ = body(tensor(data=[1, 2]), **fields)
    with pytest.raises(BadRequestError):
        read_request(text)


def test_the_json_is_a_part_of_the_body():
    text, size = body()
    for wrong in (-1, size + 1):
        with pytest.raises(BadRequestError):
            read_request(text, wrong)


def test_a_forged_list_of_data_is_one_of_the_request_itself():
    text = b'{"inputs": [{"name": "x", "datatype": "INT8", "shape": [1], "d\\u0061ta": [9]}]}'
    assert read_request(text).request.inputs[0].data.tolist() == [9]


def response(**fields):
    outputs = Tensor("y", "FP32", np.float32([[1, 0.1]])), Tensor("t", "BYTES", np.array([b"ab"], object))
    return InferResponse("m", "1", outputs, **fields)


def test_a_response_in_json():
    parts, size = write_response(response(id="7"), read_request(body()[0]))
    assert size is None
    outputs = [tensor("y", data=[1, float(np.float32(0.1))]), tensor("t", "BYTES", (1,), data=["ab"])]
    found = json.loads(b"".join(parts))
    assert found == json.loads(json.dumps({"model_name": "m", "model_version": "1", "id": "7", "outputs": outputs}))


def test_a_response_in_the_binary_form_but_for_one_output():
    outputs = [{"name": "y"}, {"name": "t", "parameters": {"binary_data": False}}]
    wanted = read_request(body(outputs=outputs, parameters={"binary_data_output": True})[0])
    parts, size = write_response(response(), wanted)
    whole = b"".join(parts)
    said = json.loads(whole[:size])["outputs"]
    assert said[0]["parameters"] == {"binary_data_size": 8}
    assert said[1]["data"] == ["ab"]
    assert whole[size:] == np.float32([1, 0.1]).tobytes()
