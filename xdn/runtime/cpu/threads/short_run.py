"""Short runs: everything that one needs beside the caller's arrays, made once for a program and a number of images."""

import numpy as np

from xdn.codegen.native import address
from xdn.kernels.core import barrier as team
from xdn.kernels.core.layout import ARENA, IO, MEMBER, MEMBERS, TEAM, TICKS
from xdn.runtime.cpu.program import Program
from xdn.runtime.cpu.threads.helpers import waiting_looks, yield_address


class ShortRun:
    """Control words and frames of a run in which each team takes one chunk; used by one run at a time.

    Parameters
    ----------
    program : Program
    control : int64 words
        Fresh ones, as `Program.control` makes them.
    replicas, members : int
        Teams, and threads of each, which share every step of a chunk.
    """

    def __init__(self, program: Program, control: np.ndarray, replicas: int, members: int):
        # Not the program itself: whoever keeps these by their programs would keep them for ever.
        self.control, self._fresh = control, control.copy()
        arrays = len(program.plan.inputs) + len(program.plan.outputs)
        self.ticks = np.zeros((replicas * members, len(program.plan.steps)), np.int64)
        self._teams = np.zeros((replicas, team.TEAM_WORDS), np.int64)
        self._teams[:, team.YIELD] = yield_address()
        self._teams[:, team.LOOKS] = waiting_looks(replicas * members)
        self.frames = []
        for number, own in enumerate(self.ticks):
            replica, member = divmod(number, members)
            frame = np.zeros(IO + arrays, np.int64)
            frame[MEMBER], frame[MEMBERS] = member, members
            frame[TEAM], frame[TICKS] = self._teams[replica].ctypes.data, own.ctypes.data
            self.frames.append(frame)
        self._members = members

    def prepare(self, arenas: list[np.ndarray], arrays: list[np.ndarray]) -> None:
        """Begin a run: an arena for each replica; the caller's inputs, then outputs, contiguous."""
        self.control[:] = self._fresh
        self.ticks.fill(0)
        places, arena_places = [address(array) for array in arrays], [address(arena) for arena in arenas]
        for number, frame in enumerate(self.frames):
            frame[ARENA] = arena_places[number // self._members]
            frame[IO:] = places
