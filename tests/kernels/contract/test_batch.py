"""Convolution and InnerProduct against the NumPy references; packing by brute force.

The matrix shows every pair of values, with XDN_FULL_MATRIX=1 every triple (about a thousand rows).
"""

from dataclasses import asdict

import numpy as np
import pytest

from tests.kernels.checks import (
    BATCH,
    BATCHES,
    B,
    activated,
    check_layer,
    check_net,
    covering,
    exact,
    feed_for,
    input_layer,
    make_params,
    one_layer_net,
    random_weights,
    sums,
    with_cache,
)
from tests.layers.windows import OVERHANGING
from xdn.codegen.target import host_target
from xdn.graph import Epilogue, Layer, Net
from xdn.kernels.contract.batch import pack_weights
from xdn.kernels.contract.batch_kernel import BatchContract
from xdn.kernels.core.choice import FMA
from xdn.kernels.core.family import Reach
from xdn.layers.elu import ELU
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.layers.sigmoid import Sigmoid
from xdn.layers.tanh import TanH
from xdn.layers.window import Window
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.parts import WholePart
from xdn.runtime.session import Session

CHANNELS = (1, 3, 10, 13, 14, 15, 28, 37, 64)
EPILOGUES = {
    "residual": Epilogue(residual=True),
    "relu": Epilogue(activation=ReLU()),
    "leaky": Epilogue(activation=ReLU(negative_slope=0.1)),
    "both": Epilogue(residual=True, activation=ReLU()),
    "prelu": Epilogue(residual=True, activation=PReLU()),
    "elu": Epilogue(activation=ELU(alpha=0.5)),
    "sigmoid": Epilogue(residual=True, activation=Sigmoid()),
    "tanh": Epilogue(activation=TanH()),
}


def _fits(row):
    window = Window((row["kernel"]), row["stride"], row["pad"], row["dilation"])
    extents = zip(row["size"], window.pad, window.extent, strict=True)
    divides = row["inputs"] % row["group"] == row["outputs"] % row["group"] == 0
    return divides and all(size + 2 * pad >= extent for size, pad, extent in extents)


MATRIX = covering(
    3,
    _fits,
    inputs=CHANNELS,
    outputs=CHANNELS,
    size=((1, 1), (2, 2), (2, 3), (5, 3), (7, 9)),
    kernel=((1, 1), (2, 2), (3, 3), (5, 5), (7, 7), (1, 7), (7, 1)),
    stride=((1, 1), (2, 2), (2, 1), (3, 3)),
    pad=((0, 0), (1, 1), (3, 3), (0, 2)),
    dilation=((1, 1), (2, 2), (2, 3)),
    group=(1, 2, 7),
    bias=(True, False),
    fused=(False, True),
    batch=BATCHES,
)


@pytest.mark.parametrize("row", MATRIX, ids=lambda r: "-".join(str(v).replace(" ", "") for v in r.values()))
def test_matrix(row):
    check_layer(
        "Convolution",
        (row["inputs"], *row["size"]),
        allowed=sums,
        epilogue=EPILOGUES["both"] if row["fused"] else None,
        batch=row["batch"],
        num_output=row["outputs"],
        kernel_h=row["kernel"][0],
        kernel_w=row["kernel"][1],
        stride=row["stride"],
        pad=row["pad"],
        dilation=row["dilation"],
        group=row["group"],
        bias_term=row["bias"],
    )


@pytest.mark.parametrize("name", EPILOGUES)
@pytest.mark.parametrize("outputs", [1, 14, 15])
def test_epilogues(name, outputs):
    check_layer(
        "Convolution",
        (5, 3, 4),
        allowed=activated,
        epilogue=EPILOGUES[name],
        num_output=outputs,
        kernel_size=3,
        pad=1,
    )


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_wide_kernel_on_a_tiny_map(kernel, size):
    check_layer("Convolution", (13, *size), allowed=sums, num_output=10, kernel_size=kernel, pad=kernel // 2)


@pytest.mark.parametrize(("shape", "params"), OVERHANGING, ids=repr)
def test_a_window_that_passes_the_padded_input(shape, params):
    check_layer("Convolution", shape[1:], allowed=sums, **asdict(params))


def test_window_that_meets_only_padding_gives_the_bias():
    # Windows at -1 and 1 of a map of one position: no tap meets data at all.
    net = one_layer_net("Convolution", (3, 1, 1), num_output=4, kernel_size=1, pad=1, stride=2)
    (result,) = check_net(net, exact)
    assert result.shape[2:] == (2, 2)
    np.testing.assert_array_equal(
        result, np.broadcast_to(net.layer("layer").weights["bias"][:, None, None], (BATCH, 4, 2, 2))
    )


def _residual_net(bottoms, *between):
    """Return a net in which `layer` (1x1, 10 -> 10 channels, residual and ReLU) reads `bottoms`."""
    layer = Layer(
        "layer", make_params("Convolution", num_output=10, kernel_size=1), bottoms, ("y",), epilogue=EPILOGUES["both"]
    )
    net = Net("residual", (input_layer("x", 10, 3, 2), *between, layer), ("y",))
    return random_weights(net, np.random.default_rng(5))


def test_residual_is_the_input_itself():
    check_net(_residual_net(("x", "x")), sums)


@pytest.mark.parametrize("type_name", ["Split", "Dropout"])
def test_residual_is_an_alias_of_the_input(type_name):
    tops = ("a", "b") if type_name == "Split" else ("a",)
    alias = Layer("alias", make_params(type_name), ("x",), tops)
    check_net(_residual_net(("x", "a"), alias), sums)
    check_net(_residual_net(("a", "x"), alias), sums)


def test_residual_is_overwritten_only_where_nobody_reads_it_later():
    relu = Layer("relu", make_params("ReLU"), ("x",), ("r",))
    dead = _residual_net(("x", "r"), relu)
    owners = make_plan(dead, {"x": (10, 3, 2)}, ("y",)).owners
    assert owners["y"] == owners["r"]
    check_net(dead, sums)
    alive = dead.replace(outputs=("y", "r"))
    owners = make_plan(alive, {"x": (10, 3, 2)}, ("y", "r")).owners
    assert owners["y"] != owners["r"]
    feed = feed_for(alive)
    result = Session(alive).forward(**feed)
    np.testing.assert_array_equal(result["r"], np.maximum(feed["x"], 0))


#: Of a fused projection: window and image, which give a top of 3x4.
PROJECTED = {
    "1x1": ((13, 3, 4), {"kernel_size": 1}),
    "stride 2": ((7, 5, 8), {"kernel_size": 1, "stride": 2}),
    "3x3": ((3, 3, 4), {"kernel_size": 3, "pad": 1}),
    "border": ((1, 1, 1), {"kernel_h": 2, "kernel_w": 1, "pad_h": 3, "pad_w": 3, "stride_h": 2, "stride_w": 2}),
    "dilated": ((15, 7, 8), {"kernel_size": 3, "dilation": 2}),
}


def _projecting_net(name, activation=None, outputs=15, own_bias=True, bias=True, **own):
    image, window = PROJECTED[name]
    projection = make_params("Convolution", num_output=outputs, bias_term=bias, **window)
    params = {"kernel_size": 3, "pad": 1} | own
    epilogue = Epilogue(activation=activation, projection=projection)
    images = ((5, 3, 4), image)
    return one_layer_net("Convolution", *images, epilogue=epilogue, num_output=outputs, bias_term=own_bias, **params)


@pytest.mark.parametrize("own", [{"kernel_size": 1, "pad": 0}, {}], ids=["1x1", "3x3"])
@pytest.mark.parametrize("name", PROJECTED)
def test_projection(name, own):
    check_net(_projecting_net(name, **own), sums)


@pytest.mark.parametrize("outputs", [1, 6, 13, 37])
def test_projection_of_other_channel_counts(outputs):
    check_net(_projecting_net("stride 2", outputs=outputs), sums)


@pytest.mark.parametrize("activation", [ReLU(), PReLU(), Sigmoid()], ids=repr)
@pytest.mark.parametrize("biases", [(True, False), (False, True), (False, False)])
def test_projection_with_an_activation_and_biases(activation, biases):
    own, other = biases
    check_net(_projecting_net("1x1", activation, own_bias=own, bias=other), activated)


def test_two_sources_are_one_chain():
    """Two 1x1 sources give the bits of one over the channels of both, whose bias is the sum of both."""
    net = _projecting_net("1x1", ReLU(), kernel_size=1, pad=0)
    layer = net.layer("layer")
    concat = Layer("concat", make_params("Concat"), ("x0", "x1"), ("both",))
    weights = {
        "weight": np.concatenate([layer.weights["weight"], layer.weights["projection.weight"]], axis=1),
        "bias": layer.weights["bias"] + layer.weights["projection.bias"],
    }
    one = layer.replace(bottoms=("both",), weights=weights, epilogue=Epilogue(activation=ReLU()))
    feed = feed_for(net)
    (expected,) = Session(Net("one", (*net.layers[:2], concat, one), ("y0",)), precision=FMA).run(None, feed)
    (result,) = Session(net, precision=FMA).run(None, feed)
    np.testing.assert_array_equal(result.view(np.int32), expected.view(np.int32))


def test_what_is_projected_may_be_the_layers_own_bottom_but_is_never_overwritten():
    projection = make_params("Convolution", num_output=10, kernel_size=1)
    layer = Layer("layer", projection, ("r", "r"), ("y",), epilogue=Epilogue(projection=projection))
    relu = Layer("relu", make_params("ReLU"), ("x",), ("r",))
    net = Net("own", (input_layer("x", 10, 3, 2), relu, layer), ("y",))
    net = random_weights(net, np.random.default_rng(5))
    owners = make_plan(net, net_shapes(net), ("y",)).owners
    assert owners["y"] != owners["r"]
    check_net(net, sums)
    apart = net.replace(layers=(net.layers[0], relu, net.layer("layer").replace(bottoms=("x", "r"))))
    owners = make_plan(apart, net_shapes(apart), ("y",)).owners
    assert owners["y"] != owners["r"]
    check_net(apart, sums)


def test_what_rows_of_two_sources_reach():
    net = _projecting_net("stride 2", kernel_size=3, pad=1)
    steps = make_plan(net, net_shapes(net), ("y0",)).steps
    for step in (step for step in steps if step.source.name.op == "contract"):
        assert step.rows.reads == {BatchContract.x.slot: Reach(1, 1, 1), BatchContract.x2.slot: Reach(2, 0, 0)}
        assert (step.rows.height, step.rows.unit) == (net.blobs["y0"].shape[2], 1)


def test_two_sources_in_bands(monkeypatch):
    """Two blocks in a row by as few rows as a small cache makes: the bits of the same net all at once."""
    first = _projecting_net("1x1", ReLU(), kernel_size=1, pad=0, outputs=13)
    again = Layer("again", make_params("Convolution", num_output=7, kernel_size=1), ("y0",), ("z",))
    net = random_weights(Net("two", (*first.layers, again), ("z",)), np.random.default_rng(8))
    feed = feed_for(net)
    (expected,) = Session(net).run(None, feed)
    weights = sum(array.nbytes for step in make_plan(net, net_shapes(net), ("z",)).steps for array in step.keep)
    with_cache(monkeypatch, 2 * max(weights, 4 * 4 * B * (5 + 13 + 13 + 7)))
    stretches = [each for segment in make_plan(net, net_shapes(net), ("z",)).segments for each in segment.stretches]
    assert any(stretch.calls for stretch in stretches)
    (result,) = Session(net).run(None, feed)
    np.testing.assert_array_equal(result, expected)


def test_macs_and_names_of_two_sources():
    net = _projecting_net("stride 2", ReLU(), outputs=14, kernel_size=1, pad=0)
    plan = make_plan(net, net_shapes(net), ("y0",))
    assert plan.macs == 3 * 4 * 14 * (5 + 7)
    assert any(str(step.source.name).startswith("contract_f32_projection_relu_") for step in plan.steps)


@pytest.mark.parametrize("outputs", CHANNELS)
@pytest.mark.parametrize("image", [(37,), (3, 1, 1), (13, 2, 3)])
def test_inner_product(image, outputs):
    check_layer("InnerProduct", image, allowed=sums, num_output=outputs, batch=17)


@pytest.mark.parametrize("given", [{"transpose": True}, {"bias_term": False}])
def test_inner_product_fields(given):
    check_layer("InnerProduct", (4, 3, 2), allowed=sums, num_output=10, **given)


def test_inner_product_over_a_later_axis_has_no_kernel():
    net = one_layer_net("InnerProduct", (4, 3, 2), num_output=5, axis=2)
    assert isinstance(Session(net).parts[0], WholePart)
    # How many rows are multiplied at once decides in which order BLAS sums.
    check_net(net, allowed=sums, feed=feed_for(net, 5))


@pytest.mark.parametrize(
    ("image", "params"),
    [
        ((10, 5, 3), {"num_output": 6, "kernel_size": 4, "stride": 2, "pad": 1}),
        ((10, 5, 3), {"num_output": 33, "kernel_size": 3, "pad": 1}),
        ((7, 4, 6), {"num_output": 20, "kernel_size": 2, "stride": 3}),
        ((10, 5, 3), {"num_output": 10, "kernel_size": 4, "stride": 2, "pad": 1, "group": 10, "bias_term": False}),
        ((10, 5, 3), {"num_output": 30, "kernel_size": 5, "stride": 2, "pad": 1, "group": 5, "dilation": 2}),
        ((3, 7, 6), {"num_output": 16, "kernel_h": 3, "kernel_w": 2, "stride_h": 2, "stride_w": 1, "pad_h": 1}),
        ((2, 1, 1), {"num_output": 4, "kernel_size": 3, "pad": 1}),
    ],
)
def test_deconvolution(image, params):
    check_layer("Deconvolution", image, allowed=sums, batch=17, **params)


@pytest.mark.parametrize("kernel", range(1, 5))
@pytest.mark.parametrize("stride", range(1, 4))
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_every_output_of_a_deconvolution_has_its_taps(kernel, stride, dilation):
    """Ones everywhere count the taps that meet each output."""
    params = {"kernel_size": kernel, "stride": stride, "dilation": dilation, "num_output": 1, "bias_term": False}
    net = one_layer_net("Deconvolution", (1, 4, 3), **params)
    layer = net.layer("layer")
    ones = layer.replace(weights={"weight": np.ones_like(layer.weights["weight"])})
    check_net(net.replace(layers=(net.layers[0], ones)), feed={"x0": np.ones((3, 1, 4, 3), np.float32)})


def test_weights_of_another_dtype_are_converted():
    net = one_layer_net("Convolution", (3, 4, 4), num_output=7, kernel_size=3)
    wide = net.layer("layer").replace(weights={k: w.astype(np.float64) for k, w in net.layer("layer").weights.items()})
    feed = feed_for(net)
    (expected,) = Session(net).run(None, feed)
    (result,) = Session(net.replace(layers=(net.layers[0], wide))).run(None, feed)
    np.testing.assert_array_equal(result, expected)


def test_packed_weights_hold_each_filter_at_each_used_element(rng):
    weight = rng.standard_normal((7, 3, 3, 3)).astype(np.float32)
    used = np.array([(0, 1), (2, 2)])
    packed = pack_weights(weight, np.ravel_multi_index(used.T, (3, 3)), [0, 4], 3)
    assert packed.shape == (2, 2, 3, 3)
    for tile, first in enumerate((0, 4)):
        for tap, (r, s) in enumerate(used):
            for c in range(3):
                np.testing.assert_array_equal(packed[tile, tap, c], weight[first : first + 3, c, r, s])


@pytest.mark.parametrize(("size", "used"), [((1, 1), 1), ((1, 2), 3), ((2, 2), 9), ((4, 4), 9)])
def test_weights_that_no_position_uses_are_not_packed(size, used):
    net = one_layer_net("Convolution", (8, *size), num_output=12, kernel_size=3, pad=1)
    plan = make_plan(net, {"x0": (8, *size)}, ("y0",))
    packed = [step.keep[0] for step in plan.steps if step.source.name.op == "contract"]
    assert sum(array.size for array in packed) == used * 8 * 12


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 5)])
def test_macs_count_what_is_multiplied(size):
    h, w = size
    net = one_layer_net("Convolution", (8, h, w), num_output=15, kernel_size=3, pad=1)
    met = sum(
        0 <= p + r < h and 0 <= q + s < w for p in range(h) for q in range(w) for r in (-1, 0, 1) for s in (-1, 0, 1)
    )
    assert make_plan(net, {"x0": (8, h, w)}, ("y0",)).macs == met * 8 * 15


def test_kernels_are_named_by_tile_and_epilogue():
    target = host_target()
    rows, vectors = target.tile()
    net = one_layer_net("Convolution", (8, 2, 2), epilogue=EPILOGUES["both"], num_output=rows, kernel_size=1)
    names = [str(step.source.name) for step in make_plan(net, net_shapes(net), ("y0",)).steps]
    assert f"contract_f32_sum_relu_{rows}x{vectors}__{target.name}" in names


def net_shapes(net):
    """Return name -> shape of one image of the net's inputs."""
    return {name: blob.shape[1:] for name, blob in net.inputs.items()}
