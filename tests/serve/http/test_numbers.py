"""Lists of numbers in JSON, piece by piece."""

import json

import numpy as np
import pytest

from xdn import settings
from xdn.serve.http import numbers
from xdn.serve.http.numbers import parsed, written
from xdn.serve.messages import BadRequestError, Tensor, TooLargeError


@pytest.fixture
def small_pieces(monkeypatch):
    """Let pieces be so small that short texts have several."""
    monkeypatch.setattr(numbers, "_PIECE_BYTES", 8)
    monkeypatch.setattr(numbers, "_PIECE_VALUES", 2)


def values(text):
    document, found = parsed(text)
    (index,) = document["data"]
    return [value for piece in found[index].pieces() for value in piece]


@pytest.mark.parametrize(
    "data", ["[1, 2.5, -3e2]", "[]", "[ ]", "[[1, 2], [3, 4]]", "[true,false]", "[[[1]],[[22]],[[333]],[[4444]]]"]
)
def test_lists_of_numbers_are_cut_out(data, small_pieces):
    flat = np.array(json.loads(data)).ravel().tolist()
    assert values(b'{"data" : %b , "name": "x"}' % data.encode()) == flat


@pytest.mark.parametrize(
    "data", [b"[1,2", b"[[1,2]", b"[1,2,]", b"[11111,22222,]", b"[1,,2]", b"[1 2]", b"[1][2]", b"[,1]", b"[1234567890]"]
)
def test_what_is_not_a_list_of_numbers_is_refused(data, small_pieces):
    with pytest.raises(BadRequestError):
        values(b'{"data":%b}' % data)


def test_other_values_stay_where_they_are():
    document, found = parsed(b'{"id": "\\"data\\": [1, 2]", "data": ["a]", "b"], "x": {"data": 3}, "shape": [1, 2]}')
    assert document == {"id": '"data": [1, 2]', "data": ["a]", "b"], "x": {"data": 3}, "shape": [1, 2]}
    assert found == ()


def test_lists_are_told_apart():
    document, found = parsed(b'[{"data": [1]}, {"data": [2, 3]}, {"data": []}]')
    assert [list(found[each["data"][0]].pieces()) for each in document] == [[[1]], [[2, 3]], [[]]]


def test_what_is_not_json_is_refused():
    for text in (b"", b"{", b"\xff", b"[" * 100_000, b'{"data": [1]'):
        with pytest.raises(BadRequestError):
            parsed(text)


def test_lists_and_the_rest_are_bounded(monkeypatch):
    monkeypatch.setattr(settings, "MAX_REQUEST_JSON_BYTES", 40)
    monkeypatch.setattr(settings, "MAX_REQUEST_TENSORS", 2)
    parsed(b'{"data":[%b1]}' % (b"1," * 1000))
    with pytest.raises(TooLargeError, match="binary form"):
        parsed(b'{"name":"%b"}' % (b"a" * 40))
    with pytest.raises(TooLargeError, match="more than 2 lists"):
        parsed(b"[%b]" % b",".join([b'{"data":[1]}'] * 3))


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_arrays_are_written_in_parts(count, small_pieces):
    tensor = Tensor("y", "FP32", np.arange(count, dtype=np.float32).reshape(1, -1) / 3)
    assert np.array_equal(np.float32(json.loads(b"".join(written(tensor)))), tensor.data[0])
