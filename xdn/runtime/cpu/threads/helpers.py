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
from xdn.codegen.native import Kernel, address, code_at, kernel_at
from xdn.codegen.target import host_target
from xdn.cpus import available_cpus
from xdn.kernels.core import handover
from xdn.kernels.core.frame import Frame
from xdn.kernels.core.handover import Caller, Mailbox
from xdn.runtime.cpu.threads.count import starting_threads


class Helpers:
    """Threads that share runs with the caller's; one run at a time.

    Parameters
    ----------
    count : int
    loader : KernelLoader
        Gives the kernels' addresses.
    """

    def __init__(self, count: int, loader: KernelLoader):
        self.pid = os.getpid()
        sources = [make(host_target()) for make in (handover.attend, handover.post, handover.lead)]
        loader.prepare(sources)
        attend, post, lead = map(loader.address, sources)
        self._post, self._lead = code_at(post), code_at(lead)
        self._boxes = [Mailbox(looks=settings.HELPER_LOOKS, parked=1) for _ in range(count)]
        self._wakers: list[SimpleQueue[bool]] = [SimpleQueue() for _ in range(count)]
        self._caller = Caller(give_way=yield_address(), looks=waiting_looks(count + 1))
        addresses = np.array([address(box.words) for box in self._boxes], np.int64)
        self._caller.words = np.append(self._caller.words[: Caller.mailboxes.slot], addresses)
        self._caller_address = address(self._caller.words)
        #: Ends the helpers.
        self.dismiss = weakref.finalize(self, _dismiss, self._wakers)
        for number, (box, waker) in enumerate(zip(self._boxes, self._wakers, strict=True)):
            target, name = (kernel_at(attend), box, waker), f"xdn-{number}"
            with starting_threads(count + 1):
                threading.Thread(target=_help, args=target, name=name, daemon=True).start()

    def run(self, drive: int, control: int, frames: list[int]) -> None:
        """Run the driver in as many threads as there are frames; return when all have ended.

        All are addresses. The first frame is the caller's own; there are helpers for the others.
        """
        boxes, caller = self._boxes[: len(frames) - 1], self._caller
        for box, frame in zip(boxes, frames[1:], strict=True):
            box.drive, box.control, box.frame = drive, control, frame
        caller.helpers, caller.drive, caller.control = len(boxes), drive, control
        self._post(self._caller_address, frames[0])
        if caller.wake:
            for box, waker in zip(boxes, self._wakers, strict=False):
                if box.parked:
                    waker.put(True)
        self._lead(self._caller_address, frames[0])


def _help(attend: Kernel, box: Mailbox, waker: "SimpleQueue[bool]") -> None:
    """Wait for jobs, in machine code for a while, then in Python, until False comes."""
    frame = Frame().words
    while waker.get():
        attend(box.words, frame)


def _dismiss(wakers: "list[SimpleQueue[bool]]") -> None:
    for waker in wakers:
        waker.put(False)


def waiting_looks(threads: int) -> int:
    """Return how often a thread looks for one of the others before it gives its processor away."""
    return settings.WAITING_LOOKS if threads <= available_cpus() else settings.CROWDED_LOOKS


@cache
def yield_address() -> int:
    """Return the address of the C function that gives the processor to another thread."""
    function = ctypes.WinDLL("kernel32").SwitchToThread if hasattr(ctypes, "WinDLL") else ctypes.CDLL(None).sched_yield
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)
