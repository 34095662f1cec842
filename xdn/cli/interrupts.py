"""Ctrl-C: the first one ends a command in an orderly way, another one at once.

Until this module is there Ctrl-C is not answered: it imports nothing that takes time, `signal` and `typing` among them.
"""

import _signal
import _thread
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

EXIT_INTERRUPTED = 130

#: What makes a terminal show the cursor again, which a progress bar hides.
_SHOW_CURSOR = b"\x1b[?25h"
#: Until an interrupt that was lost is tried again, in seconds.
_AGAIN_S = 0.001


class Interrupts:
    """Answers Ctrl-C of one command.

    Parameters
    ----------
    command : str
        Its name, for the one line that is said.
    """

    def __init__(self, command: str):
        self._command = command
        #: Whether Ctrl-C was pressed.
        self.asked = False

    def answer(self) -> None:
        """Answer Ctrl-C from now on; a process that was started in the background ignores it, and goes on to do so."""
        if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
            _signal.signal(_signal.SIGINT, self)
            sys.unraisablehook = self._unraisable

    def ignore(self) -> None:
        """Ignore Ctrl-C from now on."""
        if _signal.getsignal(_signal.SIGINT) is self:
            _signal.signal(_signal.SIGINT, _signal.SIG_IGN)

    def tell(self) -> None:
        """Say in one line that the command was interrupted, and remove what it has not finished."""
        files = sys.modules.get("xdn.files")
        try:
            if files is not None:
                files.remove_unfinished()
            # Not by `sys.stderr`, within whose own code Ctrl-C may have come.
            os.write(2, f"{self._command}: interrupted\n".encode())
        except (OSError, AttributeError):
            # The folder is gone, or stderr is closed; or Ctrl-C came while `xdn.files` was imported.
            pass

    def __call__(self, number: int, frame: "FrameType | None") -> None:
        """Handle the signal."""
        if self.asked:
            if os.isatty(2):
                os.write(2, _SHOW_CURSOR)
            self.tell()
            os._exit(EXIT_INTERRUPTED)
        self.asked = True
        raise KeyboardInterrupt

    def _unraisable(self, lost: "sys.UnraisableHookArgs") -> None:
        """Take what could not be raised, as in a callback out of machine code: an interrupt is tried once more."""
        if isinstance(lost.exc_value, KeyboardInterrupt):
            self.asked = False
            _thread.start_new_thread(_interrupt_again, (_thread.get_ident(),))
        elif not self.asked:
            sys.__unraisablehook__(lost)


def _interrupt_again(thread: int) -> None:
    time.sleep(_AGAIN_S)
    if hasattr(_signal, "pthread_kill"):
        # The signal itself, which also ends a system call that waits.
        _signal.pthread_kill(thread, _signal.SIGINT)
    else:
        _thread.interrupt_main()
