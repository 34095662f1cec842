"""A plan bound to machine code: kernel addresses and descriptors, ready for any number of workers."""

import numpy as np

from xdn import settings
from xdn.codegen.loader import KernelLoader
from xdn.codegen.native import address, code_at
from xdn.graph import Array, Blob
from xdn.kernels.core import driver
from xdn.kernels.core.driver import Control
from xdn.kernels.core.frame import frame_words
from xdn.kernels.core.stopwatch import Stopwatch
from xdn.runtime.cpu.plan import Plan
from xdn.runtime.cpu.schedule import passes


class Program:
    """The compiled form of a plan, shared by all workers.

    Parameters
    ----------
    plan : Plan
    loader : KernelLoader
        Gives the kernels' addresses.
    timed : bool
        Run by the driver that measures each step.
    """

    def __init__(self, plan: Plan, loader: KernelLoader, timed: bool = False):
        self.plan, self.timed = plan, timed
        #: What it gives: name -> the blob of one image.
        self.outputs = {name: Blob((1, *shape), plan.layouts[name].element) for name, shape in plan.outputs.items()}
        # The loader owns the machine code.
        self._loader = loader
        drive = driver.driver(plan.target, timed)
        loader.prepare([drive, *(step.source for step in plan.steps)])
        calls = passes(plan.segments, plan.chunk_blocks)
        self._table = np.empty((len(calls), driver.Call.size), np.int64)
        #: For each step the descriptors of its calls.
        self._descriptors = []
        order = np.argsort(calls[:, 0], kind="stable")
        for step, rows in enumerate(np.split(order, np.cumsum(np.bincount(calls[:, 0]))[:-1])):
            _, first_block, blocks, first_unit, units = calls[rows].T
            words = self._descriptors_of(step, first_block, first_unit, units)
            self._descriptors.append(words)
            addresses = words.ctypes.data + np.arange(len(words)) * words.strides[0]
            kernel = np.full(len(words), loader.address(plan.steps[step].source))
            self._table[rows] = np.column_stack([kernel, addresses, first_block, blocks, calls[rows, 0]])
        #: Address of the driver's machine code.
        self.drive_address = loader.address(drive)
        #: Run it: control words and a frame.
        self.drive = code_at(self.drive_address)

    def _descriptors_of(self, number: int, first_block: Array, first_unit: Array, units: Array) -> Array:
        """Return (calls, words): a step's descriptor at the places of each call's blocks and rows."""
        step = self.plan.steps[number]
        words = np.tile(step.words, (len(first_block), 1))
        for slot, blob in step.blobs.items():
            words[:, slot] = self.plan.offsets(blob, first_block)
        for slot in step.scratch:
            words[:, slot] = self.plan.scratch_offset(number, slot)
        # The calls of a step take all rows, or each takes some.
        if step.rows and units.any():
            step.rows.narrow(words, first_unit, units)
        return words

    def control(self, n_images: int, chunk_blocks: int, whole_chunks: int | None = None) -> Control:
        """Return fresh control words for a run over `n_images`; the sizes are those of `chunks`."""
        return Control(
            total_images=n_images,
            block_images=self.plan.block_images,
            chunk_blocks=chunk_blocks,
            whole_chunks=self.chunks(n_images, chunk_blocks) if whole_chunks is None else whole_chunks,
            last_blocks=last_blocks(chunk_blocks),
            calls=len(self._table),
            program=address(self._table),
        )

    def chunks(self, n_images: int, chunk_blocks: int, whole_chunks: int | None = None) -> int:
        """Return how many chunks `n_images` make.

        Parameters
        ----------
        n_images, chunk_blocks : int
        whole_chunks : int, optional
            From which chunk on they are smaller (`last_blocks`); default: from none.
        """
        blocks = -(-n_images // self.plan.block_images)
        chunks = -(-blocks // chunk_blocks)
        if whole_chunks is None or chunks <= whole_chunks:
            return chunks
        rest = blocks - whole_chunks * chunk_blocks
        return whole_chunks - (-rest // last_blocks(chunk_blocks))

    def stopwatch(self, ticks: Array, workers: int) -> Stopwatch:
        """Return where one of so many workers notes what its steps take, added to `ticks`, if the program is timed."""
        return Stopwatch.of(ticks, settings.SLICES_KEPT // workers if self.timed else 0)

    def work(self, control: Control, arena: np.ndarray, arrays: list[np.ndarray], workers: int = 1) -> Stopwatch:
        """Run chunks until none is left, alone; releases the GIL. One call per worker.

        Parameters
        ----------
        control : Control
            Shared by the workers of a run.
        arena : bytes, aligned
            The worker's own.
        arrays : list of arrays
            The caller's inputs, then outputs, contiguous.
        workers : int
            How many run.

        Returns
        -------
        Stopwatch : what this worker noted; nothing where the program is not timed
        """
        watch = self.stopwatch(np.zeros(len(self.plan.steps), np.int64), workers)
        places = {"arena": address(arena), "stopwatch": address(watch.words)}
        frame = frame_words(list(map(address, arrays)), members=1, **places)
        self.drive(address(control.words), address(frame))
        return watch


def last_blocks(chunk_blocks: int) -> int:
    """Return how many blocks the smaller chunks have that end a run."""
    return -(-chunk_blocks // settings.LAST_PARTS)
