"""Workers: threads that share the chunks of a run."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from xdn import settings
from xdn.kernels import driver
from xdn.kernels.layout import B, aligned_bytes
from xdn.runtime.program import Program

#: Called with (chunks done, chunks in all) while a run goes on.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Run:
    """What a finished run was.

    Parameters
    ----------
    images, chunks : int
        How many images it took, in how many chunks.
    seconds : float
        Wall-clock time, from handing out the work to the last worker's end.
    ticks : (workers, steps) int64
        What each worker spent in each step, in ticks of the processor's counter; zeros where the program is not timed.
    array_bytes : tuple of int
        Sizes of the caller's arrays: inputs, then outputs.
    """

    images: int
    chunks: int
    seconds: float
    ticks: np.ndarray
    array_bytes: tuple[int, ...]


class Executor:
    """A pool of worker threads and their arenas.

    The caller's thread only waits, reports progress, and cancels when it is interrupted; a run of a single
    chunk is done in the caller's thread. After a fork the child starts its own threads.

    Parameters
    ----------
    threads : int
        Workers at most.
    """

    def __init__(self, threads: int):
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._pid = os.getpid()
        self._arenas: list[np.ndarray] = []
        self._lock = threading.Lock()

    def run(self, program: Program, arrays: list[np.ndarray], n_images: int, progress: Progress | None = None) -> Run:
        """Run `program` over the images of `arrays` (inputs, then outputs); returns when all are done."""
        chunk = self._chunk_blocks(program, n_images)
        whole = self._whole_chunks(program, n_images, chunk)
        control = program.control(n_images, chunk, whole)
        total = program.chunks(n_images, chunk, whole)
        workers = min(self.threads, total)
        begin = time.perf_counter()
        if total == 1:
            ticks = [self._work(program, control, arrays)]
            if progress:
                progress(total, total)
        else:
            pool = self._workers()
            running = [pool.submit(self._work, program, control, arrays) for _ in range(workers)]
            self._wait(running, control, total, progress)
            ticks = [future.result() for future in running]
        seconds = time.perf_counter() - begin
        return Run(n_images, total, seconds, np.stack(ticks), tuple(array.nbytes for array in arrays))

    def _work(self, program: Program, control: np.ndarray, arrays: list[np.ndarray]) -> np.ndarray:
        # The worker holds its arena: nobody else may get it while the worker runs, even after a second Ctrl-C.
        arena = self._take_arena(program.plan.arena.size)
        try:
            return program.work(control, arena, arrays)
        finally:
            with self._lock:
                self._arenas.append(arena)

    def _chunk_blocks(self, program: Program, n_images: int) -> int:
        """Return the plan's chunk, or less where the threads would not all get one."""
        blocks = program.chunks(n_images, 1)
        return max(1, min(program.plan.chunk_blocks, -(-blocks // self.threads)))

    def _whole_chunks(self, program: Program, n_images: int, chunk_blocks: int) -> int:
        """Return from which chunk on they are smaller, so that no thread waits long for the last to end."""
        chunks = program.chunks(n_images, chunk_blocks)
        if self.threads == 1:
            return chunks
        full = n_images // (chunk_blocks * B)
        # Each thread begins with a chunk: a run of one for each has equal parts already.
        return min(chunks, max(self.threads, full - settings.LAST_CHUNKS * self.threads))

    def _wait(
        self, running: list[Future[np.ndarray]], control: np.ndarray, total: int, progress: Progress | None
    ) -> None:
        try:
            pending = set(running)
            while pending:
                done, pending = wait(pending, timeout=settings.PROGRESS_INTERVAL_S)
                for future in done:
                    future.result()
                if progress:
                    progress(int(control[driver.DONE]), total)
        except BaseException:
            control[driver.CANCEL] = 1
            wait(running)
            raise

    def _workers(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None or self._pid != os.getpid():
                self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="xdn")
                self._pid = os.getpid()
            return self._pool

    def _take_arena(self, size: int) -> np.ndarray:
        with self._lock:
            for i, arena in enumerate(self._arenas):
                if arena.nbytes >= size:
                    return self._arenas.pop(i)
            self._arenas.clear()
        return aligned_bytes(max(size, 1), settings.PAGE_BYTES)

    def close(self) -> None:
        """End the threads and give the arenas back."""
        with self._lock:
            pool, self._pool = self._pool, None
        # Outside the lock, which workers take to give their arenas back.
        if pool is not None and self._pid == os.getpid():
            pool.shutdown()
        with self._lock:
            self._arenas.clear()
