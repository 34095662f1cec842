"""The workers' loop: chunks are taken once each, cancelling stops it, denormals are flushed only inside."""

import itertools

import numpy as np
import pytest

from tests.kernels.checks import B, feed_for, input_layer, make_params, one_layer_net
from xdn.codegen.loader import process_loader
from xdn.codegen.target import host_target
from xdn.graph import Layer, Net
from xdn.kernels.core import driver
from xdn.kernels.core.aligned import aligned_bytes
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.cpu.program import Program, last_blocks


def _program(net, chunk_blocks=1, timed=False):
    shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
    return Program(
        make_plan(net, shapes, net.outputs, configuration=Configuration(chunk_blocks=chunk_blocks)),
        process_loader(),
        timed,
    )


@pytest.fixture(scope="module")
def program():
    """Return a program that copies its input."""
    return _program(one_layer_net("Split", (3, 2, 2)))


def _arrays(batch):
    x = feed_for(one_layer_net("Split", (3, 2, 2)), batch)["x0"]
    return [x, np.full_like(x, np.nan)]


def _arena(program):
    return aligned_bytes(program.plan.arena.size, 64)


@pytest.mark.parametrize(("batch", "chunks"), [(1, 1), (B, 1), (B + 1, 2), (3 * B + 4, 4)])
def test_every_chunk_is_done_once(program, batch, chunks):
    arrays, control = _arrays(batch), program.control(batch, 1)
    program.work(control, _arena(program), arrays)
    np.testing.assert_array_equal(arrays[1], arrays[0])
    assert control.done == chunks == program.chunks(batch, 1)
    # The worker has asked once more, and found nothing left.
    assert control.next == chunks + 1


@pytest.mark.parametrize("batch", [1, 8 * B, 8 * B + 1, 10 * B + 3, 23 * B])
def test_last_chunks_are_smaller(batch):
    """Two chunks of 4 blocks, then one block each: no image is left out, and none is done twice."""
    program = _program(one_layer_net("Split", (3, 2, 2)), chunk_blocks=4)
    arrays, control = _arrays(batch), program.control(batch, 4, 2)
    program.work(control, _arena(program), arrays)
    np.testing.assert_array_equal(arrays[1], arrays[0])
    blocks = -(-batch // B)
    assert control.done == (blocks - 6 if blocks > 8 else -(-blocks // 4)) == program.chunks(batch, 4, 2)


def test_a_smaller_chunk_is_one_of_its_own():
    """The worker that finds all but the last chunks taken does exactly their images."""
    program = _program(one_layer_net("Split", (3, 2, 2)), chunk_blocks=8)
    batch = 8 * B + 5 * B + 1
    arrays, control = _arrays(batch), program.control(batch, 8, 1)
    control.next = 2
    program.work(control, _arena(program), arrays)
    # After the chunk of 8 blocks and one of 2 there are 2, and the rest of 1 and an image.
    assert np.isnan(arrays[1][: 10 * B]).all()
    np.testing.assert_array_equal(arrays[1][10 * B :], arrays[0][10 * B :])
    assert control.done == 2


@pytest.mark.parametrize(("size", "whole"), [(6, 3), (6, 0), (1, 2), (9, 1)])
def test_chunks_follow_one_another(program, size, whole):
    control = program.control(10_000, size, whole)
    starts = [driver.first_image(control, number) for number in range(whole + 5)]
    assert [(b - a) // B for a, b in itertools.pairwise(starts)] == [size] * whole + [last_blocks(size)] * 4
    assert starts[0] == 0


def test_taken_chunks_are_left_to_their_taker(program):
    batch = 3 * B + 4
    arrays, control = _arrays(batch), program.control(batch, 1)
    control.next = 2
    program.work(control, _arena(program), arrays)
    assert np.isnan(arrays[1][: 2 * B]).all()
    np.testing.assert_array_equal(arrays[1][2 * B :], arrays[0][2 * B :])
    assert control.done == 2


def test_a_cancelled_run_does_nothing(program):
    arrays, control = _arrays(B + 8), program.control(B + 8, 1)
    control.cancel = 1
    program.work(control, _arena(program), arrays)
    assert np.isnan(arrays[1]).all()
    assert control.done == 0


def test_a_larger_chunk_than_there_are_images():
    program = _program(one_layer_net("Split", (3, 2, 2)), chunk_blocks=5)
    arrays, control = _arrays(B + 8), program.control(B + 8, 5)
    program.work(control, _arena(program), arrays)
    np.testing.assert_array_equal(arrays[1], arrays[0])


def test_denormals_are_flushed_inside_and_kept_outside():
    scale = Layer("scale", make_params("Scale"), ("x",), ("y",), weights={"scale": np.array([1e-30, 1], np.float32)})
    program = _program(Net("tiny", (input_layer("x", 2), scale)))
    x = np.full((3, 2), 1e-10, np.float32)
    y = np.full_like(x, np.nan)
    program.work(program.control(3, 1), _arena(program), [x, y])
    np.testing.assert_array_equal(y, np.broadcast_to(np.float32([0, 1e-10]), (3, 2)))
    # The same product in the same thread after the run: NumPy still has denormals.
    assert (x[:, 0] * np.float32(1e-30) > 0).all()


def test_only_the_timed_driver_measures():
    """The copy of two blocks and a tail, by both drivers: the same bits, and ticks for every step from one alone."""
    net = one_layer_net("Scale", (3, 2, 2))
    results, batch = [], 2 * B + 5
    for timed in (False, True):
        program = _program(net, timed=timed)
        arrays = [feed_for(net, batch)["x0"], np.full((batch, 3, 2, 2), np.nan, np.float32)]
        ticks = program.work(program.control(batch, 1), _arena(program), arrays).taken
        assert ticks.shape == (len(program.plan.steps),) == (3,)
        assert (ticks > 0).all() == timed
        assert ticks.any() == timed
        results.append(arrays[1])
    np.testing.assert_array_equal(*results)


def test_the_drivers_are_kernels_of_their_own():
    names = [str(driver.driver(host_target(), timed).name) for timed in (False, True)]
    assert names == [f"{op}_f32__{host_target().name}" for op in ("driver", "driver_timed")]
