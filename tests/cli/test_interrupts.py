"""Ctrl-C at many moments of real commands: one line, 130, and no unfinished file."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.caffe_files import write_small

ROOT = Path(__file__).resolve().parent.parent.parent

#: A shell that starts pytest in the background makes it ignore SIGINT, and children inherit that. The rest is what a
#: console script does; "ready" is said as soon as Ctrl-C is answered, before anything of the command is imported.
SCRIPT = """if 1:
    import signal, sys
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from xdn.cli import entry
    command = getattr(entry, sys.argv[1])
    sys.argv = ["xdn-" + sys.argv[1], *sys.argv[2:]]
    answer = entry.Interrupts.answer
    entry.Interrupts.answer = lambda self: (answer(self), print("ready", flush=True))
{more}
    sys.exit(command())
"""


def begun(*arguments, more="", **environment):
    """Start a command and return its process, which has said that it is ready."""
    own = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    command = [sys.executable, "-c", SCRIPT.format(more=more), *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own)
    assert process.stdout.readline() == "ready\n"
    return process


def compiling(folder):
    """Start a run that has all its kernels to compile, which takes seconds; its cache is `folder`/cache."""
    write_small(folder)
    call = ["run", folder / "small.prototxt", "--data", "glyphs10", "--input-shape", "3,32,32", "--online", "--force"]
    return begun(*call, XDN_CACHE=str(folder / "cache"))


def ended(process, name):
    """Wait for an interrupted process; check its exit code, and that it said one line, beside what it had logged."""
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    lines = err.splitlines()
    assert lines[-1] == f"xdn-{name}: interrupted"
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert sum("interrupted" in line for line in lines) == 1
    return lines


def unfinished(folder):
    """Return the unfinished files anywhere in a folder."""
    return [path for path in folder.rglob("*") if path.name.endswith(".part")]


def wait_until(condition, process):
    """Wait until something holds, or the process has ended."""
    while not condition() and process.poll() is None:
        time.sleep(0.01)


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.1, 0.3, 0.6])
def test_while_a_command_is_imported(tmp_path, delay_s):
    process = compiling(tmp_path)
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    assert ended(process, "run")


@pytest.mark.parametrize("kernels", [0, 1, 3])
def test_while_kernels_are_compiled(tmp_path, kernels):
    process = compiling(tmp_path)
    wait_until(lambda: len([*(tmp_path / "cache").rglob("*.o")]) >= kernels, process)
    process.send_signal(signal.SIGINT)
    ended(process, "run")
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize("delay_s", [0.0, 0.2])
def test_while_data_is_packed(tmp_path, delay_s):
    process = begun("pack", "glyphs10", "--split", "train", "-o", tmp_path / "glyphs.packed")
    wait_until(lambda: unfinished(tmp_path), process)
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    assert ended(process, "pack") == ["xdn-pack: interrupted"]
    assert list(tmp_path.iterdir()) == []


def test_pressed_again_and_again(tmp_path):
    process = begun("pack", "glyphs10", "--split", "train", "-o", tmp_path / "glyphs.packed")
    wait_until(lambda: unfinished(tmp_path), process)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.0005)
    assert ended(process, "pack") == ["xdn-pack: interrupted"]
    assert list(tmp_path.iterdir()) == []


def test_in_a_callback_out_of_machine_code(tmp_path):
    """Nothing can be raised there: Python says that it ignored the interrupt, and goes on."""
    more = """
    import ctypes, os, time
    from types import SimpleNamespace
    def work():
        prompt = ctypes.CFUNCTYPE(None)(lambda: os.kill(os.getpid(), signal.SIGINT))
        prompt()
        time.sleep(60)
    sys.modules["xdn.cli.run"] = SimpleNamespace(main=work)
    """
    assert ended(begun("run", more=more), "run") == ["xdn-run: interrupted"]


@pytest.mark.parametrize("wrong", ["raise ImportError('half a module')", "raise SystemExit(1)", "return 0"])
def test_a_library_that_makes_something_else_of_it(wrong):
    more = f"""
    import os
    from types import SimpleNamespace
    def work():
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except BaseException:
            {wrong}
    sys.modules["xdn.cli.run"] = SimpleNamespace(main=work)
    """
    assert ended(begun("run", more=more), "run") == ["xdn-run: interrupted"]


def test_what_comes_after_the_end_changes_nothing():
    more = """
    import atexit, os
    from types import SimpleNamespace
    atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))
    sys.modules["xdn.cli.run"] = SimpleNamespace(main=lambda: 3)
    """
    process = begun("run", more=more)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 3


def test_a_process_in_the_background_goes_on():
    more = """
    import os
    from types import SimpleNamespace
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    def work():
        os.kill(os.getpid(), signal.SIGINT)
        return 0
    sys.modules["xdn.cli.run"] = SimpleNamespace(main=work)
    """
    process = begun("run", more=more)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


def test_where_nothing_can_be_said_it_ends_all_the_same():
    more = """
    import os
    from types import SimpleNamespace
    def work():
        os.close(2)
        os.kill(os.getpid(), signal.SIGINT)
    sys.modules["xdn.cli.run"] = SimpleNamespace(main=work)
    """
    process = begun("run", more=more)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 130
