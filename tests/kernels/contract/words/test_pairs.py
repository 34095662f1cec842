"""Contractions of bf16 against the NumPy references: both schedules, every way to multiply, the same bits."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from tests.kernels.bf16 import PAIRS_TESTED, STORED, check, halved, random_feed
from tests.kernels.checks import activated, coarse, covering, make_params, one_layer_net, sums
from tests.kernels.contract.words.test_batch import fits
from tests.kernels.integers import BATCH, runs
from tests.layers.windows import OVERHANGING
from tests.optimize.building import conv, data, layer, net_of
from xdn.codegen.dots import DOTS
from xdn.codegen.target import EMULATED, NATIVE, target_named
from xdn.element import BF16
from xdn.graph import Epilogue
from xdn.graph.epilogue import projection_weights
from xdn.kernels.contract.words.pairs import pair_task
from xdn.kernels.core.layout import BATCH as BATCH_SCHEDULE
from xdn.kernels.core.layout import SCHEDULES
from xdn.optimize.pipeline import apply_stages
from xdn.optimize.stage import POST_FUSION, READING, stage_names
from xdn.runtime.configuration import DEFAULT
from xdn.runtime.cpu.plan import PROBE_BATCH, lowerings
from xdn.runtime.session import Session

ACTIVATIONS = {
    "none": None,
    "relu": make_params("ReLU"),
    "leaky": make_params("ReLU", negative_slope=0.3),
    "prelu": make_params("PReLU"),
    "sigmoid": make_params("Sigmoid"),
    "tanh": make_params("TanH"),
    "swish": make_params("Swish"),
}

#: The way that this processor is best in.
HOST = PAIRS_TESTED[:1]

#: Channels that are a word or not, groups that begin within words, tiles of all sizes.
MATRIX = covering(
    7,
    fits,
    inputs=(1, 3, 14, 30),
    outputs=(1, 7, 14, 30),
    size=((2, 3), (5, 4)),
    kernel=((1, 1), (3, 3), (2, 5)),
    stride=((1, 1), (2, 1)),
    pad=((0, 0), (1, 3)),
    dilation=((1, 1), (1, 2)),
    group=(1, 2, 7),
    bias=(True, False),
    stored=STORED,
    residual=(False, True),
    activation=tuple(ACTIVATIONS),
)


def _convolution(*images, epilogue=None, **params):
    return one_layer_net("Convolution", *images, epilogue=epilogue, **params)


@pytest.mark.parametrize("number", range(len(MATRIX)), ids=lambda n: "-".join(map(str, MATRIX[n].values())))
def test_matrix(number, rng, monkeypatch):
    row = MATRIX[number]
    epilogue = Epilogue(row["residual"], ACTIVATIONS[row["activation"]])
    net = _convolution(
        (row["inputs"], *row["size"]),
        epilogue=epilogue if epilogue.parts else None,
        num_output=row["outputs"],
        kernel_h=row["kernel"][0],
        kernel_w=row["kernel"][1],
        stride=row["stride"],
        pad=row["pad"],
        dilation=row["dilation"],
        group=row["group"],
        bias_term=row["bias"],
    )
    # The ways take turns: each row on one of them, every way on many rows.
    targets = PAIRS_TESTED[number % len(PAIRS_TESTED) :][:1]
    check(net, random_feed(net, rng), monkeypatch, row["stored"], activated, targets)


@pytest.mark.parametrize("stored", STORED)
def test_all_ways_and_both_schedules_give_the_same_bits(stored, rng, monkeypatch):
    """Sums go on in one order whatever the vectors are, over words that two groups share as well."""
    epilogue = Epilogue(True, make_params("ReLU"))
    net = _convolution((26, 4, 3), epilogue=epilogue, num_output=46, kernel_size=3, pad=1, group=2)
    feed = random_feed(net, rng)
    check(net, feed, monkeypatch, stored, activated)
    found = [
        outputs[0] for _, images, outputs in runs(halved(net, stored), feed, monkeypatch, PAIRS_TESTED) if images > 1
    ]
    assert len(found) == 2 * len(PAIRS_TESTED)
    for each in found:
        np.testing.assert_array_equal(each, found[0])


def test_infinities_nan_denormal_and_huge_numbers(rng, monkeypatch):
    """A channel in four is special; of sums that are not finite nothing depends on the order."""
    net = _convolution((8, 2, 2), num_output=6, kernel_size=1)
    feed = {"x0": np.zeros((BATCH, 8, 2, 2), np.float32)}
    special = np.float32([np.inf, -np.inf, np.nan, 1e-39, -1e-39, 3.3e38, -3.3e38, 2.0**-126])
    feed["x0"][:, ::4] = rng.choice(special, feed["x0"][:, ::4].shape)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = coarse(net).with_batch(BATCH).forward({"x0": BF16.rounded(feed["x0"])})["y0"]
    feed["x0"] = BF16.stored(feed["x0"])
    assert {np.isnan(each) for each in expected.ravel()} == {True, False}
    for place, images, (found,) in runs(halved(net, None), feed, monkeypatch, PAIRS_TESTED):
        np.testing.assert_allclose(found, expected[:images], rtol=1e-6, atol=1e-30, err_msg=place)


@pytest.mark.parametrize("name", ["1x1", "stride 2", "3x3"])
def test_projection(name, rng, monkeypatch):
    """The sums of the first source go on over the second one, whose tap lists differ."""
    image, window = {
        "1x1": ((13, 3, 4), {"kernel_size": 1}),
        "stride 2": ((7, 5, 8), {"kernel_size": 1, "stride": 2}),
        "3x3": ((3, 3, 4), {"kernel_size": 3, "pad": 1}),
    }[name]
    projection = make_params("Convolution", num_output=15, **window)
    epilogue = Epilogue(activation=make_params("ReLU"), projection=projection)
    net = _convolution((5, 3, 4), image, epilogue=epilogue, num_output=15, kernel_size=3, pad=1)
    layer = net.layers[-1]
    own = {f"projection.{key}": value for key, value in projection_weights(layer.weights).items()}
    own["projection.weight"] = BF16.rounded(own["projection.weight"])
    net = net.replace(layers=(*net.layers[:-1], layer.replace(weights={**layer.weights, **own})))
    check(net, random_feed(net, rng), monkeypatch, None, activated)


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("image", [(10,), (5, 3, 4)])
def test_inner_product(transpose, image, rng, monkeypatch):
    net = one_layer_net("InnerProduct", image, num_output=11, transpose=transpose)
    check(net, random_feed(net, rng), monkeypatch, STORED[transpose], sums)


@pytest.mark.parametrize("group", [1, 2])
def test_deconvolution(group, rng, monkeypatch):
    net = one_layer_net("Deconvolution", (6, 3, 4), num_output=10, kernel_size=3, stride=2, pad=1, group=group)
    check(net, random_feed(net, rng), monkeypatch, STORED[1], sums)


@pytest.mark.parametrize("image", [(6, 5), (6, 3, 4, 2)])
def test_lines_and_volumes(image, rng, monkeypatch):
    for group in (1, 3):
        net = _convolution(image, num_output=9, kernel_size=2, pad=1, group=group)
        check(net, random_feed(net, rng), monkeypatch, STORED[1], sums, HOST)


@pytest.mark.parametrize(("shape", "params"), OVERHANGING, ids=repr)
def test_a_window_that_passes_the_padded_input(shape, params, rng, monkeypatch):
    net = _convolution(shape[1:], **asdict(params))
    check(net, random_feed(net, rng), monkeypatch, None, sums, HOST)


def test_window_that_meets_only_padding_gives_the_bias(rng, monkeypatch):
    net = _convolution((3, 1, 1), num_output=4, kernel_size=1, pad=1, stride=2)
    check(net, random_feed(net, rng), monkeypatch, None, sums, HOST)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("batch", [1, BATCH])
def test_what_an_earlier_run_left_beside_odd_channels_is_not_multiplied(batch, schedule, rng):
    """Whoever makes a blob fills its last word up: an infinity or a NaN there would spoil sums, times a zero weight."""
    net = net_of(
        data(2, 3, 9, 7),
        conv("first", "data", 5, 3, pad=1),
        conv("second", "first", 3),
        layer("Pooling", "max", ["first"], kernel_size=3, stride=1, pad=1),
        layer("Concat", "concat", ["second", "max", "second"]),
        conv("third", "concat", 7, 3, stride=2, pad=1),
        conv("depthwise", "third", 7, 3, pad=1, group=7),
        layer("Eltwise", "sum", ["third", "depthwise"]),
        layer("Sigmoid", "sigmoid", ["sum"]),
        layer("Pooling", "mean", ["sigmoid"], pool="AVE", kernel_size=2),
        conv("fourth", "mean", 9),
        layer("InnerProduct", "fc", ["fourth"], num_output=5),
        layer("InnerProduct", "fc2", ["fc"], num_output=3),
    )
    net = apply_stages(net, stage_names(POST_FUSION, READING))
    assert all(each.reads_bf16 for each in net.layers if each.type in ("Convolution", "InnerProduct", "Eltwise"))
    session = Session(net, schedule=schedule, threads=1)
    x = rng.standard_normal((batch, 3, 9, 7)).astype(np.float32)
    (expected,) = session.run(None, {"data": x})
    assert np.isfinite(expected).all()
    for left in (np.nan, np.inf):
        session.run(None, {"data": np.full_like(x, left)})
        np.testing.assert_array_equal(session.run(None, {"data": x})[0], expected)


@pytest.mark.parametrize("way", [NATIVE, EMULATED])
def test_packed_weights(way):
    """Filters of a tile side by side, of each a pair of channels: as bits, or as f32 the second one first."""
    net = halved(_convolution((5, 3, 3), num_output=4, kernel_size=2))
    target = replace(target_named("avx512f"), pairs=way)
    (lowering,) = lowerings(net.with_batch(PROBE_BATCH), net.outputs, target, BATCH_SCHEDULE, DEFAULT)
    (source,) = pair_task(lowering).sources
    spans, width = source.spans([(0, 2), (2, 4)])
    packed = source.pack(spans, width, 2).reshape(2, 4, 3, 2, DOTS[way].words)
    filters = np.pad(BF16.stored(net.layers[-1].weights["weight"]).reshape(4, 5, 4), ((0, 0), (0, 1), (0, 0)))
    pairs = filters.reshape(2, 2, 3, 2, 4).transpose(0, 4, 2, 1, 3).astype(np.uint32)
    if way == NATIVE:
        expected = (pairs[..., :1] | pairs[..., 1:] << 16).view(np.int32)
    else:
        expected = (pairs[..., ::-1] << 16).view(np.int32)
    np.testing.assert_array_equal(packed, expected)
