"""Contractions by tiles, emulated: against the references, in both schedules, with all that ends them; bit for bit."""

import numpy as np
import pytest

from tests.kernels.checks import FULL_MATRIX, covering, feed_for, make_params, one_layer_net, random_weights
from tests.kernels.contract.matrix.tiled import check_tiled, session_of, tiled_kernels
from xdn.element import WEIGHT_ELEMENTS
from xdn.errors import SettingError
from xdn.graph import Epilogue
from xdn.kernels.core.choice import BF16X3, BF16X6, FMA, TILED
from xdn.layers import LAYERS
from xdn.runtime.session import Session

#: Window -> parameters, and how many taps meet data.
WINDOWS = {
    "1x1": ({"kernel_size": 1}, 1),
    "3x3": ({"kernel_size": 3, "pad": 1}, 9),
    "strided": ({"kernel_size": 3, "pad": 1, "stride": 2}, 9),
    "columns": ({"kernel_h": 2, "kernel_w": 3, "pad": (0, 2), "stride": (2, 1), "dilation": (1, 2)}, 6),
    "dilated": ({"kernel_size": (3, 2), "pad": (3, 0), "dilation": (2, 1), "stride": (1, 3)}, 6),
    # Some positions meet nothing but padding.
    "wide": ({"kernel_size": 2, "pad": 3, "stride": 3}, 4),
}
#: A part of a tile of channels, a whole one, and some of a third.
CHANNELS = (5, 32, 67)
MATRIX = covering(
    5,
    lambda row: True,
    window=tuple(WINDOWS),
    channels=CHANNELS,
    # One register of filters, with a tail; both; both and another one.
    filters=(3, 32, 45),
    map=((5, 4), (3, 19), (1, 1)) if FULL_MATRIX else ((5, 4), (3, 19)),
    epilogue=("plain", "sum", "relu", "sum, prelu", "sigmoid"),
    images=(1, 33),
    algorithm=TILED,
)
EPILOGUES = {
    "plain": None,
    "sum": Epilogue(True),
    "relu": Epilogue(activation=LAYERS["ReLU"](negative_slope=0.1)),
    "sum, prelu": Epilogue(True, LAYERS["PReLU"]()),
    "sigmoid": Epilogue(activation=LAYERS["Sigmoid"]()),
}


def _steps(taps, channels):
    return taps * -(-channels // 32)


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: "-".join(map(str, row.values())).replace(" ", ""))
def test_convolution(emulated, row):
    params, taps = WINDOWS[row["window"]]
    image = (row["channels"], *row["map"])
    net = one_layer_net("Convolution", image, epilogue=EPILOGUES[row["epilogue"]], num_output=row["filters"], **params)
    names = check_tiled(net, row["algorithm"], _steps(taps, row["channels"]), row["images"])
    word = row["algorithm"].removeprefix("bf16")
    assert {name.op for name in names} == {f"tiles_{word}", f"channel_tiles_{word}"}


#: Images of both sources, the layer's parameters and the projection's: maps of one size, and of others; strides.
PROJECTIONS = {
    "pointwise": ((40, 5, 7), (3, 5, 7), {"kernel_size": 1}, {"kernel_size": 1}),
    "strided": ((33, 5, 7), (70, 10, 14), {"kernel_size": 3, "pad": 1}, {"kernel_size": 1, "stride": 2}),
    "wide": ((5, 9, 4), (5, 9, 4), {"kernel_size": 3, "pad": 1}, {"kernel_size": 5, "pad": 2}),
}


@pytest.mark.parametrize("algorithm", TILED)
@pytest.mark.parametrize("name", PROJECTIONS)
def test_projections(emulated, name, algorithm):
    image, other, params, projected = PROJECTIONS[name]
    projection = make_params("Convolution", num_output=40, bias_term=name == "wide", **projected)
    epilogue = Epilogue(activation=LAYERS["ReLU"](), projection=projection)
    net = one_layer_net("Convolution", image, other, epilogue=epilogue, num_output=40, **params)
    check_tiled(net, algorithm, 2 * 25 * 3, 34)


def test_a_projection_of_the_same_blob(emulated):
    """Parts are made once, with what both windows need."""
    projection = make_params("Convolution", num_output=17, kernel_size=3, pad=1)
    net = one_layer_net("Convolution", (33, 6, 5), num_output=17, kernel_size=1)
    layer = net.layers[-1].replace(bottoms=("x0", "x0"), epilogue=Epilogue(projection=projection))
    net = random_weights(net.replace(layers=(*net.layers[:-1], layer)), np.random.default_rng(1))
    check_tiled(net, BF16X6, 20, 3)


@pytest.mark.parametrize(("image", "filters"), [((70,), 40), ((6, 3, 2), 5), ((33, 2, 1), 64)])
@pytest.mark.parametrize("algorithm", TILED)
def test_inner_product(emulated, image, filters, algorithm):
    net = one_layer_net("InnerProduct", image, num_output=filters, epilogue=EPILOGUES["relu"])
    positions = image[1] * image[2] if len(image) > 1 else 1
    check_tiled(net, algorithm, _steps(positions, image[0]), 34)


def test_inner_product_of_transposed_weights(emulated):
    check_tiled(one_layer_net("InnerProduct", (40,), num_output=7, transpose=True), BF16X6, 2, 3)


def test_filters_are_spread_over_registers(emulated):
    """Two registers of filters as often as that saves loads, one for what is left."""
    for filters, tiles in ((16, {1}), (17, {2}), (33, {1, 2}), (64, {2})):
        net = one_layer_net("Convolution", (3, 2, 2), num_output=filters, kernel_size=1)
        names = tiled_kernels(session_of(net, "batch", BF16X6))
        assert {name.tile for name in names} == {(count, 2) for count in tiles}


@pytest.mark.parametrize(
    ("type_name", "image", "params"),
    [
        ("Convolution", (4, 5, 5), {"kernel_size": 1, "group": 2}),
        ("Convolution", (4, 5, 5, 2), {"kernel_size": 1}),
        ("Deconvolution", (4, 5, 5), {"kernel_size": 2}),
    ],
    ids=["groups", "volumes", "transposed"],
)
@pytest.mark.parametrize("schedule", ["batch", "channel"])
def test_what_tiles_do_not_compute_is_refused(emulated, schedule, type_name, image, params):
    net = one_layer_net(type_name, image, num_output=4, **params)
    with pytest.raises(SettingError, match="cannot be computed by 'bf16x6'"):
        session_of(net, schedule, BF16X6).plan()


def test_six_products_err_less_than_a_chain_of_f32(emulated, rng):
    """Positive values and long sums, whose partial sums are large: as exact as direct sums at least."""
    net = one_layer_net("Convolution", (256, 3, 3), num_output=32, kernel_size=3)
    feed = {"x0": np.abs(rng.standard_normal((2, 256, 3, 3))).astype(np.float32)}
    layer = net.layers[-1]
    wide = {name: array.astype(np.float64) for name, array in layer.weights.items()}
    (exact,) = layer.params.reference([feed["x0"].astype(np.float64)], wide, 1)
    sessions = {"direct": Session(net, precision=FMA, winograd=False)}
    sessions |= {algorithm: session_of(net, "channel", algorithm) for algorithm in TILED}
    rms = {}
    for algorithm, session in sessions.items():
        (result,) = session.run(None, feed)
        rms[algorithm] = np.sqrt(np.mean((result - exact) ** 2)) / np.abs(exact).max()
    assert rms[BF16X6] < rms["direct"] < 1e-6 < rms[BF16X3] < 1e-5


@pytest.mark.parametrize("schedule", ["batch", "channel"])
def test_values_that_are_not_finite_stay_so(emulated, schedule):
    """What a direct sum makes NaN or infinite is not finite; other positions and images keep every bit."""
    net = one_layer_net("Convolution", (33, 4, 6), num_output=17, kernel_size=3, pad=1)
    x = np.random.default_rng(4).standard_normal((3, 33, 4, 6)).astype(np.float32)
    bad = x.copy()
    bad[1, 7, 2, 3], bad[1, 20, 0, 0] = np.inf, np.nan
    session = session_of(net, schedule, BF16X6)
    (right,), (found,) = session.run(None, {"x0": x}), session.run(None, {"x0": bad})
    with np.errstate(invalid="ignore"):
        reached = ~np.isfinite(net.with_batch(3).forward({"x0": bad})["y0"])
    np.testing.assert_array_equal(~np.isfinite(found), reached)
    np.testing.assert_array_equal(found[~reached], right[~reached])


@pytest.mark.parametrize("schedule", ["batch", "channel"])
def test_numbers_at_the_ends_of_their_range(emulated, schedule):
    """The largest numbers, which bf16 would round to infinity, and the smallest, whose parts are denormal."""
    net = one_layer_net("Convolution", (4, 1, 2), num_output=2, kernel_size=1, bias_term=False)
    layer = net.layers[-1]
    largest, smallest = np.finfo(np.float32).max, np.finfo(np.float32).tiny
    weight = np.zeros((2, 4, 1, 1), np.float32)
    weight[0, 0], weight[1, 1] = 1, 0.75
    net = net.replace(layers=(*net.layers[:-1], layer.replace(weights={"weight": weight})))
    x = np.zeros((1, 4, 1, 2), np.float32)
    x[0, 0, 0], x[0, 1, 0] = (largest, -largest), (smallest * np.float32(1 + 2**-20), largest)
    (y,) = session_of(net, schedule, BF16X6).run(None, {"x0": x})
    np.testing.assert_array_equal(y[0, 0, 0], x[0, 0, 0])
    np.testing.assert_allclose(y[0, 1, 0], [0, largest * 0.75], rtol=2.0**-23, atol=smallest)


@pytest.mark.parametrize(("stored", "parts"), [("f32", 3), ("f16", 2), ("bf16", 1)])
@pytest.mark.parametrize("schedule", ["batch", "channel"])
def test_weights_of_fewer_bits_have_fewer_parts(emulated, schedule, stored, parts):
    """To the bits of f32 weights that are rounded: what is left out are products with zeros."""
    net = one_layer_net("Convolution", (64, 3, 4), num_output=32, kernel_size=3, pad=1)
    layer, element = net.layers[-1], WEIGHT_ELEMENTS[stored]
    weights = layer.weights | {"weight": element.rounded(layer.weights["weight"])}
    rounded = net.replace(layers=(*net.layers[:-1], layer.replace(weights=weights)))
    feed = feed_for(net, 3)
    session = session_of(net, schedule, BF16X6, weights_as=stored)
    (found,), (expected,) = session.run(None, feed), session_of(rounded, schedule, BF16X6).run(None, feed)
    np.testing.assert_array_equal(found, expected)
    (step,) = (step for step in session.plan().steps if "tiles" in step.source.name.op)
    assert (stored == "f32") == (f"f32x{stored}" not in str(step.source.name))
    assert max(array.nbytes for array in step.keep) == 2 * parts * 9 * 64 * 32
