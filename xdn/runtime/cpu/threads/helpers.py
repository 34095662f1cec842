"""Threads for short runs, in which the caller's thread works too."""

import ctypes
import os
import threading
import weakref
from functools import cache
from queue import SimpleQueue

import numpy as np

from xdn import settings
from xdn.codegen.loader import KernelLoader
from xdn.codegen.native import Kernel, address, kernel_at
from xdn.codegen.target import host_target
from xdn.cpus import available_cpus
from xdn.kernels.core import handover as crew
from xdn.runtime.cpu.threads.count import starting_threads


class Crew:
    """The caller's thread and its helpers; one run at a time.

    Parameters
    ----------
    helpers : int
    loader : KernelLoader
        Gives the kernels' addresses.
    """

    def __init__(self, helpers: int, loader: KernelLoader):
        self.pid = os.getpid()
        sources = [make(host_target()) for make in (crew.attend, crew.post, crew.lead)]
        loader.prepare(sources)
        attend, post, lead = map(loader.address, sources)
        self._post, self._lead = kernel_at(post), kernel_at(lead)
        self._boxes = [np.zeros(crew.MAILBOX_WORDS, np.int64) for _ in range(helpers)]
        self._wakers: list[SimpleQueue[bool]] = [SimpleQueue() for _ in range(helpers)]
        self._words = np.zeros(crew.MAILBOXES + helpers, np.int64)
        self._words[crew.YIELD], self._words[crew.CALLER_LOOKS] = yield_address(), waiting_looks(helpers + 1)
        self._words[crew.MAILBOXES :] = [box.ctypes.data for box in self._boxes]
        weakref.finalize(self, _dismiss, self._wakers)
        for number, (box, waker) in enumerate(zip(self._boxes, self._wakers, strict=True)):
            box[crew.LOOKS], box[crew.PARKED] = settings.HELPER_LOOKS, 1
            target, name = (kernel_at(attend), box, waker), f"xdn-{number}"
            with starting_threads(helpers + 1):
                threading.Thread(target=_help, args=target, name=name, daemon=True).start()

    def run(self, drive: int, control: np.ndarray, frames: list[np.ndarray]) -> None:
        """Run the driver at the address `drive` in as many threads as there are frames; return when all have ended.

        The first frame is the caller's own; there are helpers for the others.
        """
        boxes, words = self._boxes[: len(frames) - 1], self._words
        for box, frame in zip(boxes, frames[1:], strict=True):
            box[crew.DRIVE], box[crew.CONTROL], box[crew.FRAME] = drive, address(control), address(frame)
        words[crew.HELPERS] = len(boxes)
        words[crew.OWN_DRIVE], words[crew.OWN_CONTROL] = drive, address(control)
        self._post(words, frames[0])
        if words[crew.WAKE]:
            for box, waker in zip(boxes, self._wakers, strict=False):
                if box[crew.PARKED]:
                    waker.put(True)
        self._lead(words, frames[0])

    def dismiss(self) -> None:
        """End the helpers."""
        _dismiss(self._wakers)


def _help(attend: Kernel, box: np.ndarray, waker: "SimpleQueue[bool]") -> None:
    """Wait for jobs, in machine code for a while, then in Python, until False comes."""
    while waker.get():
        attend(box, box)


def _dismiss(wakers: "list[SimpleQueue[bool]]") -> None:
    for waker in wakers:
        waker.put(False)


def waiting_looks(threads: int) -> int:
    """Return how often a thread looks for one of the others before it gives its processor away."""
    return settings.TEAM_LOOKS if threads <= available_cpus() else settings.CROWDED_LOOKS


@cache
def yield_address() -> int:
    """Return the address of the C function that gives the processor to another thread."""
    function = ctypes.WinDLL("kernel32").SwitchToThread if hasattr(ctypes, "WinDLL") else ctypes.CDLL(None).sched_yield
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)
