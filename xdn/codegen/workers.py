"""Processes beside this one that assemble kernels: `assembler.py` needs no Numba, so that they start at once."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Self

from xdn.codegen import assembler
from xdn.cpus import available_cpus

#: How many kernels a process must have to do, so that it pays to start it.
_KERNELS_EACH = 4
_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from xdn.codegen.assembler import serve; serve()"


class Workers:
    """Assemble kernels in as many processes as there are processors beside this one's; a context.

    Parameters
    ----------
    kernels : int
        How many there are at most; for few of them no process is started.
    """

    def __init__(self, kernels: int):
        count = min(available_cpus() - 1, kernels // _KERNELS_EACH)
        self._tasks: SimpleQueue[tuple[Any, str, str] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[Any, str, str, bytes | None]] = SimpleQueue()
        self._pending = 0
        processes = [process for process in (_started() for _ in range(count)) if process is not None]
        self._threads = [Thread(target=self._serve, args=(process,), daemon=True) for process in processes]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        for _ in self._threads:
            self._tasks.put(None)

    def give(self, what: Any, nest: str, definitions: str) -> None:
        """Take a task; `what` names it."""
        self._pending += 1
        self._tasks.put((what, nest, definitions))

    def ready(self) -> Iterator[tuple[Any, bytes]]:
        """Yield (what, object code) of tasks that are done; without processes those that are not yet are done here."""
        if not self._threads:
            yield from self.rest()
        while True:
            try:
                yield self._result(*self._done.get_nowait())
            except Empty:
                return

    def rest(self) -> Iterator[tuple[Any, bytes]]:
        """Yield (what, object code) of all tasks that have been given and not been yielded; this process helps."""
        while self._pending:
            try:
                what, nest, definitions = self._tasks.get_nowait()  # type: ignore[misc]
            except Empty:
                yield self._result(*self._done.get())
            else:
                yield self._result(what, nest, definitions, None)

    def _result(self, what: Any, nest: str, definitions: str, code: bytes | None) -> tuple[Any, bytes]:
        """Return a task's object code; made here where the process could not."""
        self._pending -= 1
        return what, assembler.object_code(nest, definitions) if code is None else code

    def _serve(self, process: "subprocess.Popen[bytes]") -> None:
        """Hand tasks to a process until there are no more, or it fails."""
        assert process.stdin is not None
        assert process.stdout is not None
        alive = True
        # A process that has failed does not take what is still to be written when its pipe is closed.
        with suppress(OSError), process:
            while (task := self._tasks.get()) is not None:
                what, nest, definitions = task
                code = None
                if alive:
                    try:
                        assembler.send(process.stdin, nest.encode(), definitions.encode())
                        code = assembler.receive(process.stdout)
                    except OSError:
                        code = None
                    alive = code is not None
                self._done.put((what, nest, definitions, code))
            process.kill()


def _started() -> "subprocess.Popen[bytes] | None":
    """Return a process that assembles; None where this program's interpreter cannot be run again."""
    if not Path(sys.executable or "").name.startswith("python"):
        return None
    try:
        return subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is this process's to answer.
            start_new_session=True,
        )
    except OSError:
        return None
