"""Which extents follow the batch, and how."""

import numpy as np
import pytest

from tests.kernels.checks import input_layer, make_params, random_weights
from xdn.graph import Layer, Net
from xdn.graph.extents import extents


def net_of(batch, *layers):
    first = Layer("x", make_params("Input", shape=((batch, 6, 4),)), (), ("x",))
    return Net(
        "n", (first, *(Layer(f"l{i}", params, bottoms, tops) for i, (params, bottoms, tops) in enumerate(layers)))
    )


def one(batch, type_name, tops=("y",), **params):
    return extents(net_of(batch, (make_params(type_name, **params), ("x",), tops)))


@pytest.mark.parametrize("batch", [1, 2, 4, 6, 12])
def test_the_batch_is_found_by_its_behaviour_and_not_by_its_extent(batch):
    assert one(batch, "ReLU") == {"x": ("N", 6, 4), "y": ("N", 6, 4)}
    assert one(batch, "Permute", order=(1, 2, 0))["y"] == (6, 4, "N")
    assert one(batch, "Flatten", axis=0, end_axis=1)["y"] == ("6N", 4)
    assert one(batch, "Reshape", shape=(-1, 12))["y"] == ("2N", 12)
    assert one(batch, "Tile", axis=0, tiles=3)["y"] == ("3N", 6, 4)


def test_parts_and_sums():
    halves = one(4, "Slice", ("a", "b"), axis=0)
    assert halves["a"] == halves["b"] == ("N/2", 6, 4)
    first = one(4, "Slice", ("a", "b"), axis=0, slice_point=(1,))
    assert (first["a"], first["b"]) == ((1, 6, 4), ("N-1", 6, 4))
    joined = net_of(3, (make_params("Slice", axis=0, slice_point=(1,)), ("x",), ("a", "b")))
    concat = Layer("c", make_params("Concat", axis=0), ("a", "x"), ("y",))
    assert extents(joined.replace(layers=(*joined.layers, concat), outputs=()))["y"] == ("N+1", 6, 4)


def test_a_batch_may_have_to_divide_after_something_was_taken_from_it():
    first = make_params("Slice", axis=0, slice_point=(1,))
    found = extents(net_of(3, (first, ("x",), ("a", "b")), (make_params("Slice", axis=0), ("b",), ("c", "d"))))
    assert found["x"] == ("N", 6, 4)
    assert found["c"] == found["d"] == ("(N-1)/2", 6, 4)


def test_what_is_fixed_is_a_number():
    assert one(4, "Reshape", shape=(4, 24)) == {"x": (4, 6, 4), "y": (4, 24)}
    assert one(4, "Reduction", axis=0)["y"] == ()


def test_weights_fix_a_batch_when_they_are_there():
    net = net_of(4, (make_params("Scale", axis=0), ("x",), ("y",)))
    assert extents(net)["y"] == ("N", 6, 4)
    assert extents(random_weights(net, np.random.default_rng(0)))["y"] == (4, 6, 4)


def test_two_batches_are_told_apart():
    boxes = Layer("b", make_params("Input", shape=((9, 5),)), (), ("b",))
    pool = Layer("p", make_params("ROIPooling", pooled_h=1, pooled_w=1), ("x", "b"), ("p",))
    same = Layer("c", make_params("Concat", axis=1), ("b", "b"), ("c",))
    found = extents(Net("n", (input_layer("x", 3, 8, 8), boxes, pool, same)))
    assert found == {"x": ("N", 3, 8, 8), "b": ("M", 5), "p": ("M", 3, 1, 1), "c": ("M", 10)}


def test_an_extent_of_two_batches_is_not_told():
    other = Layer("b", make_params("Input", shape=((9, 6, 4),)), (), ("b",))
    join = Layer("c", make_params("Concat", axis=0), ("x", "b"), ("c",))
    net = net_of(2)
    assert extents(Net("n", (*net.layers, other, join)))["c"] == ("?", 6, 4)
