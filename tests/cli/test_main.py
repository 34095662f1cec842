"""`python -m xdn.cli`: commands of a checkout that is not installed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*args):
    """Run it and return the finished process."""
    command = [sys.executable, "-m", "xdn.cli", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_a_command_is_run_by_its_name():
    done = run("inspect", "--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "xdn-inspect")


def test_an_unknown_command_is_answered_with_all_names():
    for args in ((), ("bake",), ("import_module",)):
        done = run(*args)
        assert done.returncode == 2
        assert "inspect,optimize,pack,run" in done.stderr
