"""The scripts in tools/: each explains itself, and none has what ShellCheck warns of."""

import shutil
import subprocess

import pytest

from tests.conftest import ROOT

SCRIPTS = sorted((ROOT / "tools").glob("*.sh"))
SHARED = sorted((ROOT / "tools").glob("*/*.sh"))


def run(*command, folder):
    """Return the finished process of a command that is called in a folder."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_it_explains_itself_and_refuses_what_it_does_not_know(script, tmp_path):
    shown = run(script, "--help", folder=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"tools/{script.name}" in shown.stdout
    refused = run(script, "--fast", folder=tmp_path)
    assert refused.returncode != 0
    assert refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_takes_long_has_a_quick_form(tmp_path):
    """All but the site, which is built in seconds."""
    shown = {script.stem: run(script, "--help", folder=tmp_path).stdout for script in SCRIPTS}
    assert [name for name, text in shown.items() if "--quick" not in text] == ["build_site"]


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="ShellCheck is not installed")
def test_shellcheck_has_nothing_to_say():
    found = run("shellcheck", *SCRIPTS, *SHARED, ROOT / ".ci" / "run", folder=ROOT)
    assert found.stdout + found.stderr == ""
