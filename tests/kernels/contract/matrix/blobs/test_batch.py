"""Contractions of integers by tiles, emulated: the references' bits in both schedules, as those of dot products are."""

import numpy as np
import pytest

from tests.kernels.checks import covering, make_params
from tests.kernels.contract.matrix.blobs.tiled import check_tiled, session_of, tiled_kernels
from tests.kernels.contract.matrix.test_batch import WINDOWS
from tests.kernels.contract.words.nets import KINDS, Case, constant_feed
from tests.kernels.contract.words.test_batch import ACTIVATIONS
from tests.kernels.integers import BATCH, random_feed
from xdn.errors import SettingError
from xdn.graph import Quantized

#: Words of a part of a register, of one, and of one and a part of another; words that are not whole.
MATRIX = covering(
    6,
    lambda row: True,
    window=tuple(WINDOWS),
    inputs=(1, 6, 64, 67, 150),
    # A part of a register, both and another one, words that are not whole.
    outputs=(1, 16, 42),
    map=((5, 4), (3, 19), (6, 7)),
    bias=(True, False),
    signed=(False, True),
    top=tuple(KINDS),
    residual=(None, *KINDS),
    activation=tuple(ACTIVATIONS),
)


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: "-".join(map(str, row.values())).replace(" ", ""))
def test_convolution(emulated, row, rng):
    case = Case(
        ((row["inputs"], *row["map"]),),
        read=Quantized(0.02, row["signed"]),
        stored=KINDS[row["top"]],
        residual=row["residual"],
        activation=ACTIVATIONS[row["activation"]],
    )
    params, _ = WINDOWS[row["window"]]
    net = case.net(num_output=row["outputs"], bias_term=row["bias"], **params)
    check_tiled(net, random_feed(net, rng))


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (4, 4), (7, 7), (40, 1), (1, 40)])
def test_small_maps_and_lines(emulated, size, rng):
    """Of 2x2 a register is not full, of 4x4 it is; 7x7 is three registers and a position."""
    case = Case(((70, *size),), Quantized(0.02, True), stored=KINDS["u8"], residual="f32")
    for kernel, pad in ((1, 0), (3, 1)):
        net = case.net(num_output=18, kernel_size=kernel, pad=pad)
        check_tiled(net, random_feed(net, rng))


@pytest.mark.parametrize(("signed", "highest"), [(False, True), (True, True), (True, False)])
def test_extremes_throughout(emulated, signed, highest):
    """255 x -127 everywhere, with biases near their bound."""
    net = Case(((64, 2, 2),), Quantized(1.0, signed)).net(num_output=8, kernel_size=3, pad=1)
    layer = net.layer("layer")
    weight = np.full_like(layer.weights["weight"], -127 if highest else 127)
    weight[::2] *= -1
    bias = np.resize(np.float32([2**30, -(2**30)]), 8)
    net = net.replace(layers=(*net.layers[:-1], layer.replace(weights={"weight": weight, "bias": bias})))
    check_tiled(net, constant_feed(net, BATCH, highest))


@pytest.mark.parametrize(("products", "signed"), [(33155, False), (66051, True)])
def test_sums_next_to_the_end_of_s32(emulated, products, signed):
    """As many products as a layer may have, all of the largest magnitude and of the bias's sign."""
    net = Case(((products,),), Quantized(1.0, signed)).net("InnerProduct", num_output=4)
    sign = np.float32([1, -1, 1, -1])
    bias = sign * np.float32(-(2.0**30) if signed else 2.0**30)
    layer = net.layer("layer").replace(weights={"weight": np.repeat(127 * sign[:, None], products, 1), "bias": bias})
    net = net.replace(layers=(*net.layers[:-1], layer))
    check_tiled(net, constant_feed(net, BATCH, highest=not signed))


#: Images of both sources, the layer's parameters and the projection's.
PROJECTIONS = {
    "pointwise": ((40, 5, 7), (70, 5, 7), {"kernel_size": 1}, {"kernel_size": 1}),
    "strided": ((64, 5, 7), (17, 10, 14), {"kernel_size": 3, "pad": 1}, {"kernel_size": 1, "stride": 2}),
    "wide": ((5, 9, 4), (150, 9, 4), {"kernel_size": 3, "pad": 1}, {"kernel_size": 5, "pad": 2}),
}


@pytest.mark.parametrize("name", PROJECTIONS)
@pytest.mark.parametrize("signs", [(True, False), (False, True)])
def test_projections(emulated, name, signs, rng):
    """Two sums with scales of their own; steps have as many words as the blob with the fewest."""
    image, other, params, projected = PROJECTIONS[name]
    read, second = (Quantized(scale, signed) for scale, signed in zip((0.02, 0.7), signs, strict=True))
    projection = make_params("Convolution", num_output=40, **projected)
    case = Case((image, other), read, second, KINDS["u8"], activation=ACTIVATIONS["relu"], projection=projection)
    net = case.net(num_output=40, **params)
    check_tiled(net, random_feed(net, rng))


@pytest.mark.parametrize(("image", "filters"), [((70,), 40), ((6, 3, 2), 5), ((130, 2, 1), 64)])
@pytest.mark.parametrize("transpose", [False, True])
def test_inner_product(emulated, image, filters, transpose, rng):
    case = Case((image,), Quantized(0.02, transpose), stored=KINDS["s8"] if transpose else None)
    net = case.net("InnerProduct", num_output=filters, transpose=transpose)
    check_tiled(net, random_feed(net, rng))


def test_transposed_windows_in_blocks_of_images(emulated, rng):
    """Each position has taps of its own kind."""
    case = Case(((20, 3, 4),), Quantized(0.02, signed=True), stored=KINDS["u8"])
    net = case.net("Deconvolution", num_output=10, kernel_size=3, stride=2, pad=1)
    check_tiled(net, random_feed(net, rng), schedules=("batch",))
    with pytest.raises(SettingError, match="cannot be computed by 'int8'"):
        session_of(net, "channel").plan()


@pytest.mark.parametrize("schedule", ["batch", "channel"])
def test_groups_are_refused(emulated, schedule):
    net = Case(((8, 5, 5),)).net(num_output=8, kernel_size=1, group=2)
    with pytest.raises(SettingError, match="cannot be computed by 'int8'"):
        session_of(net, schedule).plan()


def test_steps_have_as_many_words_as_channels_fill(emulated, rng):
    for channels, depth in ((3, 1), (17, 5), (64, 16), (70, 16)):
        net = Case(((channels, 2, 2),)).net(num_output=16, kernel_size=1)
        assert {name.op for name in tiled_kernels(session_of(net, "batch"))} == {f"tiles_words{depth}"}
