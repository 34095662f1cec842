"""A program: nothing is written outside its blobs, and nothing uninitialised is read."""

import numpy as np
import pytest

from tests.kernels.checks import BATCH, LAYER_CASES, B, assert_within, feed_for, one_layer_net
from xdn.codegen.cache import KernelCache
from xdn.codegen.loader import KernelLoader, process_loader
from xdn.kernels.core.aligned import aligned_bytes
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.cpu.program import Program, last_blocks

GUARD = 4096
CANARY = 0xA5


def _guarded(size):
    """Return (whole, inner): `size` poisoned bytes (NaN as f32) between two guard zones, inner aligned to 64."""
    whole = aligned_bytes(size + 2 * GUARD, GUARD)
    whole[:] = CANARY
    inner = whole[GUARD : GUARD + size]
    inner[:] = 0xFF
    return whole, inner


def _assert_untouched(whole, size):
    assert (whole[:GUARD] == CANARY).all(), "written before the start"
    assert (whole[GUARD + size :] == CANARY).all(), "written beyond the end"


def _program(net, outputs, chunk_blocks):
    shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
    return Program(
        make_plan(net, shapes, outputs, configuration=Configuration(chunk_blocks=chunk_blocks)), process_loader()
    )


def _guarded_run(net, outputs, feed, chunk_blocks):
    """Run with guard zones around the arena and every array; return name -> result."""
    batch = len(next(iter(feed.values())))
    program = _program(net, outputs, chunk_blocks)
    arena_size = program.plan.arena.size
    zones = [_guarded(arena_size)]
    arrays = []
    for name, shape in [*program.plan.inputs.items(), *program.plan.outputs.items()]:
        element = program.plan.blobs[name].element
        whole, inner = _guarded(element.bytes * batch * int(np.prod(shape)))
        zones.append((whole, inner))
        arrays.append(inner.view(element.numpy).reshape(batch, *shape))
    for array, x in zip(arrays, feed.values(), strict=False):
        array[:] = x
    program.work(program.control(batch, chunk_blocks), zones[0][1], arrays)
    for whole, inner in zones:
        _assert_untouched(whole, inner.nbytes)
    for array, x in zip(arrays, feed.values(), strict=False):
        np.testing.assert_array_equal(array, x)
    return dict(zip(program.plan.outputs, arrays[len(feed) :], strict=True))


@pytest.mark.parametrize("case", LAYER_CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("chunk_blocks", [1, 2])
def test_no_write_outside_a_blob(case, chunk_blocks):
    """All blobs are asked for: then the bottoms must survive, so that a write into a neighbour shows, too."""
    net = case.net()
    feed = feed_for(net)
    blobs = (*net.outputs, *net.inputs)
    results = _guarded_run(net, blobs, feed, chunk_blocks)
    expected = net.with_batch(BATCH).forward(feed)
    for name in net.inputs:
        np.testing.assert_array_equal(results[name], feed[name])
    for name in net.outputs:
        assert_within(results[name], expected[name], case.allowed(net, feed, expected[name]))


@pytest.mark.parametrize("case", LAYER_CASES, ids=lambda case: case.id)
def test_in_place_where_that_is_allowed(case):
    net = case.net()
    feed = feed_for(net, 3)
    results = _guarded_run(net, net.outputs, feed, 1)
    expected = net.with_batch(3).forward(feed)
    for name in net.outputs:
        assert_within(results[name], expected[name], case.allowed(net, feed, expected[name]))


def test_surplus_lanes_do_not_leak():
    """The last block's free lanes hold what earlier chunks left; a batch of 1 after one of NaN is as alone."""
    net = one_layer_net("Softmax", (10, 2, 2))
    program = _program(net, net.outputs, 1)
    feed = feed_for(net, B + 1)
    arena = aligned_bytes(program.plan.arena.size, 64)
    results = []
    for first in (np.full_like(feed["x0"][:B], np.nan), feed["x0"][:B]):
        y = np.empty_like(feed["x0"])
        program.work(program.control(B + 1, 1), arena, [np.concatenate([first, feed["x0"][B:]]), y])
        results.append(y[B])
    np.testing.assert_array_equal(*results)


def test_chunks():
    program = _program(one_layer_net("Split", (1,)), ("y0",), 3)
    assert [program.chunks(n, 3) for n in (1, 3 * B, 3 * B + 1, 6 * B)] == [1, 1, 2, 2]
    assert [program.chunks(n, 1) for n in (1, B, B + 1)] == [1, 1, 2]


def test_chunks_of_which_the_last_are_smaller():
    program = _program(one_layer_net("Split", (1,)), ("y0",), 6)
    # 18 blocks as three chunks; two of them and six blocks by two; five by two; none after them; all by two.
    assert [program.chunks(blocks * B, 6, whole) for blocks, whole in ((18, 3), (18, 2), (17, 2), (12, 2), (5, 0))] == [
        *(3, 5, 5, 2, 3)
    ]
    assert program.chunks(12 * B + 1, 6, 2) == 3
    assert [last_blocks(blocks) for blocks in (1, 3, 4, 5, 6, 100)] == [1, 1, 1, 2, 2, 25]


def test_a_program_keeps_its_machine_code(tmp_path):
    """The loader frees code when it goes, so a program must hold it."""
    net = one_layer_net("Split", (3,))
    plan = make_plan(net, {"x0": (3,)}, net.outputs)
    program = Program(plan, KernelLoader(KernelCache(tmp_path)))
    feed = feed_for(net, 5)
    y = np.zeros_like(feed["x0"])
    program.work(program.control(5, 1), aligned_bytes(plan.arena.size, 64), [feed["x0"], y])
    np.testing.assert_array_equal(y, feed["x0"])
