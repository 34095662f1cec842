"""`python -m xdn`: the commands of a checkout that is not installed."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from xdn import __main__
from xdn.cli.entry import COMMANDS


def test_a_command_is_run_by_its_name():
    command = [sys.executable, "-m", "xdn", "inspect", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.split()[0]) == (0, "xdn-inspect")


def said(monkeypatch, capsys, *args):
    """Return exit code, standard output and standard error of a call."""
    monkeypatch.setattr(sys, "argv", ["xdn", *args])
    return (__main__.main(), *capsys.readouterr())


@pytest.mark.parametrize("args", [(), ("--help",)])
def test_all_commands_are_listed_with_what_they_do(monkeypatch, capsys, args):
    code, out, _ = said(monkeypatch, capsys, *args)
    assert code == 0
    assert re.findall(r"^  (\w+)  +[A-Z].+[.]$", out, re.M) == list(COMMANDS)


@pytest.mark.parametrize("name", ["bake", "import_module"])
def test_an_unknown_command_is_answered_with_all_names(monkeypatch, capsys, name):
    code, out, err = said(monkeypatch, capsys, name)
    assert (code, out) == (2, "")
    assert "optimize" in err


def test_every_command_is_a_script():
    scripts = re.findall(r'"xdn-(\w+) = xdn.cli.entry:(\w+)"', (ROOT / "setup.py").read_text())
    assert sorted(scripts) == [(name, name) for name in sorted(COMMANDS)]
