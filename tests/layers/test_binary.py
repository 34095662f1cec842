"""Binary against PyTorch over shapes that broadcast, and remainders by hand."""

import warnings

import numpy as np
import pytest

from tests.layers.oracles import blobs, check_carried, check_fixed, check_layer, normal
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.binary import Binary

#: Operation -> PyTorch's function.
FUNCTIONS = {
    "ADD": "add",
    "SUB": "sub",
    "MUL": "mul",
    "DIV": "div",
    "MAX": "maximum",
    "MIN": "minimum",
    "POW": "pow",
    "MOD": "remainder",
    "FMOD": "fmod",
    "EQUAL": "eq",
    "NOT_EQUAL": "ne",
    "LESS": "lt",
    "LESS_OR_EQUAL": "le",
    "GREATER": "gt",
    "GREATER_OR_EQUAL": "ge",
}


def test_every_operation_is_tested():
    assert set(FUNCTIONS) == set(Binary.proto_fields()["operation"].values)


@pytest.mark.parametrize("operation", FUNCTIONS)
@pytest.mark.parametrize("shapes", [[(2, 3, 4), (2, 3, 4)], [(2, 3, 1), (1, 4)], [(), (2, 3)], [(3,), (2, 1)]])
def test_reference(rng, operation, shapes):
    # Whole numbers, so that some are equal; positive, for powers.
    a, b = (np.asarray(rng.integers(1, 4, shape), np.float32) for shape in shapes)
    expected = getattr(torch, FUNCTIONS[operation])(torch.from_numpy(a), torch.from_numpy(b)).float().numpy()
    check_layer(Binary(operation=operation), [a, b], expected)


def test_remainders():
    a, b = np.float32([7, -7, 7, -7]), np.float32([3, 3, -3, -3])
    check_layer(Binary(operation="MOD"), [a, b], np.float32([1, 2, -2, -1]), roundings=0)
    check_layer(Binary(operation="FMOD"), [a, b], np.float32([1, -1, 1, -1]), roundings=0)
    (found,) = Binary(operation="DIV").reference([np.float32([1, 0]), np.zeros(2, np.float32)], {}, 1)
    assert np.isinf(found[0])
    assert np.isnan(found[1])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"\(2, 3\) and \(2,\) do not broadcast"):
        Binary().infer([Blob((2, 3)), Blob((2,))], 1)
    with pytest.raises(ShapeError, match="it takes two"):
        Binary().infer([Blob((2, 3))], 1)


def test_images_and_channels(rng):
    alike, row, plane = normal(rng, 2, 3, 4), normal(rng, 3, 1), normal(rng, 2, 1, 4)
    assert not Binary().joins_images(blobs([alike, plane]))
    assert Binary().joins_images(blobs([alike, row]))
    assert Binary().joins_images(blobs([alike, alike[:1]]))
    check_carried(Binary(operation="MUL"), [alike, alike], rng)
    check_fixed(Binary(), [plane, alike], rng)
    assert Binary(operation="LESS").jumps(1)
    assert not Binary().jumps(1)
    assert Binary().keeps_positions(blobs([alike, alike]))
    assert not Binary().keeps_positions(blobs([alike, plane]))


def test_tensors_that_are_trained_make_no_warning():
    x = torch.ones(3, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = Binary(operation="SUB").computed(torch, [x, x], {}, 1)
    assert found.requires_grad
