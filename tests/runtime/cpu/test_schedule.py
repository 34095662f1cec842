"""The order of passes: every step takes every block and row once, and after what it needs."""

import numpy as np
import pytest

from tests.kernels.checks import B, feed_for, with_cache
from xdn import settings
from xdn.frontend import load
from xdn.frontend.weights import random_weights
from xdn.graph import Layer, Net
from xdn.layers import LAYERS
from xdn.runtime.cpu.bands import Call
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.cpu.schedule import Order, Pass, Segment, Segmenting, Stretch, passes
from xdn.runtime.session import Session


def listed(segments, chunk_blocks):
    return [Pass(*row) for row in passes(segments, chunk_blocks).tolist()]


def test_a_segment_takes_its_blocks_through_all_steps_before_the_next():
    segments = (Segment((Stretch(0, 1), Stretch(1, 2)), 1), Segment((Stretch(2, 3),), 3))
    assert listed(segments, 3) == [
        *(Pass(step, block, 1) for block in range(3) for step in (0, 1)),
        Pass(2, 0, 3),
    ]


def test_the_last_part_of_a_chunk_may_be_smaller():
    assert listed((Segment((Stretch(0, 1),), 2),), 5) == [Pass(0, 0, 2), Pass(0, 2, 2), Pass(0, 4, 1)]


def test_a_run_in_bands_takes_each_block_through_all_its_calls():
    stretch = Stretch(0, 2, (Call(0, 0, 3), Call(1, 0, 2), Call(0, 3, 1), Call(1, 2, 2)))
    expected = [Pass(call.step, block, 1, call.first, call.units) for block in (0, 1) for call in stretch.calls]
    assert listed((Segment((stretch,), 2),), 2) == expected


def test_buffers_are_kept_while_a_pass_may_come_back():
    segments = (
        Segment((Stretch(0, 1), Stretch(1, 4, (Call(1, 0, 1),)), Stretch(4, 6)), 1),
        Segment((Stretch(6, 9),), 3),
    )
    order = Order(segments)
    assert order.kept([4, 5], 3) == (4, 5)  # within a stretch that no pass comes back to
    assert order.kept([0, 2], 3) == (0, 3)  # read in the stretch in bands: kept to its end
    assert order.kept([2, 4], 3) == (1, 4)  # written in the stretch in bands: from its beginning
    assert order.kept([5, 6], 3) == (0, 6)  # filled block by block, read by the segment that takes all blocks
    assert order.kept([5, 6], 6) == (0, 8)  # that takes them in two parts
    assert order.segment_of([4, 5]) is segments[0]
    assert order.segment_of([5, 6]) is None


def chain(channels=(4, 24, 8, 24, 3), size=5):
    """Return pointwise convolutions one after the other, a 3x3 in the middle, and a large InnerProduct."""
    layers = [Layer("x", LAYERS["Input"](shape=((1, 4, size, size),)), (), ("x",))]
    for i, k in enumerate(channels):
        kernel, pad = ((3,), (1,)) if i == 2 else ((1,), ())
        params = LAYERS["Convolution"](num_output=k, kernel_size=kernel, pad=pad)
        layers.append(Layer(f"c{i}", params, (layers[-1].name,), (f"c{i}",)))
    layers.append(Layer("fc", LAYERS["InnerProduct"](num_output=300), (layers[-1].name,), ("fc",)))
    layers.append(Layer("fc2", LAYERS["InnerProduct"](num_output=300), ("fc",), ("fc2",)))
    return random_weights(Net("chain", tuple(layers)))


def cache_of(monkeypatch, kib):
    """Let a core have a cache of `kib` for a block of 32 images, and as much for each image of another block.

    Weights weigh less against a smaller block's blobs: the bound moves with it, so that segments are the same.
    """
    with_cache(monkeypatch, (kib << 10) * B // 32)
    monkeypatch.setattr(settings, "HEAVY_WEIGHTS", settings.HEAVY_WEIGHTS * 32 / B)


def test_the_default_takes_rows_in_bands_and_turns_to_chunks_where_weights_outweigh_blobs(monkeypatch):
    net = chain()
    cache_of(monkeypatch, 160)
    plan = make_plan(net, {"x": (4, 5, 5)}, net.outputs)
    first, second, last = plan.segments
    numbers = {placed.layer.name: (placed.first, placed.end) for placed in plan.layers}
    assert (first.blocks, second.blocks, last.blocks) == (1, settings.CHUNK_IMAGES // B, 1)
    assert (second.first, second.end) == numbers["fc2"]
    in_bands = [(stretch.first, stretch.end) for stretch in first.stretches if stretch.calls]
    assert in_bands == [(numbers["c0"][0], numbers["c4"][1])]
    # Of less cache, fewer layers stay in it together.
    with_cache(monkeypatch, (64 << 10) * B // 32)
    first = make_plan(net, {"x": (4, 5, 5)}, net.outputs).segments[0]
    in_bands = [(stretch.first, stretch.end) for stretch in first.stretches if stretch.calls]
    assert in_bands == [(numbers["c0"][0], numbers["c1"][1]), (numbers["c3"][0], numbers["c4"][1])]
    with_cache(monkeypatch, 64 << 20)
    assert not any(each.calls for s in make_plan(net, {"x": (4, 5, 5)}, net.outputs).segments for each in s.stretches)


def every_step_once(plan):
    """Assert that the passes of each step cover all blocks and rows of a chunk exactly once."""
    found = np.zeros((len(plan.steps), plan.chunk_blocks, 64), int)
    for call in (Pass(*row) for row in passes(plan.segments, plan.chunk_blocks).tolist()):
        blocks = slice(call.first_block, call.first_block + call.blocks)
        count = call.units or 64
        found[call.step, blocks, call.first_unit : call.first_unit + count] += 1
    for step, counts in zip(plan.steps, found, strict=True):
        units = step.rows.units if step.rows else 64
        assert (counts[:, : min(units, 64)] == 1).all()


def test_every_step_takes_every_block_and_row_once(monkeypatch):
    net = chain()
    cache_of(monkeypatch, 64)
    every_step_once(make_plan(net, {"x": (4, 5, 5)}, net.outputs))


SEGMENTINGS = {
    "step by step": lambda n: (Segment(tuple(Stretch(i, i + 1) for i in range(n)), 4),),
    "block by block": lambda n: (Segment(tuple(Stretch(i, i + 1) for i in range(n)), 1),),
    "three segments": lambda n: tuple(
        Segment(tuple(Stretch(i, i + 1) for i in range(a, b)), blocks)
        for a, b, blocks in ((0, 3, 1), (3, 5, 2), (5, n, 4))
    ),
}


@pytest.mark.parametrize("cache_kib", [24, 64, 256])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_order_changes_no_bit(monkeypatch, cache_kib, threads):
    net = chain()
    feed = feed_for(net, 4 * B + 2)
    results = []
    for segmenting in SEGMENTINGS.values():
        monkeypatch.setattr(Segmenting, "segments", lambda self, rule, f=segmenting: f(len(self.steps)))
        results.append(Session(net, threads=threads, chunk_blocks=4).run(["c0", "c3", "fc2"], feed))
    monkeypatch.undo()
    cache_of(monkeypatch, cache_kib)
    results.append(Session(net, threads=threads, chunk_blocks=4).run(["c0", "c3", "fc2"], feed))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_a_real_network_gives_the_same_bits_in_any_order(material, monkeypatch):
    folder = material("models", "resnet50")
    net = load(folder / "deploy.prototxt", folder / "resnet50.caffemodel")
    feed = feed_for(net, 4 * B + 2)
    (default,) = Session(net, threads=2).run(None, feed)
    step_by_step = SEGMENTINGS["step by step"]
    monkeypatch.setattr(Segmenting, "segments", lambda self, rule: step_by_step(len(self.steps)))
    (plain,) = Session(net, threads=2, chunk_blocks=4).run(None, feed)
    assert np.array_equal(default, plain)


def test_a_run_in_bands_has_no_more_steps_than_the_settings_allow(monkeypatch):
    # So small that a thousand layers would be tried together, one more each time.
    layers = 3 * settings.MOST_BAND_STEPS
    net = chain(channels=(4,) * layers, size=31)
    cache_of(monkeypatch, 1024)
    plan = make_plan(net, {"x": (4, 31, 31)}, net.outputs)
    lengths = [each.end - each.first for segment in plan.segments for each in segment.stretches if each.calls]
    assert lengths
    assert max(lengths) == settings.MOST_BAND_STEPS
    every_step_once(plan)
