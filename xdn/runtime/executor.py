"""Workers: threads that share the chunks of a run."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from xdn import settings
from xdn.codegen.loader import process_loader
from xdn.kernels import driver, team
from xdn.kernels.layout import CHANNEL, MEMBER, MEMBERS, TEAM, aligned_bytes
from xdn.runtime.crew import Crew, yield_address
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
        self._crew: Crew | None = None
        self._short = threading.Lock()

    def run(self, program: Program, arrays: list[np.ndarray], n_images: int, progress: Progress | None = None) -> Run:
        """Run `program` over the images of `arrays` (inputs, then outputs); returns when all are done."""
        chunk = self._chunk_blocks(program, n_images)
        whole = self._whole_chunks(program, n_images, chunk)
        control = program.control(n_images, chunk, whole)
        total = program.chunks(n_images, chunk, whole)
        replicas = min(self.threads, total)
        members = self.threads // replicas if program.plan.schedule is CHANNEL else 1
        begin = time.perf_counter()
        if replicas * members == 1:
            ticks = [self._work(program, control, arrays)]
        elif total <= replicas and (members > 1 or program.plan.macs * n_images <= settings.SHORT_RUN_MACS):
            ticks = self._run_short(program, control, arrays, (replicas, members))
        else:
            pool = self._workers()
            running = [pool.submit(self._work, program, control, arrays) for _ in range(replicas)]
            self._wait(running, control, total, progress)
            ticks = [future.result() for future in running]
        if progress:
            progress(total, total)
        seconds = time.perf_counter() - begin
        return Run(n_images, total, seconds, np.stack(ticks), tuple(array.nbytes for array in arrays))

    def _run_short(
        self, program: Program, control: np.ndarray, arrays: list[np.ndarray], shape: tuple[int, int]
    ) -> list[np.ndarray]:
        """Run in the caller's thread and its helpers; return their ticks.

        Parameters
        ----------
        program, control, arrays
        shape : (int, int)
            Replicas, which take a chunk each, and members of each, which share every step of it.
        """
        replicas, members = shape
        ticks = np.zeros((replicas * members, len(program.plan.steps)), np.int64)
        # One run at a time: the members of a team wait for each other.
        with self._short:
            crew = self._own_crew()
            arenas = [self._take_arena(program.plan.arena.size) for _ in range(replicas)]
            teams = np.zeros((replicas, team.TEAM_WORDS), np.int64)
            teams[:, team.YIELD] = yield_address()
            frames = []
            for number, own in enumerate(ticks):
                replica, member = divmod(number, members)
                frame = program.frame(arenas[replica], arrays, own)
                frame[MEMBER], frame[MEMBERS], frame[TEAM] = member, members, teams[replica].ctypes.data
                frames.append(frame)
            crew.run(program.drive_address, control, frames)
            with self._lock:
                self._arenas += arenas
        return list(ticks)

    def _own_crew(self) -> Crew:
        """Return the threads for short runs; a process that was forked off starts its own."""
        if self._crew is None or self._crew.pid != os.getpid():
            self._crew = Crew(self.threads - 1, process_loader())
        return self._crew

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
        full = n_images // (chunk_blocks * program.plan.schedule.images)
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
        with self._short:
            if self._crew is not None:
                self._crew.dismiss()
            self._crew = None
        with self._lock:
            pool, self._pool = self._pool, None
        # Outside the lock, which workers take to give their arenas back.
        if pool is not None and self._pid == os.getpid():
            pool.shutdown()
        with self._lock:
            self._arenas.clear()
