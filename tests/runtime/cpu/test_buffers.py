"""Which blobs share memory: on nets built to break that, and on random ones."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.checks import check_net, input_layer, make_params
from xdn.codegen.target import host_target
from xdn.graph import Epilogue, Layer, Net
from xdn.kernels.core.layout import BlockLayout
from xdn.layers.relu import ReLU
from xdn.runtime.cpu.buffers import intervals
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.session import Session

IMAGE = (3, 2, 2)


def _layer(type_name, bottoms, top, **params):
    return Layer(top, make_params(type_name, **params), tuple(bottoms.split()), tuple(top.split()))


def _net(*layers, outputs):
    inputs = [input_layer(name, *IMAGE) for name in ("x", "z")]
    return Net("test", (*inputs, *layers), tuple(outputs.split()))


def _owners(net):
    return make_plan(net, dict.fromkeys(net.inputs, IMAGE), net.outputs).owners


def test_a_chain_of_activations_is_one_buffer():
    net = _net(_layer("ReLU", "x", "a"), _layer("TanH", "a", "b"), _layer("ReLU", "b", "c"), outputs="c")
    assert {_owners(net)[name] for name in "xabc"} == {"x"}


@pytest.mark.parametrize("kept", ["x", "a", "b"])
def test_a_requested_blob_is_not_overwritten(kept):
    net = _net(_layer("ReLU", "x", "a"), _layer("ReLU", "a", "b"), _layer("ReLU", "b", "c"), outputs=f"c {kept}")
    owners = _owners(net)
    assert owners[kept] != owners["c"]
    check_net(net)


def test_a_blob_that_is_read_again_later_is_not_overwritten():
    net = _net(_layer("ReLU", "x", "a"), _layer("Eltwise", "a z", "s"), _layer("Eltwise", "s x", "y"), outputs="y")
    owners = _owners(net)
    assert owners["a"] != owners["x"]
    check_net(net)


def test_an_alias_that_is_read_later_keeps_the_bottom():
    net = _net(_layer("Split", "x", "p q"), _layer("ReLU", "p", "a"), _layer("Eltwise", "a q", "y"), outputs="y")
    owners = _owners(net)
    assert owners["p"] == owners["q"] == owners["x"]
    assert owners["a"] != owners["x"]
    check_net(net)


def test_aliases_of_aliases():
    net = _net(
        _layer("Split", "x", "p q"),
        _layer("Dropout", "q", "d"),
        _layer("Split", "d", "r s"),
        _layer("ReLU", "r", "a"),
        _layer("Eltwise", "a s p", "y", operation="MAX"),
        outputs="y s",
    )
    assert _owners(net)["s"] == "x"
    check_net(net)


@pytest.mark.parametrize("bottoms", ["x x", "x z x", "x x z", "z x x", "x x x", "x z x z"])
@pytest.mark.parametrize("operation", ["SUM", "PROD", "MAX"])
def test_repeated_bottoms_are_not_overwritten_half_way(bottoms, operation):
    relu = _layer("ReLU", "x", "x2")
    check_net(_net(_layer("Eltwise", bottoms, "y", operation=operation), outputs="y"))
    check_net(_net(relu, _layer("Eltwise", bottoms.replace("x", "x2"), "y", operation=operation), outputs="y"))


@pytest.mark.parametrize("outputs", ["y", "y y2", "y x", "y2 y x z", "x", "x z"])
def test_outputs_in_any_choice(outputs):
    net = _net(
        _layer("ReLU", "x", "a"), _layer("Split", "a", "b c"), _layer("ReLU", "b", "y", negative_slope=2.0),
        _layer("Flatten", "c", "y2"), outputs=outputs,
    )  # fmt: skip
    check_net(net)


def test_flatten_shares_only_where_the_order_is_the_same():
    net = _net(_layer("Flatten", "x", "f"), outputs="f x")
    assert _owners(net)["f"] != "x"
    check_net(net)


def test_intervals_reach_from_the_first_to_the_last_touch():
    net = _net(_layer("ReLU", "x", "a"), _layer("Eltwise", "a z", "y"), outputs="y")
    plan = make_plan(net, dict.fromkeys(net.inputs, IMAGE), net.outputs)
    layouts = {name: BlockLayout.of(blob, host_target()) for name, blob in net.blobs.items()}
    found = {i.name: (i.first, i.last) for i in intervals(layouts, plan.steps, plan.owners, plan.segments, 1)}
    # Steps: load x, load z, ReLU in place, sum in place, store.
    assert found == {"x": (0, 4), "z": (1, 3)}


# Random nets of layers that compute exactly on small integers, so that every wrong sharing shows as a wrong value.

_KINDS = (
    "ReLU",
    "Split",
    "Dropout",
    "Eltwise",
    "Pooling",
    "conv",
    "fused",
    "projection",
    "depthwise",
    "Flatten",
    "Concat",
)


def _drawn_layer(draw, number, images, flat):
    """Return a layer over drawn bottoms (images have the shape IMAGE) and its tops by kind."""
    kind = draw(st.sampled_from(_KINDS))
    pick = st.sampled_from(images)
    top = f"t{number}"
    if kind == "Split":
        return _layer(kind, draw(pick), f"{top} {top}b"), [top, f"{top}b"], []
    if kind == "Eltwise":
        bottoms = " ".join(draw(st.lists(pick, min_size=2, max_size=3)))
        return _layer(kind, bottoms, top, operation=draw(st.sampled_from(["SUM", "MAX"]))), [top], []
    if kind in ("conv", "fused", "projection", "depthwise"):
        return _drawn_convolution(draw, kind, draw(pick), draw(pick), top), [top], []
    if kind == "Pooling":
        return _layer(kind, draw(pick), top, kernel_size=3, pad=1), [top], []
    if kind == "Flatten":
        return _layer(kind, draw(pick), top), [], [top]
    if kind == "Concat":
        bottoms = draw(st.lists(st.sampled_from(flat), min_size=2, max_size=2)) if flat else draw(st.tuples(pick, pick))
        return _layer(kind, " ".join(bottoms), top), [], [top] if flat else []
    return _layer(kind, draw(pick), top), [top], []


def _drawn_convolution(draw, kind, bottom, residual, top):
    group = 3 if kind == "depthwise" else 1
    params = make_params("Convolution", num_output=3, kernel_size=3, pad=1, group=group, bias_term=False)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    # Few and small weights: values stay far below 2**24, where f32 ceases to hold every integer.
    weight = rng.choice([-1, 0, 0, 0, 1], (3, 3 // group, 3, 3)).astype(np.float32)
    fused = kind != "conv"
    epilogue = Epilogue(True, draw(st.sampled_from([None, ReLU()]))) if fused else None
    weights = {"weight": weight}
    if kind == "projection":
        epilogue = replace(epilogue, residual=False, projection=params)
        weights["projection.weight"] = np.flip(weight, axis=1).copy()
    bottoms = (bottom, residual) if fused else (bottom,)
    return Layer(top, params, bottoms, (top,), weights, epilogue=epilogue)


@st.composite
def nets(draw):
    """Return a random net and the blobs to ask for."""
    images, flat, layers = ["x", "z"], [], []
    for number in range(draw(st.integers(1, 7))):
        layer, more_images, more_flat = _drawn_layer(draw, number, images, flat)
        layers.append(layer)
        images, flat = images + more_images, flat + more_flat
    blobs = [name for layer in layers for name in layer.tops] + ["x", "z"]
    outputs = draw(st.lists(st.sampled_from(blobs), min_size=1, max_size=4, unique=True))
    return _net(*layers, outputs=" ".join(outputs))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(nets())
def test_random_nets_compute_what_the_references_do(net):
    rng = np.random.default_rng(0)
    feed = {name: rng.integers(-4, 5, (35, *IMAGE)).astype(np.float32) for name in net.inputs}
    expected = net.with_batch(35).forward(feed)
    assert max(np.abs(array).max() for array in expected.values()) < 2**24
    session = Session(net, threads=1, chunk_blocks=2)
    for name, result in session.forward(**feed).items():
        np.testing.assert_array_equal(result, expected[name], err_msg=name)
