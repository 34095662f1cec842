"""Strassen's kernels against the references: exactly on whole numbers, else within the bound of `strassen_sums`.

The matrix shows every pair of values, with XDN_FULL_MATRIX=1 every triple. `check_net` also asserts equal bits for both
schedules, for one thread and two, for all blocks at once and one by one, and for every cut of the batch.
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
    one_layer_net,
    sums,
    with_cache,
)
from tests.kernels.strassen_checks import by_strassen, pairs_of, strassen_sums
from xdn.codegen.names import KernelName
from xdn.codegen.target import TARGETS, host_target
from xdn.element import REAL
from xdn.graph import Epilogue
from xdn.kernels.core.epilogue import ACTIVATIONS
from xdn.kernels.core.layout import SCHEDULES
from xdn.kernels.strassen.batch_kernel import strassen
from xdn.kernels.strassen.kernel import Halving
from xdn.layers import LAYERS
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.session import Session

pytestmark = pytest.mark.usefixtures("everywhere")

EPILOGUES = {
    "none": None,
    "residual": Epilogue(residual=True),
    "both": Epilogue(residual=True, activation=ReLU()),
}
MATRIX = covering(
    12,
    lambda row: (row["height"] - 1) // row["stride"] + (row["width"] - 1) // row["stride"] > 0,
    height=(1, 2, 3, 4, 7, 10),
    width=(1, 2, 3, 6, 7, 9),
    stride=(1, 2),
    # Two halves, one channel more, all but one more of each half, many.
    channels=(32, 33, 63, 96),
    filters=(32, 33, 63, 96, 148),
    epilogue=tuple(EPILOGUES),
    bias=(True, False),
    batch=(*BATCHES, B - 1),
    integers=(True, False),
)


def conv_net(image=(37, 5, 7), filters=41, **params):
    """Return a net of one pointwise convolution."""
    return one_layer_net("Convolution", image, num_output=filters, kernel_size=1, **params)


def whole_numbers(net, batch):
    """Return the net with weights, and images, of whole numbers so small that nothing is ever rounded."""
    rng = np.random.default_rng(2)
    layer = net.layers[-1]
    weights = {name: rng.integers(-9, 10, array.shape).astype(np.float32) for name, array in layer.weights.items()}
    net = net.replace(layers=(*net.layers[:-1], layer.replace(weights=weights)))
    feed = {
        name: rng.integers(-9, 10, (batch, *blob.shape[1:])).astype(np.float32) for name, blob in net.inputs.items()
    }
    expected = np.empty((batch, *net.blobs[net.outputs[0]].shape[1:]))
    # More than what no partial sum exceeds.
    assert strassen_sums(net, feed, expected).max() < 2**24
    return net, feed


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: "-".join(map(str, row.values())))
def test_matrix(row):
    image = row["channels"], row["height"], row["width"]
    net = conv_net(
        image, row["filters"], epilogue=EPILOGUES[row["epilogue"]], bias_term=row["bias"], stride=row["stride"]
    )
    assert by_strassen(net)
    if row["integers"]:
        net, feed = whole_numbers(net, row["batch"])
        check_net(net, exact, feed)
    else:
        check_net(net, sums, feed_for(net, row["batch"]))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation):
    check_net(conv_net(epilogue=Epilogue(True, LAYERS[activation]())), activated)


@pytest.mark.parametrize("activation", [ReLU(negative_slope=0.1), PReLU()], ids=repr)
def test_each_filter_has_its_coefficient(activation):
    check_net(conv_net(filters=100, epilogue=Epilogue(activation=activation)), activated)


def test_values_of_mixed_magnitudes_are_within_the_bound():
    """Powers of two from 2**-20 to 2**20: what is small in one half meets what is large in the other."""
    net, rng = conv_net((96, 6, 7), 70), np.random.default_rng(3)

    def mixed(array):
        return array * np.exp2(rng.integers(-20, 21, array.shape)).astype(np.float32)

    layer = net.layers[-1]
    weights = {name: mixed(array) for name, array in layer.weights.items()}
    net = net.replace(layers=(*net.layers[:-1], layer.replace(weights=weights)))
    check_net(net, sums, {name: mixed(images) for name, images in feed_for(net).items()})


@pytest.mark.parametrize("chunk_blocks", [1, 2, 5])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_chunks_and_threads_change_no_bit(threads, chunk_blocks):
    net = conv_net(epilogue=EPILOGUES["both"])
    feed = feed_for(net, 5 * B + 3)
    (expected,) = Session(net, threads=1).run(None, feed)
    session = Session(net, threads=threads, chunk_blocks=chunk_blocks)
    np.testing.assert_array_equal(session.run(None, feed)[0], expected)
    session.close()


@pytest.mark.parametrize("unit", [1, 6, 18])
def test_units_of_pairs_change_no_bit(unit, monkeypatch):
    """One pair at a time; six, in units that begin in one block and end in the next; all of a block."""
    net = conv_net()
    feed = feed_for(net, 2 * B + 1)
    (expected,) = Session(net, threads=1, schedule="batch").run(None, feed)
    # Four sums of 16 channels, the rest of 5 twice, and one row more.
    with_cache(monkeypatch, 2 * unit * (4 * 16 + 2 * 5 + 1) * B * REAL.bytes)
    session = Session(net, threads=1, chunk_blocks=3, schedule="batch")
    (result,) = session.run(None, feed)
    np.testing.assert_array_equal(result, expected)
    step = next(step for step in session.plan().steps if step.source.name.op.startswith("strassen"))
    assert (step.words[Halving.unit.slot], step.words[Halving.pair_count.slot]) == (unit, 18)


def test_the_residual_is_overwritten_in_place_where_nobody_reads_it_later():
    net = conv_net(epilogue=EPILOGUES["both"])
    feed = feed_for(net)
    shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
    owners = make_plan(net, shapes, ("y0",)).owners
    assert owners["y0"] == owners["residual"]
    (overwritten,) = Session(net).run(None, feed)
    apart, residual = Session(net).run(["y0", "residual"], feed)
    np.testing.assert_array_equal(overwritten, apart)
    np.testing.assert_array_equal(residual, feed["residual"])


# NaN and infinity.


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_its_pair_of_positions(value, schedule):
    """Direct sums keep it to its position; here the other position of the pair may become NaN, too.

    Other images of the block, and other pairs, keep every bit; and nothing that direct sums make NaN or infinite looks
    finite.
    """
    net = conv_net()
    feed = feed_for(net, B + 3)
    session = Session(net, schedule=schedule)
    (expected,) = session.run(None, feed)
    # In each half of the channels and in the rest, in each half of the positions and in the last one, which is alone.
    places = {0: (3, 0), 1: (3, 7), 2: (20, 9), B - 1: (36, 13), B + 1: (5, 34)}
    for image, (channel, number) in places.items():
        feed["x0"][image, channel].flat[number] = value
    (result,) = session.run(None, feed)
    pairs = np.column_stack(pairs_of(5, 7))
    for image in range(B + 3):
        kept = np.ones(36, bool)
        if image in places:
            kept[pairs[(pairs == places[image][1]).any(axis=1)]] = False
        same = [each[image].reshape(41, -1)[:, kept[:35]] for each in (result, expected)]
        np.testing.assert_array_equal(*same)
    with np.errstate(invalid="ignore"):
        direct = net.with_batch(B + 3).forward(feed)["y0"]
    assert not np.isfinite(result[~np.isfinite(direct)]).any()


def test_a_filter_of_nan_is_all_nan_and_its_partner_in_the_other_half_alone_may_be():
    net = conv_net()
    layer, feed = net.layers[-1], feed_for(net)
    (expected,) = Session(net).run(None, feed)
    weight = layer.weights["weight"].copy()
    weight[4, 1] = np.nan
    broken = net.replace(layers=(net.layers[0], layer.replace(weights=layer.weights | {"weight": weight})))
    (result,) = Session(broken).run(None, feed)
    assert np.isnan(result[:, 4]).all()
    others = np.setdiff1d(np.arange(41), [4, 4 + 16])
    np.testing.assert_array_equal(result[:, others], expected[:, others])


# Precision and names.


def test_errors_are_of_the_size_that_the_algorithm_makes():
    """Root mean squares on seeded normal images and filters, against f64; the bounds are twice what was found."""
    net = conv_net((256, 8, 8), 64, bias_term=False)
    layer, feed = net.layers[-1], feed_for(net, 4)
    wide = {name: array.astype(np.float64) for name, array in layer.weights.items()}
    (expected,) = layer.params.reference([feed["x0"].astype(np.float64)], wide, 1)
    found = [Session(net, winograd=winograd).run(None, feed)[0] for winograd in (False, True)]
    direct, own = (np.sqrt(np.mean((y - expected) ** 2) / np.mean(expected**2)) for y in found)
    assert direct < 9e-7
    assert own < 2e-6


def test_a_wrong_kernel_exceeds_the_bound():
    """The bound is worth something: filters rounded to the precision of bfloat16 are found out."""
    net = conv_net()
    feed = feed_for(net)
    (result,) = Session(coarse(net)).run(None, feed)
    expected = net.with_batch(len(result)).forward(feed)["y0"]
    with pytest.raises(AssertionError, match="differ"):
        assert_within(result, expected, sums(net, feed, expected))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("epilogue", [(), ("sum",), ("relu",), ("sum", "prelu")])
def test_name(target, epilogue):
    for two_sizes, op in ((False, "strassen"), (True, "strassen_spread")):
        name = strassen(5, epilogue, target, two_sizes).name
        assert name == KernelName(op, target.name, epilogue, (5, 2))
        assert KernelName.parse(str(name)) == name


def test_tiles_of_two_sizes():
    """Halves of the filters that are one more than a whole number of tiles."""
    rows = host_target().tile()[0]
    filters = 2 * next(half for half in range(16, 16 * rows + 1, 16) if half % rows == 1 or half > 15 * rows)
    check_net(conv_net(filters=filters), sums)
