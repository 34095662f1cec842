"""Who may import whom, and what `import xdn` may cost."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec, resolve_name
from pathlib import Path

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
        (
            "import xdn.cli.report; from xdn.report.page.section import SECTIONS; list(SECTIONS.items())",
            {"numba", "scipy", "torch", "cv2", "matplotlib", "xdn.runtime.session", "xdn.kernels.core.epilogue"},
        ),
    ],
)
def test_light_imports(statement, without):
    assert not modules_after(statement) & without


#: What cannot be imported without the extra [serve].
_WITH_SERVE = ("xdn.serve.http", "xdn.serve.grpc", "xdn.serve.service")


def test_only_training_needs_pytorch():
    """No module outside of `xdn/train` imports it, but where something is trained."""
    files = [path.relative_to(ROOT).with_suffix("").parts for path in (ROOT / "xdn").rglob("*.py")]
    names = [".".join(parts) for parts in files if parts[1] != "train" and parts[-1] not in ("__init__", "__main__")]
    if find_spec("uvicorn") is None:
        names = [name for name in names if not name.startswith(_WITH_SERVE)]
    assert not {"torch", "xdn.train"} & modules_after(f"import {', '.join(names)}")


def imports_of(root: Path) -> dict[str, set[str]]:
    """Return module -> modules of the package in the folder `root` that its text imports, wherever in it.

    Imports in functions and for types only count too: they put off a circle, and do not open it. That a package is
    loaded before its modules does not count, for a package that gathers its modules would be a circle with each.
    """
    files = {path.relative_to(root.parent).with_suffix(""): path for path in root.rglob("*.py")}
    names = {".".join(place.parts).removesuffix(".__init__"): path for place, path in files.items()}
    found: dict[str, set[str]] = {name: set() for name in names}
    for name, path in names.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                found[name] |= names.keys() & {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                source = resolve_name("." * node.level + (node.module or ""), package)
                whole = {f"{source}.{each.name}" for each in node.names}
                found[name] |= names.keys() & (whole if whole <= names.keys() else whole | {source})
    return found


def test_no_modules_import_each_other():
    """Neither two modules nor more in a circle."""
    imported = imports_of(ROOT / "xdn")
    assert "xdn.train.resume" in imported["xdn.train.trainer"]
    TopologicalSorter(imported).prepare()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("import p.b", "from p.a import x"),
        ("from p import b", "def f():\n    from p import a"),
        ("from .b import x", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import a"),
        ("from p import b", "import p.c"),
    ],
    ids=["plain", "in a function", "for types", "of three"],
)
def test_a_circle_is_found(tmp_path, first, second):
    folder = tmp_path / "p"
    folder.mkdir()
    texts = {"__init__": "from p.a import x\nfrom p import b", "a": first, "b": second, "c": "from p.a import x"}
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, "utf-8")
    with pytest.raises(CycleError) as caught:
        TopologicalSorter(imports_of(folder)).prepare()
    assert {"p.a", "p.b"} <= set(caught.value.args[1]) <= {"p.a", "p.b", "p.c"}
