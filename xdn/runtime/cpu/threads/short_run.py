"""Short runs: everything that one needs beside the caller's arrays, made once for a program and a number of images."""

import numpy as np

from xdn.codegen.native import address
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
        self._frames = []
        for number, watch in enumerate(self.stopwatches):
            replica, member = divmod(number, members)
            places = {"barrier": address(self._barriers[replica].words), "stopwatch": address(watch.words)}
            self._frames.append(frame_words([0] * arrays, member=member, members=members, **places))
        self._members = members
        #: They do not move, and are asked for in each run.
        self.control_address, self.frame_addresses = address(control.words), list(map(address, self._frames))

    def prepare(self, arenas: list[np.ndarray], arrays: list[np.ndarray]) -> None:
        """Begin a run: an arena for each replica; the caller's inputs, then outputs, contiguous."""
        self.control.words[:] = self._fresh
        self.ticks.fill(0)
        for watch in self.stopwatches:
            watch.begun = 0
        places, arena_places = [address(array) for array in arrays], [address(arena) for arena in arenas]
        for number, frame in enumerate(self._frames):
            frame[Frame.arena.slot] = arena_places[number // self._members]
            frame[Frame.io.slot :] = places
