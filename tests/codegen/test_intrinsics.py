"""Pointers from addresses, calls by address, atomics, the counter: small kernels that use nothing else."""

import threading

import numpy as np
import pytest

from tests.codegen.emitted import f32_at
from tests.codegen.kernels import call, shift_source
from xdn.codegen.cache import KernelCache
from xdn.codegen.intrinsics import atomic_add, atomic_load, call_kernel, i64_at, pointer_at, read_ticks
from xdn.codegen.loader import KernelLoader
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelSource
from xdn.element import U8

u8_at = pointer_at(U8)


@pytest.fixture
def address(tmp_path):
    """Return a function: a kernel body -> its address in a loader of the test's own."""
    loader = KernelLoader(KernelCache(tmp_path))

    def compiled(body):
        return loader.address(KernelSource(KernelName(body.__name__, "portable"), lambda: body))

    compiled.loader = loader
    return compiled


def test_typed_pointers(address):
    def body(descriptor, frame):
        f32_at(frame[0])[2] = f32_at(descriptor[0])[1] + u8_at(descriptor[1])[3] + i64_at(descriptor[2])[4]

    floats, bytes_, words = np.arange(4, dtype=np.float32), np.full(4, 200, np.uint8), np.full(5, 1 << 20)
    result = np.zeros(4, np.float32)
    descriptor = np.array([floats.ctypes.data, bytes_.ctypes.data, words.ctypes.data], np.int64)
    call(address(body), descriptor, np.array([result.ctypes.data], np.int64))
    np.testing.assert_array_equal(result, [0, 0, 1 + 200 + (1 << 20), 0])


def test_call_by_address(address):
    def body(descriptor, frame):
        call_kernel(descriptor[0], descriptor[1], frame)

    inner = address.loader.address(shift_source(10))
    words, frame = np.arange(4), np.zeros(4, np.int64)
    call(address(body), np.array([inner, words.ctypes.data], np.int64), frame)
    assert frame.tolist() == [10, 11, 12, 13]


def test_atomic_add_loses_nothing(address):
    def body(descriptor, frame):
        for _ in range(descriptor[1]):
            atomic_add(descriptor, 0, 1)

    target, rounds = address(body), 300_000
    descriptor = np.array([0, rounds], np.int64)
    threads = [threading.Thread(target=call, args=(target, descriptor, descriptor)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert descriptor[0] == 3 * rounds


def test_atomic_add_returns_what_stood_there_and_load_reads_it(address):
    def body(descriptor, frame):
        frame[0] = atomic_add(descriptor, 1, 5)
        frame[1] = atomic_load(descriptor, 1)

    frame = np.zeros(2, np.int64)
    call(address(body), np.array([0, 37], np.int64), frame)
    assert frame.tolist() == [37, 42]


def test_atomic_load_sees_another_thread(address):
    """A loop that only a store from outside ends: a value kept in a register would never change."""

    def body(descriptor, frame):
        while atomic_load(descriptor, 0) == 0:
            frame[0] += 1

    flag, count = np.zeros(1, np.int64), np.zeros(1, np.int64)
    waiting = threading.Thread(target=call, args=(address(body), flag, count), daemon=True)
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    flag[0] = 1
    waiting.join(30)
    assert not waiting.is_alive()


def test_ticks_go_on_and_are_read_afresh(address):
    """Every reading is made, also where two stand side by side; the counter neither goes back nor stands still."""

    def body(descriptor, frame):
        for i in range(1000):
            frame[i] = read_ticks()

    frame = np.zeros(1000, np.int64)
    call(address(body), np.zeros(1, np.int64), frame)
    assert (np.diff(frame) >= 0).all()
    assert len(set(frame.tolist())) > 1
