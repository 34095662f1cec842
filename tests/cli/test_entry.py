"""The console scripts answer Ctrl-C and wrong flags from their first moment."""

import os
import signal
import subprocess
import sys

import pytest

from xdn.cli import entry


@pytest.fixture(autouse=True)
def handlers():
    """Give back what a command, which is the only one of its process, does to the process."""
    before = signal.getsignal(signal.SIGINT), sys.unraisablehook
    yield
    signal.signal(signal.SIGINT, before[0])
    sys.unraisablehook = before[1]


@pytest.mark.parametrize("name", ["inspect", "optimize", "pack", "run", "train"])
def test_a_script_gives_its_command_s_exit_code(monkeypatch, capsys, name):
    monkeypatch.setattr(sys, "argv", [f"xdn-{name}", "--version"])
    with pytest.raises(SystemExit) as stopped:
        getattr(entry, name)()
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith(f"xdn-{name} ")


def test_an_interrupt_while_the_command_is_imported_is_one_message(monkeypatch, capfd):
    def interrupted(module):
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "import_module", interrupted)
    assert entry.run() == 130
    assert capfd.readouterr().err == "xdn-run: interrupted\n"


def test_a_flag_that_the_import_refuses_is_one_message():
    environment = os.environ | {"XDN_ISA": "sse9"}
    code = "import sys; from xdn.cli import entry; sys.exit(entry.run())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    known = "Known are avx512f, avx2, neon, portable"
    assert done.stderr == f"xdn-run: error: XDN_ISA: no instruction set is called 'sse9'. {known}\n"
