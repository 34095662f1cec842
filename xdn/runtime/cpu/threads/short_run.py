"""Short runs: everything that one needs beside the caller's arrays, made once for a program and a number of images."""

import numpy as np

from xdn import settings
from xdn.codegen.native import address
from xdn.element import S64
from xdn.kernels.core.aligned import aligned_bytes
from xdn.kernels.core.barrier import Barrier
from xdn.kernels.core.driver import Control
from xdn.kernels.core.frame import Frame, frame_words
from xdn.runtime.cpu.program import Program
from xdn.runtime.cpu.threads.helpers import waiting_looks, yield_address


class ShortRun:
    """Control words and frames of a run in which each chunk is shared by some threads; used by one run at a time.

    Parameters
    ----------
    program : Program
    control : Control
        A fresh one, as `Program.control` makes them.
    replicas, members : int
        Chunks at a time, and threads that share every step of each.
    """

    def __init__(self, program: Program, control: Control, replicas: int, members: int):
        # Not the program itself: whoever keeps these by their programs would keep them for ever.
        self.control, self._fresh = control, control.words.copy()
        arrays = len(program.plan.inputs) + len(program.plan.outputs)
        self.ticks = np.zeros((replicas * members, len(program.plan.steps)), np.int64)
        self.stopwatches = [program.stopwatch(own, len(self.ticks)) for own in self.ticks]
        looks = waiting_looks(replicas * members)
        self._barriers = [Barrier(give_way=yield_address(), looks=looks) for _ in range(replicas)]
        words, line = Frame.io.slot + arrays, settings.ARENA_ALIGN_BYTES
        # Each on cache lines of its own, since threads write to theirs.
        pitch = -(-words * S64.bytes // line) * line
        frames = aligned_bytes(replicas * members * pitch, line).view(np.int64).reshape(replicas * members, -1)
        for number, (frame, watch) in enumerate(zip(frames, self.stopwatches, strict=True)):
            replica, member = divmod(number, members)
            places = {"barrier": address(self._barriers[replica].words), "stopwatch": address(watch.words)}
            frame[:words] = frame_words([0] * arrays, member=member, members=members, **places)
        #: What a run fills in: in the frames of each replica, and in all.
        self._arenas = frames[:, Frame.arena.slot].reshape(replicas, members).T
        self._arrays, self._timed = frames[:, Frame.io.slot : words], program.timed
        #: They do not move, and are asked for in each run.
        self.control_address, self.frame_addresses = address(control.words), [address(frame) for frame in frames]

    def prepare(self, arenas: list[np.ndarray], arrays: list[np.ndarray]) -> None:
        """Begin a run: an arena for each replica; the caller's inputs, then outputs, contiguous.

        After a large net none of what Python touches is in a cache, so that each call of NumPy counts.
        """
        self.control.words[:] = self._fresh
        if self._timed:
            self.ticks.fill(0)
            for watch in self.stopwatches:
                watch.begun = 0
        self._arrays[:] = [address(array) for array in arrays]
        self._arenas[:] = [address(arena) for arena in arenas]
