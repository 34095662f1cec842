"""Who may import whom, and what `import xdn` may cost."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT


def test_dependencies_point_one_way():
    """The contracts stand in pyproject.toml, `[tool.importlinter]`."""
    linter = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", linter, "--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def modules_after(statement):
    """Return the names of the modules that a fresh interpreter has loaded after `statement`."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "without"),
    [
        ("import xdn", {"numba", "llvmlite", "torch", "google.protobuf", "numpy", "cv2"}),
        ("import xdn; xdn.load", {"numba", "llvmlite", "torch", "cv2", "onnx"}),
        ("import xdn.frontend, xdn.optimize, xdn.layers, xdn.graph", {"numba", "llvmlite", "torch"}),
        ("import xdn.cli.inspect, xdn.cli.optimize, xdn.cli.train", {"numba", "llvmlite", "torch"}),
    ],
)
def test_light_imports(statement, without):
    assert not modules_after(statement) & without
