"""Workers: every number of threads and every chunk gives the same bits; arenas, progress, cancelling, closing."""

import gc
import itertools
import threading
import weakref

import numpy as np
import pytest

from tests.kernels.checks import BATCHES, FULL_MATRIX, B, covering, feed_for, input_layer, make_params, random_weights
from xdn import settings
from xdn.errors import SettingError
from xdn.graph import Epilogue, Layer, Net
from xdn.kernels.core.aligned import aligned_bytes
from xdn.kernels.core.layout import SCHEDULES
from xdn.layers.relu import ReLU
from xdn.runtime.backend import Request
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.backend import Cpu
from xdn.runtime.cpu.executor import Executor
from xdn.runtime.session import Session

#: Several blocks with a tail.
MOST = BATCHES[-1]


def residual_net():
    """Return a small net with a residual block, pooling, LRN and softmax."""
    conv = {"num_output": 14, "kernel_size": 3, "pad": 1}
    layers = (
        input_layer("x", 3, 6, 5),
        Layer("conv", make_params("Convolution", **conv), ("x",), ("conv",), epilogue=Epilogue(activation=ReLU())),
        Layer("sum", make_params("Convolution", **conv), ("conv", "conv"), ("sum",), epilogue=Epilogue(True, ReLU())),
        Layer("norm", make_params("LRN"), ("sum",), ("norm",)),
        Layer("pool", make_params("Pooling", pool="AVE", kernel_size=3, stride=2), ("norm",), ("pool",)),
        Layer("fc", make_params("InnerProduct", num_output=10), ("pool",), ("fc",)),
        Layer("prob", make_params("Softmax"), ("fc",), ("prob",)),
    )
    return random_weights(Net("block", layers, ("prob", "norm")), np.random.default_rng(3))


@pytest.fixture(scope="module")
def net():
    """Return the net that all tests here run."""
    return residual_net()


@pytest.fixture(scope="module")
def whole(net):
    """Return (feed, outputs) of `MOST` images with one thread and one chunk."""
    feed = feed_for(net, MOST)
    return feed, Session(net, threads=1, chunk_blocks=4).run(None, feed)


MATRIX = covering(
    6, lambda row: True, batch=BATCHES, threads=(1, 2, 3, 8), chunk_blocks=(None, 1, 2, 3, 100), start=(0, 1, B + 8)
)


@pytest.mark.parametrize("row", MATRIX, ids=lambda r: "-".join(str(v) for v in r.values()))
def test_bits_depend_on_nothing_but_the_images(net, whole, row):
    feed, expected = whole
    part = slice(row["start"], row["start"] + row["batch"])
    session = Session(net, threads=row["threads"], chunk_blocks=row["chunk_blocks"])
    for result, complete in zip(session.run(None, {"x": feed["x"][part]}), expected, strict=True):
        np.testing.assert_array_equal(result, complete[part])
    session.close()


SHARED = covering(
    7,
    lambda row: True,
    batch=(1, 2, 5, B + 1),
    threads=(1, 2, 3, 4),
    members=(1, 2, 3),
    chunk_blocks=(None, 1, 3),
    light_blocks=(1, 2),
    heavy_weights=(0.0, 2.0, 1e9),
    schedule=tuple(SCHEDULES),
)


@pytest.mark.parametrize("row", SHARED, ids=lambda r: "-".join(str(v) for v in r.values()))
def test_a_configuration_changes_no_bit(net, whole, row):
    feed, expected = whole
    options = {name: value for name, value in row.items() if name != "batch"}
    session = Session(net, configuration=Configuration(**options))
    results = session.run(None, {name: array[: row["batch"]] for name, array in feed.items()})
    session.close()
    for result, complete in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, complete[: row["batch"]])


def test_teams_take_images_in_rounds(net):
    feed, seen = feed_for(net, 11), []
    configuration = Configuration(threads=4, members=2, schedule="channel", chunk_blocks=2)
    session = Session(net, configuration=configuration, profile=True)
    session.run(None, feed, progress=lambda done, total: seen.append((done, total)))
    # Two chunks of two images at a time: four images a round.
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert session.profile(1.0).run_ms > 0


@pytest.mark.parametrize("size", [1, 5, B - 1, B, B + 1, 3 * B // 2 + 2])
def test_bits_do_not_depend_on_how_a_batch_is_cut(net, whole, size):
    feed, expected = whole
    session = Session(net, threads=2, chunk_blocks=1)
    starts = range(0, MOST, size) if FULL_MATRIX or size > 1 else range(0, MOST, 9)
    for start in starts:
        for result, complete in zip(session.run(None, {"x": feed["x"][start : start + size]}), expected, strict=True):
            np.testing.assert_array_equal(result, complete[start : start + size])
    session.close()


def program_of(net, chunk_blocks, images=settings.CHUNK_IMAGES):
    """Return a program that nothing else keeps."""
    configuration = Configuration(chunk_blocks=chunk_blocks)
    return Cpu(2).compile(net, Request({"x": (3, 6, 5)}, net.outputs, images), configuration)


@pytest.fixture(scope="module")
def program(net):
    """Return the net's program in chunks of one block."""
    return program_of(net, 1)


def _ran(program, executor, batch, progress=None):
    """Run a program in an executor of the test's own; return what the run was, and the outputs."""
    x = np.random.default_rng(5).standard_normal((batch, 3, 6, 5), np.float32)
    results = [np.full((batch, *shape), np.nan, np.float32) for shape in program.plan.outputs.values()]
    return executor.run(program, [x, *results], batch, progress), results


def _chunks(program, threads, blocks):
    """Return how many chunks a run of some blocks has."""
    executor = Executor(threads)
    run, _ = _ran(program, executor, blocks * B)
    executor.close()
    return run.chunks


def test_chunks_are_shared_among_all_threads(net, program):
    assert _chunks(program, 4, 8) == 8
    wide = program_of(net, 8)
    # 8 blocks for 4 threads: 2 each; 3 blocks: 1 each.
    assert [_chunks(wide, 4, blocks) for blocks in (8, 3, 1)] == [4, 3, 1]


def test_the_last_chunks_are_smaller(net):
    """A chunk of each thread is handed out in parts; not where each has one chunk, nor for a thread alone."""
    program = program_of(net, 6)

    # 60 blocks for 2 threads: 8 chunks and 12 blocks by two; 65: one more is not a chunk; 18: one chunk each.
    assert [_chunks(program, 2, blocks) for blocks in (60, 65, 18, 13)] == [8 + 6, 8 + 9, 2 + 3, 2 + 1]
    # One chunk each, of whatever size.
    assert [_chunks(program, 2, blocks) for blocks in (12, 7, 2, 1)] == [2, 2, 2, 1]
    assert [_chunks(program, 1, blocks) for blocks in (60, 61, 1)] == [10, 11, 1]
    assert _chunks(program, 16, 160) == 16 + 32


@pytest.mark.parametrize("threads", [2, 3])
def test_smaller_chunks_change_no_bit_and_are_counted(net, threads):
    batch, seen = 40 * B + 5, []
    feed = feed_for(net, batch)
    session = Session(net, threads=threads, chunk_blocks=6, profile=True)
    results = session.run(None, feed, progress=lambda done, total: seen.append((done, total)))
    session.close()
    for result, expected in zip(results, Session(net, threads=1).run(None, feed), strict=True):
        np.testing.assert_array_equal(result, expected)
    # Six chunks are full; a thread's last one is cut: 41 blocks are 4 (3) chunks and 17 (23) blocks by two.
    chunks = {2: 4 + 9, 3: 3 + 12}[threads]
    assert seen[-1] == (chunks, chunks)


#: How the names of threads begin: helpers of the caller's thread, and workers, while it only waits.
HELPERS, WORKERS = "xdn-", "xdn_"


def started(before):
    """Return which threads have been started since."""
    return {thread.name[: len(WORKERS)] for thread in threading.enumerate() if thread not in before}


def test_a_single_chunk_runs_in_the_caller_s_thread(program):
    executor, before = Executor(2), threading.enumerate()
    _ran(program, executor, B)
    assert not started(before)
    executor.close()


def test_a_short_run_is_shared_with_the_caller_s_thread_and_a_long_one_is_not(net, program, monkeypatch):
    executor, before = Executor(2), threading.enumerate()
    _ran(program, executor, B + 1)
    assert started(before) == {HELPERS}
    # Each thread has more than one chunk.
    _ran(program, executor, 3 * B)
    assert started(before) == {HELPERS, WORKERS}
    executor.close()
    monkeypatch.setattr(settings, "SHORT_RUN_MACS", 1)
    before = threading.enumerate()
    _ran(program, executor, B + 1)
    assert started(before) == {WORKERS}
    executor.close()


def test_a_program_that_is_dropped_goes_with_what_its_short_runs_kept(net):
    executor, program = Executor(2), program_of(net, 1, images=1)
    _ran(program, executor, 1)
    dropped = weakref.ref(program)
    del program
    gc.collect()
    assert dropped() is None
    executor.close()


@pytest.fixture
def arenas(monkeypatch):
    """Return weak references to the arenas that executors make from now on."""
    made = []

    def recorded(size, alignment):
        arena = aligned_bytes(size, alignment)
        made.append(weakref.ref(arena))
        return arena

    monkeypatch.setattr("xdn.runtime.cpu.executor.aligned_bytes", recorded)
    return made


def test_arenas_are_used_again(program, arenas):
    executor = Executor(2)
    for batch in (*[7 * B] * 3, 1):
        _ran(program, executor, batch)
    assert 1 <= len(arenas) <= 2
    assert all(arena() is not None for arena in arenas)
    executor.close()
    gc.collect()
    assert all(arena() is None for arena in arenas)


def test_arenas_too_small_are_given_back(net, program, arenas):
    """That of one image is; the larger one of a block serves both."""
    executor, alone = Executor(1), program_of(net, 1, images=1)
    assert alone.plan.arena.size < program.plan.arena.size
    for each in (alone, program, alone):
        _ran(each, executor, B)
    gc.collect()
    small, large = arenas
    assert small() is None
    assert large() is not None
    executor.close()


@pytest.mark.parametrize("batch", [1, B + 1, 10 * B])
def test_progress_ends_at_all_chunks(program, batch):
    executor, seen = Executor(2), []
    _ran(program, executor, batch, lambda done, total: seen.append((done, total)))
    chunks = -(-batch // B)
    assert seen[-1] == (chunks, chunks)
    assert all(a[0] <= b[0] for a, b in itertools.pairwise(seen))
    executor.close()


class _StopError(Exception):
    pass


def test_an_error_in_progress_cancels_and_the_executor_goes_on(program):
    executor = Executor(2)

    def stop(done, total):
        raise _StopError

    with pytest.raises(_StopError):
        _ran(program, executor, 10 * B, stop)
    alone = Executor(1)
    for result, wanted in zip(_ran(program, executor, MOST)[1], _ran(program, alone, MOST)[1], strict=True):
        np.testing.assert_array_equal(result, wanted)
    executor.close()


def test_cancelling_stops_before_the_next_chunk(net, monkeypatch):
    """The control words of the run are set from outside, as the waiting thread does it."""
    executor, controls, program = Executor(1), [], program_of(net, 1)
    make = program.control

    def cancelled_at_once(*args):
        controls.append(make(*args))
        controls[-1].cancel = 1
        return controls[-1]

    monkeypatch.setattr(program, "control", cancelled_at_once)
    _, results = _ran(program, executor, 10 * B)
    assert controls[0].done == 0
    assert np.isnan(results[0]).all()
    executor.close()


def test_close_waits_for_a_run_and_the_next_run_starts_anew(program, monkeypatch):
    monkeypatch.setattr(settings, "PROGRESS_INTERVAL_S", 0.001)
    executor, outputs, begun = Executor(2), [], threading.Event()

    def run():
        outputs.append(_ran(program, executor, 100 * B, lambda done, total: begun.set())[1])

    running = threading.Thread(target=run)
    running.start()
    assert begun.wait(60)
    executor.close()
    running.join(60)
    assert not running.is_alive()
    assert len(outputs) == 1
    assert not np.isnan(outputs[0][0]).any()
    before = threading.enumerate()
    _ran(program, executor, 3 * B)
    assert started(before) == {WORKERS}
    executor.close()
    executor.close()


def few_threads(monkeypatch, most):
    """Let the system start no more than `most` threads from now on."""
    start, begun = threading.Thread.start, []

    def limited(thread):
        begun.append(thread)
        if len(begun) > most:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)


@pytest.mark.parametrize("images", [1, MOST])
def test_a_thread_that_cannot_start_is_an_error_and_a_later_run_is_whole(net, whole, monkeypatch, images):
    feed, expected = whole
    part = {name: array[:images] for name, array in feed.items()}
    session = Session(net, threads=4, chunk_blocks=1)
    with monkeypatch.context() as patch:
        few_threads(patch, 2)
        with pytest.raises(SettingError, match="does not start 4 threads"):
            session.run(None, part)
    for found, wanted in zip(session.run(None, part), expected, strict=True):
        np.testing.assert_array_equal(found, wanted[:images])
