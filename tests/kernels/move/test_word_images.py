"""Images become integers, or bf16, as they are read: the bits of `stored` of what f32 blobs would hold."""

import numpy as np
import pytest

from tests.kernels.bf16 import PAIRS_TESTED
from tests.kernels.checks import input_layer, make_params, with_cache
from tests.kernels.integers import BATCH, TARGETS_TESTED, check_bits, random_feed
from xdn import settings
from xdn.data.pixels import PixelTransform
from xdn.graph import Bf16, Layer, Net, Quantized
from xdn.kernels.core.layout import SCHEDULES
from xdn.layers.quantize import Quantize
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.session import Session

READ = (Quantized(0.0213), Quantized(0.04, signed=True), Bf16())


def _net(image, how, reader="Split"):
    """Return a net whose only output is its input as it is read."""
    layers = input_layer("x", *image), Layer("integers", Quantize.to(how), ("x",), ("q",))
    return Net("integers", (*layers, Layer("reader", make_params(reader), ("q",), ("y",))), ("y",))


@pytest.mark.parametrize("how", READ, ids=str)
@pytest.mark.parametrize(
    "image",
    # Fewer positions than a tile has, one more, several tiles; channels that end with each part of a word.
    [(1,), (70,), (3, 1, 3), (5, 4, 4), (2, 3, 2, 4), (9, 3, 11)],
)
def test_planes(image, how, rng, monkeypatch):
    net = _net(image, how)
    feed = random_feed(net, rng)
    x = feed["x"].reshape(-1)
    scale = how.scale if isinstance(how, Quantized) else 0.01
    x *= 3 * scale * 127
    x[:8] = np.nan, np.inf, -np.inf, -0.0, 3.4e38, -3e38, 1e-40, 1 + 2.0**-8
    x[8:] = np.where(rng.random(len(x) - 8) < 0.1, np.rint(x[8:] / scale) * scale, x[8:])
    check_bits(net, feed, monkeypatch, targets=PAIRS_TESTED)


def _ops(net, image, outputs=None, schedule="batch"):
    plan = make_plan(net, {"x": image}, outputs or net.outputs, schedule=SCHEDULES[schedule])
    return [step.source.name.op.removeprefix("channel_") for step in plan.steps]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_who_reads_the_input_besides_has_it_in_f32(schedule, rng, monkeypatch):
    net, image = _net((3, 5, 4), READ[0]), (3, 5, 4)
    assert _ops(net, image, schedule=schedule) == ["quantize_planes", "store_planes"]
    both = ("x", "y")
    assert _ops(net, image, both, schedule) == ["load_planes", "quantize", "store_planes", "store_planes"]
    for more in (
        Layer("other", make_params("ReLU"), ("x",), ("z",)),
        Layer("other", make_params("Quantize", scale=0.3), ("x",), ("z",)),
    ):
        two = Net("two", (*net.layers, more), ("y", "z"))
        assert _ops(two, image, schedule=schedule)[0] == "load_planes"
        check_bits(two, random_feed(two, rng), monkeypatch)


@pytest.mark.parametrize("how", READ, ids=str)
@pytest.mark.parametrize("image", [(5, 3, 2), (64, 2, 1), (33, 1, 1), (2,), (18, 2, 3)])
def test_blobs(image, how, rng, monkeypatch):
    layers = (
        input_layer("x", *image),
        Layer("relu", make_params("ReLU", negative_slope=0.5), ("x",), ("z",)),
        Layer("integers", Quantize.to(how), ("z",), ("y",)),
    )
    net = Net("integers", layers, ("y",))
    feed = random_feed(net, rng)
    feed["x"][0] = np.nan
    feed["x"][1] = np.inf
    check_bits(net, feed, monkeypatch)


CHANNELS = [1, 2, 3, 4, 6]
#: Rows that are used whole, and parts of them; rows of fewer positions than a tile has.
CROPS = [(0, 0, 6, 20), (1, 0, 5, 20), (0, 2, 6, 17), (2, 1, 3, 5)]


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("crop", CROPS)
def test_pixels(channels, crop, rng, monkeypatch):
    # Targets and kinds of means in turn.
    number = CHANNELS.index(channels) + CROPS.index(crop)
    target, mean_image = TARGETS_TESTED[number % len(TARGETS_TESTED)], number % 2 == 0
    images = rng.integers(0, 256, (BATCH, 6, 20, channels), np.uint8)
    mean = rng.uniform(0, 255, (channels, *crop[2:]) if mean_image else (channels, 1, 1)).astype(np.float32)
    transform = PixelTransform(mean, rng.uniform(0.01, 0.03, channels).astype(np.float32), crop)
    with_cache(monkeypatch, settings.CORE_CACHE_BYTES, target)
    for how in READ:
        net = _net((channels, *crop[2:]), how)
        expected = how.stored(transform.apply(images))
        for schedule in SCHEDULES:
            session = Session(net, schedule=schedule, threads=2, chunk_blocks=1)
            for batch in (1, target.block_images, BATCH):
                (found,) = session.run_pixels(images[:batch], transform)
                np.testing.assert_array_equal(found, expected[:batch])
            session.close()


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_who_reads_single_words_finds_no_padding_but_to_a_word(channels, rng, monkeypatch):
    """A vector of bytes for each of the pixels of an image would be 16 times as much as is read of three channels."""
    layers = (
        input_layer("x", channels, 6, 9),
        Layer("integers", make_params("Quantize", scale=0.02, signed=True), ("x",), ("q",)),
        Layer(
            "conv",
            make_params("Convolution", num_output=5, kernel_size=3, bias_term=False),
            ("q",),
            ("y",),
            {"weight": rng.standard_normal((5, channels, 3, 3)).astype(np.float32)},
            quantized=(Quantized(0.02, signed=True),),
        ),
    )
    net = Net("convolution", layers, ("y",))
    plan = make_plan(net, {"x": (channels, 6, 9)}, ("y",), schedule=SCHEDULES["channel"])
    assert plan.layouts["q"].position_elements == -(-channels // 4) * 4
    check_bits(net, random_feed(net, rng), monkeypatch)
