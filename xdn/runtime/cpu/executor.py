"""Workers: threads that share the chunks of a run."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np

from xdn import settings
from xdn.codegen.loader import process_loader
from xdn.codegen.native import address
from xdn.kernels.core.aligned import aligned_bytes
from xdn.kernels.core.descriptor import Descriptor, Size
from xdn.kernels.core.driver import Control
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.stopwatch import NOTHING, Noted, Notes, Stopwatch
from xdn.kernels.whole.layers import alone
from xdn.runtime.backend import Progress, Run
from xdn.runtime.cpu.program import Program
from xdn.runtime.cpu.threads.count import starting_threads
from xdn.runtime.cpu.threads.helpers import Helpers
from xdn.runtime.cpu.threads.sharing import Sharing
from xdn.runtime.cpu.threads.short_run import ShortRun
from xdn.runtime.cpu.threads.team import Team


@dataclass(frozen=True, eq=False)
class _Pool:
    """How short runs of a program over some images are done, and what they need, between two of them."""

    chunk_blocks: int
    replicas: int
    members: int
    #: Whether all threads take part just now; None where that was asked for.
    sharing: Sharing | None
    #: By replicas and members.
    free: dict[tuple[int, int], list[ShortRun]] = field(default_factory=dict)


class Executor:
    """A pool of worker threads and their arenas.

    The caller's thread only waits, reports progress, and cancels when it is interrupted; a run of a single
    chunk is done in the caller's thread. After a fork the child starts its own threads.

    Parameters
    ----------
    threads : int
        Workers at most.
    members : int, optional
        Of them, how many share each image's work where a program can; None: those that have no image of their own.
    """

    def __init__(self, threads: int, members: int | None = None):
        self.threads = threads
        self._members = None if members is None else min(members, threads)
        self._pool: ThreadPoolExecutor | None = None
        self._pid = os.getpid()
        self._arenas: list[np.ndarray] = []
        self._lock = threading.Lock()
        self._helpers: Helpers | None = None
        self._short = threading.Lock()
        #: Of kernels of whole layers, whose threads are one team.
        self._whole: dict[tuple[int, ...], Sharing] = {}
        self._team_of_all: Team | None = None
        self._pools: WeakKeyDictionary[Program, dict[int, _Pool | None]] = WeakKeyDictionary()

    def run(self, program: Program, arrays: list[np.ndarray], n_images: int, progress: Progress | None = None) -> Run:
        """Run `program` over the images of `arrays` (inputs, then outputs); returns when all are done."""
        blocks_a_round = program.plan.chunk_blocks * self._replicas(program)
        if self._team(program) > 1 and program.chunks(n_images, blocks_a_round) > 1:
            images_a_round = blocks_a_round * program.plan.block_images
            return self._run_rounds(program, arrays, (n_images, images_a_round), progress)
        short = self._short_pool(program, n_images)
        if short is not None:
            return self._run_short(short, program, arrays, n_images, progress)
        chunk = self._chunk_blocks(program, n_images)
        whole = self._whole_chunks(program, n_images, chunk)
        control, total = program.control(n_images, chunk, whole), program.chunks(n_images, chunk, whole)
        begin = time.perf_counter()
        work = partial(self._work, program, control, arrays)
        watches = [work()] if self.threads == 1 else self._together(work, control, total, progress)
        if progress:
            progress(total, total)
        ticks = np.stack([watch.taken for watch in watches])
        return _ended(n_images, total, begin, ticks, arrays, noted=Noted.of(watches))

    def work(self, kernel: int, descriptor: Descriptor) -> None:
        """Run a kernel that shares its work by frames, in all threads where that is faster than in the caller's."""
        if self.threads == 1:
            alone(kernel, descriptor)
            return
        with self._short:
            sharing = self._sharing_of(kernel, descriptor)
            shared, begin = sharing.is_worth_it(), time.perf_counter()
            if shared:
                team = self._own_team()
                self._own_helpers().run(kernel, address(descriptor.words), team.addresses)
            else:
                alone(kernel, descriptor)
            sharing.took(shared, time.perf_counter() - begin)

    def _sharing_of(self, kernel: int, descriptor: Descriptor) -> Sharing:
        """Return what runs took of this kernel with as much work."""
        sizes = [descriptor.words[field.slot] for field in descriptor.fields.values() if type(field) is Size]
        key = (kernel, *map(int, sizes))
        if key not in self._whole:
            if len(self._whole) >= settings.PLANS_KEPT:
                self._whole.clear()
            self._whole[key] = Sharing(self.threads)
        return self._whole[key]

    def _own_team(self) -> Team:
        """Return the frames of all threads."""
        if self._team_of_all is None:
            self._team_of_all = Team(self.threads)
        return self._team_of_all

    def workers(self, program: Program, n_images: int) -> int:
        """Return how many workers a run has at most, each with an arena of its own."""
        return max(1, min(self.threads, program.chunks(n_images, 1)))

    def _team(self, program: Program) -> int:
        """Return how many workers are asked to share the work of an image, where the program's kernels can."""
        return (self._members or 1) if program.plan.schedule is CHANNEL else 1

    def _run_rounds(
        self, program: Program, arrays: list[np.ndarray], images: tuple[int, int], progress: Progress | None
    ) -> Run:
        """Run so many images, a number of them in each round, in which each group of members has one chunk."""
        total, step = images
        begin, runs, notes = time.perf_counter(), list[Run](), Notes(settings.SLICES_KEPT)
        for first in range(0, total, step):
            part = [array[first : first + step] for array in arrays]
            run = self.run(program, part, min(step, total - first))
            notes.add(run.noted, first)
            runs.append(run._replace(noted=NOTHING))
            if progress:
                progress(len(runs), -(-total // step))
        # The last round may have fewer chunks.
        ticks = np.zeros_like(runs[0].ticks)
        for run in runs:
            ticks[: len(run.ticks)] += run.ticks
        return _ended(total, sum(run.chunks for run in runs), begin, ticks, arrays, runs[0].members, notes.noted())

    def _short_pool(self, program: Program, n_images: int) -> _Pool | None:
        """Return where what short runs need is kept between them; None where the run is a long one.

        Short are runs in which no thread has more than one chunk, and which share the work of an image or end soon.
        """
        with self._lock:
            kept = self._pools.setdefault(program, {})
            if n_images not in kept:
                chunk = self._chunk_blocks(program, n_images)
                total = program.chunks(n_images, chunk)
                replicas = min(self._replicas(program), total)
                members = self._members or self.threads // replicas
                if program.plan.schedule is not CHANNEL:
                    members = 1
                soon = program.plan.macs * n_images <= settings.SHORT_RUN_MACS
                if len(kept) >= settings.PLANS_KEPT:
                    kept.clear()
                short = total <= replicas and (members > 1 or total == 1 or soon)
                # What is measured, or was asked for, is all threads at work.
                free_choice = self._members is None and not program.timed and replicas * members > 1
                sharing = Sharing(replicas * members) if free_choice else None
                kept[n_images] = _Pool(chunk, replicas, members, sharing) if short else None
            return kept[n_images]

    def _run_short(
        self, pool: _Pool, program: Program, arrays: list[np.ndarray], n_images: int, progress: Progress | None
    ) -> Run:
        """Run in the caller's thread and, where there are further workers, in helpers."""
        begin = time.perf_counter()
        with self._lock:
            shared = pool.sharing is None or pool.sharing.is_worth_it()
            shape = (pool.replicas, pool.members) if shared else (1, 1)
            free = pool.free.setdefault(shape, [])
            short = free.pop() if free else None
        if short is None:
            short = ShortRun(program, program.control(n_images, pool.chunk_blocks), *shape)
        arenas = [self._take_arena(program.plan.arena.size) for _ in range(shape[0])]
        try:
            short.prepare(arenas, arrays)
            if len(short.frame_addresses) == 1:
                ready = time.perf_counter()
                program.drive(short.control_address, short.frame_addresses[0])
            else:
                # One run at a time: members wait for each other.
                with self._short:
                    helpers = self._own_helpers()
                    ready = time.perf_counter()
                    helpers.run(program.drive_address, short.control_address, short.frame_addresses)
            took = time.perf_counter() - ready
        finally:
            # Nobody writes those of a program that is not timed.
            ticks, noted = short.ticks, NOTHING
            if program.timed:
                ticks, noted = short.ticks.copy(), Noted.of(short.stopwatches)
            with self._lock:
                self._arenas += arenas
                free.append(short)
        if pool.sharing is not None:
            with self._lock:
                pool.sharing.took(shared, took)
        if progress:
            progress(pool.replicas, pool.replicas)
        return _ended(n_images, pool.replicas, begin, ticks, arrays, shape[1], noted)

    def _own_helpers(self) -> Helpers:
        """Return the threads for short runs; a process that was forked off starts its own."""
        if self._helpers is None or self._helpers.pid != os.getpid():
            self._helpers = Helpers(self.threads - 1, process_loader())
        return self._helpers

    def _work(self, program: Program, control: Control, arrays: list[np.ndarray]) -> Stopwatch:
        # The worker holds its arena: nobody else may get it while the worker runs, even after a second Ctrl-C.
        arena = self._take_arena(program.plan.arena.size)
        try:
            return program.work(control, arena, arrays, self.threads)
        finally:
            with self._lock:
                self._arenas.append(arena)

    def _chunk_blocks(self, program: Program, n_images: int) -> int:
        """Return the plan's chunk, or less where the replicas would not all get one."""
        blocks = program.chunks(n_images, 1)
        return max(1, min(program.plan.chunk_blocks, -(-blocks // self._replicas(program))))

    def _replicas(self, program: Program) -> int:
        """Return how many chunks are taken side by side at most."""
        return self.threads // self._team(program)

    def _whole_chunks(self, program: Program, n_images: int, chunk_blocks: int) -> int:
        """Return from which chunk on they are smaller, so that no thread waits long for the last to end."""
        chunks = program.chunks(n_images, chunk_blocks)
        if self.threads == 1:
            return chunks
        full = n_images // (chunk_blocks * program.plan.block_images)
        # Each thread begins with a chunk: a run of one for each has equal parts already.
        return min(chunks, max(self.threads, full - settings.LAST_CHUNKS * self.threads))

    def _together(
        self, work: Callable[[], Stopwatch], control: Control, total: int, progress: Progress | None
    ) -> list[Stopwatch]:
        """Let all workers take part in `total` chunks, and wait; where one does not begin, or fails, none goes on."""
        count, pool, running = min(self.threads, total), self._workers(), list[Future[Stopwatch]]()
        try:
            with starting_threads(count):
                for _ in range(count):
                    running.append(pool.submit(work))
            pending = set(running)
            while pending:
                done, pending = wait(pending, timeout=settings.PROGRESS_INTERVAL_S)
                for future in done:
                    future.result()
                if progress:
                    progress(control.done, total)
        except BaseException:
            control.cancel = 1
            wait(running)
            raise
        return [future.result() for future in running]

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
            if self._helpers is not None:
                self._helpers.dismiss()
            self._helpers = None
        with self._lock:
            pool, self._pool = self._pool, None
        # Outside the lock, which workers take to give their arenas back.
        if pool is not None and self._pid == os.getpid():
            pool.shutdown()
        with self._lock:
            self._arenas.clear()
            self._pools.clear()


def _ended(
    images: int,
    chunks: int,
    begin: float,
    ticks: np.ndarray,
    arrays: list[np.ndarray],
    members: int = 1,
    noted: Noted = NOTHING,
) -> Run:
    """Return what a run was that began at `begin` and has just ended."""
    sizes = tuple([array.nbytes for array in arrays])
    return Run(images, chunks, time.perf_counter() - begin, ticks, sizes, members, noted)
