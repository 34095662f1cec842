"""Winograd's kernel against the references: exactly on integers, else within the bound that `winograd_sums` argues.

The matrix shows every pair of values, with XDN_FULL_MATRIX=1 every triple. `check_net` also asserts equal bits for one
thread and two, for all blocks at once and one by one, and for every cut of the batch.
"""

import numpy as np
import pytest

from tests.kernels.checks import (
    BATCHES,
    B,
    activated,
    assert_within,
    check_net,
    coarse,
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
from tests.kernels.winograd_checks import algorithm_of, forced, winograd_sums
from xdn.codegen.names import KernelName
from xdn.codegen.target import TARGETS, host_target, target_named
from xdn.element import F32
from xdn.graph import Epilogue, Layer, Net
from xdn.kernels.core.epilogue import ACTIVATIONS
from xdn.kernels.winograd.batch_kernel import winograd
from xdn.kernels.winograd.kernel import Filtering
from xdn.kernels.winograd.transform import WINOGRAD
from xdn.layers import LAYERS
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.session import Session

#: What G's denominators divide, in both directions.
WHOLE = 24 * 24
EPILOGUES = {
    "none": None,
    "residual": Epilogue(residual=True),
    "both": Epilogue(residual=True, activation=ReLU()),
}
MATRIX = covering(
    11,
    lambda row: min(row["height"], row["width"]) + 2 * row["pad"][0] >= 3,
    outputs=tuple(WINOGRAD),
    height=(1, 4, 5, 6, 7, 8, 9, 12, 13),
    width=(2, 4, 5, 6, 7, 8, 10, 11, 13),
    pad=((0, 0), (1, 1), (2, 2), (1, 2)),
    channels=(1, 3, 16, 37),
    # On every instruction set below a tile, on the smallest a tile, one more, two sizes of tiles; many.
    filters=(1, 5, 6, 7, 13, 64),
    epilogue=tuple(EPILOGUES),
    bias=(True, False),
    batch=(*BATCHES, B - 1),
    integers=(True, False),
)


def conv_net(image=(5, 9, 7), filters=7, pad=1, **params):
    """Return a net of one padded 3x3 convolution."""
    return one_layer_net("Convolution", image, num_output=filters, kernel_size=3, pad=pad, **params)


def whole_numbers(net, batch):
    """Return the net with weights, and images, of whole numbers for which nothing is ever rounded.

    Filters are multiples of `WHOLE`, so their transforms are whole; two thirds of all are 0, so sums stay below 2**24.
    """
    rng = np.random.default_rng(2)
    layer = net.layers[-1]

    def sparse(shape):
        return rng.choice(np.float32([-1, 0, 0, 0, 0, 1]), shape)

    weights = {name: np.float32(WHOLE) * sparse(array.shape) for name, array in layer.weights.items()}
    net = net.replace(layers=(*net.layers[:-1], layer.replace(weights=weights)))
    feed = {name: sparse((batch, *blob.shape[1:])) for name, blob in net.inputs.items()}
    expected = np.empty((batch, *net.blobs[net.outputs[0]].shape[1:]))
    # In units of one rounding, divided by the number of roundings: what no partial sum exceeds.
    largest = winograd_sums(net, feed, expected).max() / (np.sqrt(layer.weights["weight"].shape[1]) + 13)
    assert largest < 2**24
    return net, feed


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: "-".join(str(v).replace(" ", "") for v in row.values()))
def test_matrix(row):
    image = row["channels"], row["height"], row["width"]
    epilogue = EPILOGUES[row["epilogue"]]
    net = conv_net(image, row["filters"], row["pad"], epilogue=epilogue, bias_term=row["bias"])
    with forced(row["outputs"]):
        assert algorithm_of(net) is WINOGRAD[row["outputs"]]
        if row["integers"]:
            net, feed = whole_numbers(net, row["batch"])
            check_net(net, exact, feed)
        else:
            check_net(net, sums, feed_for(net, row["batch"]))


@pytest.mark.usefixtures("outputs")
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation, residual):
    check_net(conv_net(epilogue=Epilogue(residual, LAYERS[activation]())), activated)


@pytest.mark.usefixtures("outputs")
@pytest.mark.parametrize("activation", [ReLU(negative_slope=0.1), PReLU()], ids=repr)
def test_each_filter_has_its_coefficient(activation):
    check_net(conv_net(filters=13, epilogue=Epilogue(activation=activation)), activated)


@pytest.mark.usefixtures("outputs")
@pytest.mark.parametrize("chunk_blocks", [1, 2, 3, 5])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_chunks_and_threads_change_no_bit(threads, chunk_blocks):
    net = conv_net((16, 9, 13), 13, epilogue=EPILOGUES["both"])
    feed = feed_for(net, 5 * B + 3)
    (expected,) = Session(net, threads=1).run(None, feed)
    session = Session(net, threads=threads, chunk_blocks=chunk_blocks)
    np.testing.assert_array_equal(session.run(None, feed)[0], expected)
    session.close()


@pytest.mark.parametrize("unit", [1, 8, 1000])
def test_units_of_positions_change_no_bit(outputs, unit, monkeypatch):
    """One position at a time; eight, of more than one tile and block, and a smaller last unit; all at once."""
    net = conv_net((16, 9, 13), 13)
    feed = feed_for(net, 2 * B + 1)
    (expected,) = Session(net, threads=1, schedule="batch").run(None, feed)
    # V has 17 rows a position, an odd number.
    tile_bytes = WINOGRAD[outputs].elements * (17 + 13) * B * F32.bytes
    with_cache(monkeypatch, 2 * unit * tile_bytes)
    session = Session(net, threads=1, chunk_blocks=3, schedule="batch")
    (result,) = session.run(None, feed)
    np.testing.assert_array_equal(result, expected)
    (step,) = [step for step in session.plan().steps if step.source.name.op.startswith("winograd")]
    assert step.words[Filtering.unit.slot] == unit
    assert step.words[Filtering.tile_count.slot] * 3 % 8


# The residual.


@pytest.mark.usefixtures("outputs")
def test_the_residual_is_overwritten_in_place_where_nobody_reads_it_later():
    net = conv_net((5, 9, 7), 13, epilogue=EPILOGUES["both"])
    feed = feed_for(net)
    shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
    owners = make_plan(net, shapes, ("y0",)).owners
    assert owners["y0"] == owners["residual"]
    owners = make_plan(net, shapes, ("y0", "residual")).owners
    assert owners["y0"] != owners["residual"]
    (overwritten,) = Session(net).run(None, feed)
    apart, residual = Session(net).run(["y0", "residual"], feed)
    np.testing.assert_array_equal(overwritten, apart)
    np.testing.assert_array_equal(residual, feed["residual"])


@pytest.mark.usefixtures("outputs")
def test_the_residual_may_be_the_input_itself():
    """Every tile reads inputs that another tile's results stand for: nothing may be overwritten."""
    params = make_params("Convolution", num_output=10, kernel_size=3, pad=1)
    layer = Layer("layer", params, ("x", "x"), ("y",), epilogue=EPILOGUES["both"])
    net = random_weights(Net("residual", (input_layer("x", 10, 9, 6), layer), ("y",)), np.random.default_rng(5))
    owners = make_plan(net, {"x": (10, 9, 6)}, ("y",)).owners
    assert owners["y"] != owners["x"]
    check_net(net, sums)


# NaN and infinity.


def _tiles(net, image, position, outputs):
    """Return which results (P, Q) belong to tiles of the image that read its position (h, w)."""
    pad = net.layers[-1].params.window(2).pad
    p, q = net.blobs["y0"].shape[2:]
    reads = [
        {
            out
            for first in range(0, size, outputs)
            for out in range(first, min(first + outputs, size))
            if first - margin <= place < first - margin + outputs + 2
        }
        for size, margin, place in zip((p, q), pad, position, strict=True)
    ]
    return np.array([[row in reads[0] and column in reads[1] for column in range(q)] for row in range(p)])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_its_image_and_in_the_tiles_that_read_it(outputs, value):
    """Direct sums keep it to the results whose windows hold it; here a tile that reads it may become NaN as a whole.

    Other images of the block, and other tiles, keep every bit; and nothing that direct sums make NaN or infinite
    looks finite.
    """
    net = conv_net((3, 11, 9), 13)
    feed = feed_for(net, B + 3)
    (expected,) = Session(net).run(None, feed)
    places = {0: (0, 0), B // 2: (5, 4), B - 1: (10, 8), B + 1: (4, 3)}
    for image, (h, w) in places.items():
        feed["x0"][image, 1, h, w] = value
    (result,) = Session(net).run(None, feed)
    for image in range(B + 3):
        lost = _tiles(net, image, places[image], outputs) if image in places else np.zeros(result.shape[2:], bool)
        np.testing.assert_array_equal(result[image][:, ~lost], expected[image][:, ~lost])
    with np.errstate(invalid="ignore"):
        direct = net.with_batch(B + 3).forward(feed)["y0"]
    assert not np.isfinite(result[~np.isfinite(direct)]).any()


def test_a_filter_of_nan_is_all_nan_and_no_other(outputs):
    net = conv_net((3, 8, 8), 13)
    layer = net.layers[-1]
    weight = layer.weights["weight"].copy()
    weight[4, 1, 2, 0] = np.nan
    feed = feed_for(net)
    (expected,) = Session(net).run(None, feed)
    broken = net.replace(layers=(net.layers[0], layer.replace(weights=layer.weights | {"weight": weight})))
    (result,) = Session(broken).run(None, feed)
    assert np.isnan(result[:, 4]).all()
    others = np.arange(13) != 4
    np.testing.assert_array_equal(result[:, others], expected[:, others])


# Precision and names.


def test_errors_are_of_the_size_that_the_algorithm_makes():
    """Root mean squares on seeded normal images and filters, against f64; the bounds are twice what was found.

    F(2x2) errs less than direct sums, whose chains are nine times as long; F(4x4), whose inputs are multiplied by up to
    5 and results by up to 8 in each dimension, about four times as much as they.
    """
    net = conv_net((64, 16, 16), 16, bias_term=False)
    feed = feed_for(net, 4)
    layer = net.layers[-1]
    wide = {name: array.astype(np.float64) for name, array in layer.weights.items()}
    (expected,) = layer.params.reference([feed["x0"].astype(np.float64)], wide, 1)
    found = {0: Session(net, winograd=False).run(None, feed)[0]}
    for m in WINOGRAD:
        with forced(m):
            found[m] = Session(net).run(None, feed)[0]
    relative = {m: np.sqrt(np.mean((y - expected) ** 2) / np.mean(expected**2)) for m, y in found.items()}
    assert relative[0] < 9e-7
    assert relative[2] < 6e-7
    assert relative[4] < 4e-6


def test_a_wrong_kernel_exceeds_the_bound(outputs):
    """The bound is worth something: filters rounded to the precision of bfloat16 are found out."""
    net = conv_net((16, 8, 8), 13)
    feed = feed_for(net)
    (result,) = Session(coarse(net)).run(None, feed)
    expected = net.with_batch(len(result)).forward(feed)["y0"]
    with pytest.raises(AssertionError, match="differ"):
        assert_within(result, expected, sums(net, feed, expected))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("epilogue", [(), ("sum",), ("relu",), ("sum", "prelu")])
def test_name(target, epilogue):
    name = winograd(4, 5, epilogue, target).name
    assert name == KernelName("winograd4", target.name, epilogue, (5, 2))
    assert KernelName.parse(str(name)) == name
    assert str(winograd(2, 6, ("sum", "relu"), target_named("avx2")).name) == "winograd2_f32_sum_relu_6x2__avx2"


@pytest.mark.usefixtures("outputs")
def test_no_layer_needs_more_than_one_kernel():
    for filters in range(1, 2 * host_target().tile()[0] + 2):
        plan = make_plan(conv_net(filters=filters), {"x0": (5, 9, 7)}, ("y0",))
        assert len(plan.steps) == 3
