"""The console scripts answer Ctrl-C and wrong flags from their first moment."""

import os
import re
import signal
import subprocess
import sys
from importlib import import_module
from types import SimpleNamespace

import pytest

from tests.conftest import ROOT
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


@pytest.fixture
def failing_import(monkeypatch):
    """Return a function: an error -> the import of `xdn-run`'s module raises it."""

    def fail_with(error):
        def find(name, path, target=None):
            if name == "xdn.cli.run":
                raise error

        monkeypatch.delitem(sys.modules, "xdn.cli.run", raising=False)
        monkeypatch.setattr(sys, "meta_path", [SimpleNamespace(find_spec=find), *sys.meta_path])

    return fail_with


def test_an_interrupt_while_the_command_is_imported_is_one_message(failing_import, capfd):
    failing_import(KeyboardInterrupt())
    assert entry.run() == 130
    assert capfd.readouterr().err == "xdn-run: interrupted\n"


def test_a_flag_that_means_nothing_is_one_message():
    environment = os.environ | {"XDN_TARGET": "sse9"}
    code = "import sys; from xdn.cli import entry; sys.exit(entry.run())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    known = "Known are amx, avx512f, avx2, neon, portable, amx-emulated"
    *_, last = done.stderr.splitlines()
    assert last == f"xdn-run: error: XDN_TARGET: no target is called 'sse9'. {known}"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "not enough memory. Raise the limit (ulimit -v)"),
        (MemoryError("Unable to allocate 3. GiB"), "not enough memory: Unable to allocate 3. GiB. Raise the limit"),
        (RuntimeError("can't start new thread"), "the system starts no further thread. Raise"),
    ],
)
def test_too_little_memory_and_too_few_threads_are_one_message(failing_import, capfd, error, message):
    failing_import(error)
    assert entry.run() == 1
    err = capfd.readouterr().err
    assert err.startswith(f"xdn-run: error: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("error", [RuntimeError("a fault"), ImportError("no module"), ZeroDivisionError()])
def test_a_fault_of_the_program_is_not_hidden(failing_import, error):
    failing_import(error)
    with pytest.raises(type(error)):
        entry.run()


def test_ctrl_c_is_answered_before_anything_that_takes_time_is_imported():
    """What `site` imports as Python starts does not count."""
    code = "import sys; before = set(sys.modules); import xdn.cli.entry; print(sorted(set(sys.modules) - before))"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "['xdn', 'xdn.cli', 'xdn.cli.entry', 'xdn.cli.interrupts', 'xdn.version']\n"


def test_an_interrupted_program_says_its_name(capfd):
    def interrupted():
        raise KeyboardInterrupt

    assert entry.program("engines.py", interrupted) == 130
    assert capfd.readouterr().err == "engines.py: interrupted\n"


@pytest.mark.parametrize(
    "path",
    [
        p
        for folder in ("bench", "tools")
        for p in sorted((ROOT / folder).rglob("*.py"))
        if "run_command(" in p.read_text()
    ],
    ids=lambda path: path.name,
)
def test_a_program_of_the_project_begins_here(path):
    named = re.search(r'new_parser\("([^"]+)"', path.read_text())
    assert f'sys.exit(program("{named[1]}", main))' in path.read_text()


@pytest.mark.parametrize("name", entry.COMMANDS)
def test_where_a_result_cannot_be_written_is_said_before_the_work(name, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    parser = import_module(f"xdn.cli.{name}").parser()
    written = {"--out", "--output", "--parts", "--mean-out", "--dump-config", "--table", "--json"}
    options = [option for action in parser._actions for option in action.option_strings if option in written]
    for option in options:
        with pytest.raises(SystemExit):
            parser.parse_args([option, str(tmp_path / "file" / "result")])
        assert re.search(rf"argument \S*{option}\b", capsys.readouterr().err)
