"""Ctrl-C between two steps, not within one.

Of a training they are iterations: weights and optimizer are then of the same one. Of LLVM's library they are its calls:
an object that an interrupt catches between a call which frees it and the note of that would be freed twice.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Whether Ctrl-C was pressed; a second one is not held back."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        self.asked += 1
        if self.asked > 1:
            raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self.asked:
            raise KeyboardInterrupt


@contextmanager
def deferred_interrupt() -> Iterator[Interrupt]:
    """Hold Ctrl-C back within the block until `check` is called; outside the main thread nothing is held back."""
    interrupt = Interrupt()
    # A process that was started in the background ignores the signal, and must go on to do so.
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if threading.current_thread() is not threading.main_thread() or ignored:
        yield interrupt
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block, or of the function that this decorates."""
    with deferred_interrupt() as interrupt:
        yield
    interrupt.check()
