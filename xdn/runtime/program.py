"""A plan bound to machine code: kernel addresses and descriptors, ready for any number of workers."""

import ctypes

import numpy as np

from xdn.codegen.isa import host_isa
from xdn.codegen.loader import KernelLoader
from xdn.kernels import driver
from xdn.kernels.layout import ARENA, IO, B
from xdn.runtime.plan import Plan

#: Numba's calling convention: status (*result, **error, control words, frame).
_DRIVE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


class Program:
    """The compiled form of a plan; immutable, shared by all workers.

    Parameters
    ----------
    plan : Plan
    loader : KernelLoader
        Gives the kernels' addresses.
    """

    def __init__(self, plan: Plan, loader: KernelLoader):
        self.plan = plan
        self._descriptors = []
        table = np.empty((len(plan.steps), 2), np.int64)
        for row, step in zip(table, plan.steps, strict=True):
            words = step.words.copy()
            for slot, blob in step.blobs.items():
                words[slot] = plan.offset(blob)
            self._descriptors.append(words)
            row[:] = loader.address(step.source), words.ctypes.data
        self._table = table
        self._drive = _DRIVE(loader.address(driver.driver(host_isa())))

    def control(self, n_images: int, chunk_blocks: int) -> np.ndarray:
        """Return fresh control words for a run over `n_images`."""
        words = np.zeros(driver.CONTROL_WORDS, np.int64)
        words[driver.TOTAL_IMAGES] = n_images
        words[driver.CHUNK_BLOCKS] = chunk_blocks
        words[driver.STEPS] = len(self._table)
        words[driver.PROGRAM] = self._table.ctypes.data
        return words

    def chunks(self, n_images: int, chunk_blocks: int) -> int:
        """Return how many chunks `n_images` make."""
        return -(-n_images // (chunk_blocks * B))

    def work(self, control: np.ndarray, arena: np.ndarray, arrays: list[np.ndarray]) -> None:
        """Run chunks until none is left; releases the GIL. One call per worker.

        Parameters
        ----------
        control : int64 words
            Shared by the workers of a run.
        arena : bytes, aligned
            The worker's own.
        arrays : list of arrays
            The caller's inputs, then outputs, contiguous.
        """
        frame = np.zeros(IO + len(arrays), np.int64)
        frame[ARENA] = arena.ctypes.data
        frame[IO:] = [array.ctypes.data for array in arrays]
        unused = ctypes.c_int64()
        self._drive(ctypes.byref(unused), ctypes.byref(unused), control.ctypes.data, frame.ctypes.data)


def aligned_bytes(size: int, alignment: int) -> np.ndarray:
    """Return `size` bytes that begin at a multiple of `alignment`, zeroed by the system when first touched."""
    raw = np.zeros(size + alignment, np.uint8)
    start = -raw.ctypes.data % alignment
    return raw[start : start + size]
