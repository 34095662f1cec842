"""Contractions of integers against the NumPy references, to the bit: both schedules, every way to multiply."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from tests.kernels.checks import covering, make_params, random_weights, with_cache
from tests.kernels.contract.words.nets import KINDS, TARGETS, Case, constant_feed, integer_input
from tests.kernels.integers import BATCH, check_bits, random_feed
from tests.layers.windows import OVERHANGING
from xdn.codegen.target import VNNI, Target, host_target, target_named
from xdn.errors import UnsupportedError
from xdn.graph import Epilogue, Net, Quantized
from xdn.kernels.contract.words.batch import tiles_of
from xdn.kernels.contract.words.form import Form
from xdn.kernels.contract.words.task import integer_task
from xdn.kernels.core.layout import BATCH as BATCH_SCHEDULE
from xdn.layers.window import Window
from xdn.runtime.configuration import DEFAULT
from xdn.runtime.cpu.plan import PROBE_BATCH, lowerings, make_plan
from xdn.runtime.session import Session

ACTIVATIONS = {
    "none": None,
    "relu": make_params("ReLU"),
    "leaky": make_params("ReLU", negative_slope=0.3),
    "relu6": make_params("ReLU6"),
    "prelu": make_params("PReLU"),
}

#: The way that this processor is best in.
HOST = TARGETS[:1]


def fits(row):
    window = Window(row["kernel"], row["stride"], row["pad"], row["dilation"])
    extents = zip(row["size"], window.pad, window.extent, strict=True)
    divides = row["inputs"] % row["group"] == row["outputs"] % row["group"] == 0
    return divides and all(size + 2 * pad >= extent for size, pad, extent in extents)


#: Channels that are a word or not, groups that begin within words, tiles of all sizes.
MATRIX = covering(
    5,
    fits,
    inputs=(1, 3, 14, 28),
    outputs=(1, 7, 14, 28),
    size=((2, 3), (5, 4)),
    kernel=((1, 1), (3, 3), (2, 5)),
    stride=((1, 1), (2, 1)),
    pad=((0, 0), (1, 3)),
    dilation=((1, 1), (1, 2)),
    group=(1, 2, 7),
    bias=(True, False),
    signed=(False, True),
    top=tuple(KINDS),
    residual=(None, *KINDS),
    activation=tuple(ACTIVATIONS),
)


def _case_net(row):
    case = Case(
        ((row["inputs"], *row["size"]),),
        read=Quantized(0.02, row["signed"]),
        stored=KINDS[row["top"]],
        residual=row["residual"],
        activation=ACTIVATIONS[row["activation"]],
    )
    return case.net(
        num_output=row["outputs"],
        kernel_h=row["kernel"][0],
        kernel_w=row["kernel"][1],
        stride=row["stride"],
        pad=row["pad"],
        dilation=row["dilation"],
        group=row["group"],
        bias_term=row["bias"],
    )


@pytest.mark.parametrize("number", range(len(MATRIX)), ids=lambda n: "-".join(map(str, MATRIX[n].values())))
def test_matrix(number, rng, monkeypatch):
    net = _case_net(MATRIX[number])
    # The ways take turns: each row on one of them, every way on many rows.
    check_bits(net, random_feed(net, rng), monkeypatch, targets=TARGETS[number % len(TARGETS) :][:1])


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.name}-{target.dots}")
def test_every_way_gives_the_same(target, rng, monkeypatch):
    """The map's border has its own tap lists, and with these its own biases."""
    case = Case(
        ((13, 4, 3),), Quantized(0.02, True), stored=KINDS["s8"], residual="u8", activation=ACTIVATIONS["prelu"]
    )
    net = case.net(num_output=23, kernel_size=3, pad=1)
    check_bits(net, random_feed(net, rng), monkeypatch, targets=(target,))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.name}-{target.dots}")
@pytest.mark.parametrize(("signed", "highest"), [(False, True), (True, True), (True, False)])
def test_extremes_throughout(target, signed, highest, monkeypatch):
    """255 x -127 everywhere, and 127 x 127 in pairs that s16 does not hold, with biases near their bound."""
    net = Case(((64, 2, 2),), Quantized(1.0, signed)).net(num_output=8, kernel_size=3, pad=1)
    layer = net.layer("layer")
    weight = np.full_like(layer.weights["weight"], -127 if highest else 127)
    weight[::2] *= -1
    bias = np.resize(np.float32([2**30, -(2**30)]), 8)
    net = net.replace(layers=(*net.layers[:-1], layer.replace(weights={"weight": weight, "bias": bias})))
    feed = constant_feed(net, BATCH, highest)
    largest = np.abs(net.with_batch(BATCH).forward(feed)["y"]).max()
    assert largest > 2**30
    check_bits(net, feed, monkeypatch, targets=(target,))


@pytest.mark.parametrize(
    ("target", "products"),
    # What is added to s8 passes the end of s32 on the way.
    [*((target, 33155) for target in TARGETS), *((target, 66051) for target in TARGETS if target.dots == VNNI)],
    ids=lambda each: f"{each.name}-{each.dots}" if isinstance(each, Target) else str(each),
)
def test_sums_next_to_the_end_of_s32(target, products, monkeypatch):
    """As many products as a layer may have, all of the largest magnitude and of the bias's sign."""
    signed = products > 2**16
    net = Case(((products,),), Quantized(1.0, signed)).net("InnerProduct", num_output=4)
    sign = np.float32([1, -1, 1, -1])
    bias = sign * np.float32(-(2.0**30) if signed else 2.0**30)
    layer = net.layer("layer").replace(weights={"weight": np.repeat(127 * sign[:, None], products, 1), "bias": bias})
    net = net.replace(layers=(*net.layers[:-1], layer))
    feed = constant_feed(net, 3, highest=not signed)
    assert (np.abs(net.with_batch(3).forward(feed)["y"]) > 2**31 - 2**17).all()
    check_bits(net, feed, monkeypatch, targets=(target,))


@pytest.mark.parametrize(
    ("name", "signs"), [("1x1", (True, True)), ("stride 2", (False, True)), ("3x3", (True, False))]
)
def test_projection(name, signs, rng, monkeypatch):
    """Two sums with scales of their own; their tap lists, and with these their biases, differ."""
    image, window = {
        "1x1": ((13, 3, 4), {"kernel_size": 1}),
        "stride 2": ((7, 5, 8), {"kernel_size": 1, "stride": 2}),
        "3x3": ((3, 3, 4), {"kernel_size": 3, "pad": 1}),
    }[name]
    read, second = (Quantized(scale, signed) for scale, signed in zip((0.02, 0.7), signs, strict=True))
    case = Case(
        ((5, 3, 4), image),
        read,
        second,
        stored=KINDS["u8" if signs[0] else "f32"],
        activation=ACTIVATIONS["relu"],
        projection=make_params("Convolution", num_output=15, **window),
    )
    net = case.net(num_output=15, kernel_size=3, pad=1)
    check_bits(net, random_feed(net, rng), monkeypatch, targets=HOST)


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("image", [(10,), (5, 3, 4)])
def test_inner_product(transpose, image, rng, monkeypatch):
    case = Case((image,), Quantized(0.02, transpose), stored=KINDS["s8"] if transpose else None)
    net = case.net("InnerProduct", num_output=11, transpose=transpose)
    check_bits(net, random_feed(net, rng), monkeypatch, targets=HOST)


@pytest.mark.parametrize("group", [1, 2])
def test_deconvolution(group, rng, monkeypatch):
    """Each position has taps of its own kind; those of s8 have biases of their own."""
    case = Case(((6, 3, 4),), Quantized(0.02, signed=True), stored=KINDS["u8"])
    net = case.net("Deconvolution", num_output=10, kernel_size=3, stride=2, pad=1, group=group)
    check_bits(net, random_feed(net, rng), monkeypatch, targets=HOST)


@pytest.mark.parametrize("image", [(6, 5), (6, 3, 4, 2)])
def test_lines_and_volumes(image, rng, monkeypatch):
    case = Case((image,), Quantized(0.02, True), stored=KINDS["u8"])
    for group in (1, 3):
        net = case.net(num_output=9, kernel_size=2, pad=1, group=group)
        check_bits(net, random_feed(net, rng), monkeypatch, targets=HOST)


@pytest.mark.parametrize(("shape", "params"), OVERHANGING, ids=repr)
def test_a_window_that_passes_the_padded_input(shape, params, rng, monkeypatch):
    net = Case((shape[1:],), Quantized(0.02, True)).net(**asdict(params))
    check_bits(net, random_feed(net, rng), monkeypatch, targets=HOST)


def test_window_that_meets_only_padding_gives_the_bias(rng, monkeypatch):
    net = Case(((3, 1, 1),), Quantized(0.02, True)).net(num_output=4, kernel_size=1, pad=1, stride=2)
    check_bits(net, random_feed(net, rng), monkeypatch, targets=HOST)


@pytest.mark.parametrize(
    ("filters", "groups", "top", "tiles"),
    [
        (64, 1, "u8", {12: 4, 8: 2}),
        # Ten filters are stored as twelve, and given in f32 as ten.
        (10, 1, "u8", {12: 1}),
        (10, 1, "f32", {10: 1}),
        (30, 1, "f32", {10: 3}),
        (16, 2, "u8", {8: 2}),
        # Words of filters that belong to several groups.
        (14, 7, "u8", {4: 4}),
        (14, 7, "f32", {2: 7}),
    ],
)
def test_tiles(filters, groups, top, tiles):
    net = Case(((14, 1, 1),), stored=KINDS[top]).net(num_output=filters, kernel_size=1, group=groups)
    (lowering,) = lowerings(net.with_batch(PROBE_BATCH), ("y",), target_named("avx512f"), BATCH_SCHEDULE, DEFAULT)
    found = tiles_of(integer_task(lowering), Form.of(lowering), 12)
    assert {rows: len(ranges) for rows, ranges in found.items()} == tiles
    covered = [k for ranges in found.values() for first, end in ranges for k in range(first, end)]
    assert sorted(covered) == list(range(filters))


def _plan(net, schedule=BATCH_SCHEDULE):
    shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
    return make_plan(net, shapes, net.outputs, schedule=schedule)


@pytest.mark.parametrize(("residual", "shared"), [("u8", True), ("s8", False), ("f32", False)])
def test_a_residual_is_overwritten_where_it_lies_as_the_top_does(residual, shared, rng, monkeypatch):
    case = Case(((6, 2, 2),), stored=KINDS["u8"], residual=residual)
    net = case.net(num_output=6, kernel_size=1)
    owners = _plan(net).owners
    assert (owners["y"] == owners["residual"]) == shared
    check_bits(net, random_feed(net, rng), monkeypatch, targets=HOST)


def test_bands_of_rows(rng, monkeypatch):
    """Layers by turns for some rows each: tables of positions begin later, a residual and a projection follow."""
    params = {"num_output": 8, "kernel_size": 3, "pad": 1}
    first = Case(((6, 16, 12),), stored=KINDS["u8"]).net(**params)
    (data, conv), how = first.layers, KINDS["u8"]
    project = make_params("Convolution", num_output=8, kernel_size=1)
    layers = (
        data,
        conv.replace(name="a", tops=("a",)),
        conv.replace(
            name="b", bottoms=("a", "a"), tops=("b",), quantized=(how, how), epilogue=Epilogue(True), weights={}
        ),
        conv.replace(
            name="c", bottoms=("b", "a"), quantized=(how, how), epilogue=Epilogue(projection=project), weights={}
        ),
    )
    net = random_weights(Net("bands", layers, ("y",)), rng)
    target = replace(host_target(), core_cache_bytes=1 << 17)
    shapes = {"x0": (6, 16, 12)}
    segments = make_plan(net, shapes, ("y",), target=target).segments
    assert any(stretch.calls for segment in segments for stretch in segment.stretches)
    feed = random_feed(net, rng)
    expected = net.with_batch(BATCH).forward(feed)["y"]
    with_cache(monkeypatch, 1 << 17)
    np.testing.assert_array_equal(Session(net, schedule="batch").run(None, feed)[0], expected)


def test_a_layer_that_reads_f32_blobs_as_integers_has_no_kernel():
    """Who reads such a blob needs it stored as integers before: no kernel makes them by the way."""
    net = Case(((6, 2, 2),)).net(num_output=6, kernel_size=1)
    f32 = net.replace(layers=(integer_input("x0", (6, 2, 2), None), *net.layers[1:]))
    net = Case(((6, 2, 2),), residual="u8").net(num_output=6, kernel_size=1)
    residual = net.replace(layers=(net.layers[0], integer_input("residual", (6, 2, 2), None), net.layers[-1]))
    for each in (f32, residual):
        with pytest.raises(UnsupportedError, match="no kernel executes this layer"):
            _plan(each)


def test_sums_that_need_no_correction_have_one_row_of_biases():
    """What is added to s8 differs at the border; u8 is multiplied as it is."""
    for signed, rows in ((False, 1), (True, 9)):
        net = Case(((4, 5, 5),), Quantized(0.02, signed)).net(num_output=4, kernel_size=3, pad=1)
        target = replace(target_named("avx512f"), dots=VNNI)
        (lowering,) = lowerings(net.with_batch(PROBE_BATCH), ("y",), target, BATCH_SCHEDULE, DEFAULT)
        biases, number = integer_task(lowering).sources[0].biases()
        assert (len(biases), len(number), len(np.unique(number))) == (rows, 25, rows)
