"""The profile: the arithmetic from ticks to figures, every layer, and results that do not change."""

from dataclasses import asdict
from math import prod

import numpy as np
import pytest

from tests.kernels.checks import B, feed_for, input_layer, make_params, one_layer_net, random_weights
from tests.runtime.cpu.test_executor import residual_net
from xdn.codegen.target import host_target
from xdn.data.pixels import PixelTransform
from xdn.errors import SettingError
from xdn.graph import Bf16, Layer, Net, Quantized
from xdn.graph.cost import layer_cost
from xdn.kernels.core.choice import FMA
from xdn.layers.input import Input
from xdn.runtime.backend import Run
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.machine import this_target
from xdn.runtime.profile import INPUT, OUTPUT, TOTAL
from xdn.runtime.session import Session
from xdn.runtime.taken import Taken, profiled

#: Images that fill two blocks and begin a third.
IMAGES = 2 * B + 6


@pytest.fixture(scope="module")
def net():
    """Return a residual block with pooling, LRN and softmax."""
    return residual_net()


def plan_of(net, **options):
    """Return the plan of a net for its own shapes."""
    return make_plan(net, {name: blob.shape[1:] for name, blob in net.inputs.items()}, net.outputs, **options)


@pytest.mark.parametrize("threads", [1, 2])
def test_bits_are_the_same_with_and_without(net, threads):
    feed = feed_for(net, 3 * B + 4)
    plain = Session(net, threads=threads, chunk_blocks=1).run(None, feed)
    measured = Session(net, threads=threads, chunk_blocks=1, profile=True).run(None, feed)
    for a, b in zip(plain, measured, strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_layer_is_there_in_order(net):
    session = Session(net, threads=1, profile=True)
    session.run(None, feed_for(net, 3))
    profile = session.profile(100.0)
    computed = [layer for layer in net.layers if not layer.params.is_input]
    assert [row.name for row in profile.layers] == [INPUT, *(layer.name for layer in computed), OUTPUT, OUTPUT]
    assert [row.type for row in profile.layers[1:-2]] == [layer.type for layer in computed]
    assert [row.shapes for row in profile.layers[1:-2]] == [(net.blobs[layer.tops[0]].shape[1:],) for layer in computed]
    assert [row.shapes for row in profile.layers[-2:]] == [((10,),), ((14, 6, 5),)]
    assert "contract_f32_sum_relu" in profile.layers[2].kernels[0]
    assert all(row.kernels and row.ms > 0 for row in profile.layers)


def test_each_worker_has_its_own_time(net):
    session = Session(net, threads=2, chunk_blocks=1, profile=True)
    session.run(None, feed_for(net, 3 * B))
    profile = session.profile(100.0)
    assert all(len(row.worker_ms) == profile.workers for row in profile.layers)
    assert all(row.ms == pytest.approx(sum(row.worker_ms) / profile.workers) for row in profile.layers)


def test_only_layers_that_ran_are_there(net):
    session = Session(net, threads=1, profile=True)
    session.run(["conv"], feed_for(net, 3))
    assert [row.name for row in session.profile(100.0).layers] == [INPUT, "conv", OUTPUT]


def test_macs_are_those_of_the_plan(net):
    session = Session(net, threads=1, profile=True)
    session.run(None, feed_for(net, 3))
    profile = session.profile(100.0)
    assert sum(row.macs for row in profile.layers) == profile.total.macs == session.plan().macs
    macs = {row.name: row.macs for row in profile.layers}
    assert macs["fc"] == layer_cost(net, net.layer("fc")).macs
    # A padded 3x3 window over 6x5 meets 3*6-2 rows times 3*5-2 columns of data, not 3*6 times 3*5.
    assert macs["conv"] == (3 * 6 - 2) * (3 * 5 - 2) * 3 * 14
    assert macs["pool"] == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_times_add_up_to_the_run(net, threads):
    session = Session(net, threads=threads, chunk_blocks=1, profile=True)
    session.run(None, feed_for(net, 50 * B))
    profile = session.profile(100.0)
    assert (profile.images, profile.workers) == (50 * B, threads)
    assert sum(row.ms for row in profile.layers) == pytest.approx(profile.total.ms)
    assert sum(row.share for row in profile.layers) == pytest.approx(1)
    # Each worker is inside the run; the upper bound leaves room for the calibration, the lower one for a busy machine.
    assert 0.05 * profile.run_ms < profile.total.ms < 1.1 * profile.run_ms


def by_hand(plan, ticks, images=IMAGES, chunks=3, array_bytes=None):
    """Return the profile of a run that took `ticks` (workers, steps) of half a microsecond."""
    arrays = array_bytes or (0,) * (len(plan.inputs) + len(plan.outputs))
    run = Run(images, chunks, 0.25, np.array(ticks), arrays)
    return profiled(Taken(images, run.seconds, ((plan, run),)), 500.0, 200.0)


def test_figures_from_ticks():
    # One filter more than the largest tile has rows makes tiles of two sizes: two steps, one layer.
    filters = host_target().tile()[0] + 1
    net = one_layer_net("Convolution", (3, 7, 5), num_output=filters, kernel_size=1)
    plan = plan_of(net)
    assert len(plan.steps) == 4
    profile = by_hand(plan, [[2000, 10_000, 6000, 2000], [4000, 6000, 2000, 0]])
    first, conv, last = profile.layers
    assert [row.ms for row in (first, conv, last, profile.total)] == pytest.approx([1.5, 6, 0.5, 8])
    assert [row.share for row in profile.layers] == pytest.approx([3 / 16, 3 / 4, 1 / 16])
    assert conv.macs == profile.total.macs == 7 * 5 * 3 * filters
    assert conv.gflops == pytest.approx(2 * conv.macs * IMAGES / 6e6)
    assert conv.peak_percent == pytest.approx(100 * conv.gflops / 200)
    assert profile.total.gflops == pytest.approx(2 * conv.macs * IMAGES / 8e6)
    assert (first.gflops, first.peak_percent) == (0, 0)
    assert len(conv.kernels) == 2
    assert (profile.total.name, profile.run_ms, profile.peak_gflops, profile.workers) == (TOTAL, 250, 200, 2)


def test_bytes_count_each_blob_once_and_weights_once_a_chunk():
    net = one_layer_net("Convolution", (3, 7, 5), num_output=15, kernel_size=1)
    plan = plan_of(net)
    ones = np.ones((1, len(plan.steps)), int)
    weight_bytes = sum(array.nbytes for step in plan.steps for array in step.keep)
    assert weight_bytes > 4 * 15 * 3
    x_bytes, y_bytes = (4 * IMAGES * 7 * 5 * channels for channels in (3, 15))
    profile = by_hand(plan, ones, array_bytes=(x_bytes, y_bytes))
    first, conv, last = profile.layers
    x_blocks, y_blocks = (4 * 3 * B * 7 * 5 * channels for channels in (3, 15))
    assert first.bytes == x_bytes + x_blocks
    assert conv.bytes == x_blocks + y_blocks + 3 * weight_bytes
    assert last.bytes == y_bytes + y_blocks
    assert profile.total.bytes == first.bytes + conv.bytes + last.bytes
    assert conv.gbytes == pytest.approx(conv.bytes / (1e6 * conv.ms))


def test_what_winograd_keeps_for_itself_is_not_a_blob_that_moves():
    net = one_layer_net("Convolution", (32, 8, 8), num_output=32, kernel_size=3, pad=1)
    plan = plan_of(net, configuration=Configuration(precision=FMA))
    assert [step.source.name.op for step in plan.steps][1] == "winograd4"
    row = by_hand(plan, np.ones((1, len(plan.steps)), int), images=B, chunks=1).layers[1]
    assert row.bytes == 2 * 4 * B * 32 * 8 * 8 + sum(array.nbytes for array in plan.steps[1].keep)


def test_a_fused_residual_and_every_bottom_count():
    net = one_layer_net("Eltwise", (2, 3, 3), (2, 3, 3), (2, 3, 3))
    plan = plan_of(net)
    row = by_hand(plan, np.ones((1, len(plan.steps)), int), images=B, chunks=1).layers[3]
    blob = 4 * B * 18
    # Two steps: x0 + x1 -> y, y + x2 -> y.
    assert row.bytes == 5 * blob


def test_a_layer_that_shares_memory_takes_nothing():
    layers = (input_layer("x", 3, 2, 2), Layer("drop", make_params("Dropout"), ("x",), ("y",)))
    session = Session(Net("drop", layers), threads=1, profile=True)
    session.run(None, {"x": np.zeros((5, 3, 2, 2), np.float32)})
    drop = session.profile(100.0).layers[1]
    assert (drop.name, drop.type, drop.kernels) == ("drop", "Dropout", ())
    assert (drop.ms, drop.share, drop.macs, drop.gflops, drop.bytes, drop.gbytes) == (0, 0, 0, 0, 0, 0)


def test_images_that_workers_convert_are_an_input(net):
    transform = PixelTransform.of(net.input_layers[0].params.transform, (6, 5, 3), (3, 6, 5), [], None)
    session = Session(net, threads=1, profile=True)
    images = np.zeros((B + 8, 6, 5, 3), np.uint8)
    session.run_pixels(images, transform)
    first = session.profile(100.0).layers[0]
    assert first.name == INPUT
    assert first.kernels[0].startswith("load_pixels")
    # The last images begin a second block.
    keep = 4 * (3 * 6 * 5 + 3)
    assert first.bytes == images.nbytes + 4 * 2 * B * prod((3, 6, 5)) + keep


def test_the_latest_run_is_profiled(net):
    session = Session(net, threads=2, chunk_blocks=1, profile=True)
    session.run(None, feed_for(net, 6 * B))
    session.run(None, feed_for(net, 5))
    assert (session.profile(100.0).images, session.profile(100.0).workers) == (5, 2)


def test_a_single_chunk_of_the_batch_schedule_has_one_worker(net):
    session = Session(net, threads=2, profile=True, schedule="batch")
    session.run(None, feed_for(net, 5))
    assert (session.profile(100.0).images, session.profile(100.0).workers) == (5, 1)


def test_the_peak_is_measured_where_none_is_given():
    net = random_weights(one_layer_net("InnerProduct", (64, 1, 1), num_output=64), np.random.default_rng(0))
    session = Session(net, threads=1, profile=True)
    session.run(None, feed_for(net, 32))
    profile = session.profile()
    assert profile.peak_gflops > 0
    assert profile.layers[1].peak_percent == pytest.approx(100 * profile.layers[1].gflops / profile.peak_gflops)
    assert asdict(profile)["layers"][1]["macs"] == 64 * 64


@pytest.mark.parametrize("read", [Quantized(0.1), Bf16()], ids=str)
def test_layers_that_multiply_integers_or_bf16_are_compared_with_the_peak_of_these(read):
    layer = one_layer_net("InnerProduct", (64, 1, 1), num_output=64).layers[-1].replace(quantized=(read,))
    scale = 1.0 if read == Bf16() else read.scale
    given = Layer("x0", Input(shape=((1, 64, 1, 1),), element=read.element, scale=scale), (), ("x0",))
    net = random_weights(Net("words", (given, layer), ("y0",)), np.random.default_rng(0))
    session = Session(net, threads=1, profile=True)
    session.run(None, {"x0": np.ones((32, 64, 1, 1), read.element.numpy)})
    row, rates = session.profile(100.0).layers[1], this_target().rates
    assert row.macs == 64 * 64
    times = 2 * rates.pairs if read == Bf16() else 4 * rates.dots
    assert row.peak_percent == pytest.approx(row.gflops / (times / rates.multiplied))


def test_without_measuring_or_without_a_run_there_is_no_profile(net):
    with pytest.raises(SettingError, match="profile=True"):
        Session(net).profile()
    with pytest.raises(SettingError, match="no run has ended yet"):
        Session(net, profile=True).profile()
    empty = Session(net, profile=True)
    empty.run(None, {"x": np.zeros((0, 3, 6, 5), np.float32)})
    with pytest.raises(SettingError, match="no run has ended yet"):
        empty.profile()
