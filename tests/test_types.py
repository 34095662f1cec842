"""Every function of the library says its types, but those that Numba compiles."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

#: What declares a function that Numba compiles; see `xdn/codegen/jit.py`.
DECLARED = {"jitable", "inlined"}
FILES = sorted(path for room in ("codegen", "kernels") for path in (ROOT / "xdn" / room).rglob("*.py"))


def untyped(tree: ast.Module) -> list[str]:
    """Return the functions without types that are not compiled: neither declared so, nor inside a function."""
    found = []

    def visit(node: ast.AST, inside: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef):
                names = {getattr(each, "func", each) for each in child.decorator_list}
                declared = {each.id for each in names if isinstance(each, ast.Name)} & DECLARED
                given = [*child.args.args, *child.args.kwonlyargs]
                missing = (child.returns is None and child.name != "__init__") or any(
                    a.annotation is None for a in given if a.arg not in ("self", "cls")
                )
                if missing and not declared and not inside:
                    found.append(child.name)
                visit(child, inside or bool(declared) or not missing)
            else:
                visit(child, inside)

    visit(tree, False)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(Path(path).relative_to(ROOT / "xdn")))
def test_only_what_numba_compiles_is_without_types(path):
    assert untyped(ast.parse(path.read_text())) == []
