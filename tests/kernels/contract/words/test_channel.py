"""The tables of the channel schedule's contractions of integers; `test_batch.py` compares both schedules."""

from dataclasses import replace

import numpy as np
import pytest

from tests.kernels.checks import make_params
from tests.kernels.contract.words.nets import KINDS, TARGETS, Case
from tests.kernels.integers import check_bits, random_feed
from xdn.codegen.target import target_named
from xdn.graph import Quantized
from xdn.kernels.core.family import select
from xdn.kernels.core.layout import CHANNEL
from xdn.runtime.configuration import DEFAULT
from xdn.runtime.cpu.plan import PROBE_BATCH, lowerings
from xdn.runtime.session import Session


def _steps(net, target):
    (lowering,) = lowerings(net.with_batch(PROBE_BATCH), ("y",), target, CHANNEL, DEFAULT)
    return select(lowering).lower(lowering).steps


def test_panels_of_two_sizes_cover_all_filters():
    net = Case(((64, 7, 7),), stored=KINDS["u8"]).net(num_output=5 * 16 + 3, kernel_size=3)
    steps = _steps(net, target_named("avx512f"))
    panels = np.concatenate([step.keep[-2].reshape(-1, 4)[:, 2] for step in steps])
    sizes = [step.source.name.tile[1] for step in steps]
    counts = [len(step.keep[-2]) for step in steps]
    assert sum(size * count for size, count in zip(sizes, counts, strict=True)) == 6
    assert sorted(panels)[0] == 0
    assert all(first % 16 == 0 for first in panels)


@pytest.mark.parametrize("filters", [16, 24])
def test_filters_of_a_group_that_do_not_fill_a_vector_share_one(filters, rng, monkeypatch):
    net = Case(((10, 3, 3),), Quantized(0.02, True), stored=KINDS["u8"]).net(
        num_output=2 * filters, kernel_size=3, pad=1, group=2
    )
    (step,) = _steps(net, target_named("avx512f"))
    # A vector that is one group's reads 5 of 10 channels, which lie in two words; another one all three words.
    assert step.macs == 49 * 5 * 2 * filters
    check_bits(net, random_feed(net, rng), monkeypatch, targets=TARGETS[:2])


def test_two_sources_have_half_the_positions():
    """The sums of both are in registers at the end."""
    projection = make_params("Convolution", num_output=64, kernel_size=1)
    images = ((64, 14, 14), (64, 14, 14))
    for target in (target_named("avx512f"), replace(target_named("avx2"), dots="vnni")):
        (step,) = _steps(Case(images, projection=projection).net(num_output=64, kernel_size=1), target)
        rows, vectors = step.source.name.tile
        assert 2 * rows * vectors + vectors < target.registers


def test_positions_of_a_tile_are_few_where_borders_are_much_of_the_map():
    """Only positions that share their taps make a tile: of a map of 3x3 each is alone."""
    large, small = (
        _steps(Case(((64, size, size),)).net(num_output=64, kernel_size=3, pad=1), target_named("avx512f"))[0]
        for size in (32, 3)
    )
    assert large.source.name.tile[0] > small.source.name.tile[0]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_that_share_an_image_give_the_same(threads, rng):
    net = Case(((12, 9, 7),), stored=KINDS["s8"], residual="u8").net(num_output=33, kernel_size=3, pad=1)
    feed = random_feed(net, rng, 1)
    session = Session(net, threads=threads, schedule="channel")
    np.testing.assert_array_equal(session.run(None, feed)[0], net.forward(feed)["y"])
    session.close()
