#!/usr/bin/env python3
"""Write the table of ONNX's operators in `docs/onnx.md` out of the registry of what reads them.

python tools/make_operator_table.py             # rewrite the table
"""

import inspect
import re

import onnx
from generated import DOCS, with_table

from xdn.files import write_atomically
from xdn.frontend.onnx.read import net  # noqa: F401 (what it imports registers itself)
from xdn.frontend.onnx.read.base import READERS
from xdn.frontend.onnx.read.model import OLDEST

PAGE = DOCS / "onnx.md"
_HEAD = "| operator | operator sets | what it becomes | refused |\n|---|---|---|---|\n"
#: How a docstring begins to tell what is refused.
_REFUSED = "Refused: "


def operator_sets(name: str) -> str:
    """Return from which operator set on an operator is read, and up to which one where ONNX took it back for good."""
    known = [each for each in onnx.defs.get_all_schemas_with_history() if (each.name, each.domain) == (name, "")]
    first = max(OLDEST, min(each.since_version for each in known))
    newest = max(known, key=lambda each: each.since_version)
    return f"{first} to {newest.since_version - 1}" if newest.deprecated else f"{first} on"


def described(name: str) -> tuple[str, str]:
    """Return what an operator becomes, and what of it is refused, as the docstring of its reader says."""
    paragraphs = [" ".join(each.split()) for each in re.split(r"\n\s*\n", inspect.getdoc(READERS[name]) or "")]
    refused = [each.removeprefix(_REFUSED) for each in paragraphs if each.startswith(_REFUSED)]
    return paragraphs[0], " ".join(refused)


def table() -> str:
    """Return the table, a row an operator."""
    rows = []
    for name in sorted(READERS):
        becomes, refused = (each.replace("|", "\\|") for each in described(name))
        rows.append(f"| {name} | {operator_sets(name)} | {becomes} | {refused} |\n")
    return _HEAD + "".join(rows)


def page() -> str:
    """Return the page with the table as it should be."""
    return with_table(PAGE, "make_operator_table.py", table())


if __name__ == "__main__":
    write_atomically(PAGE, page().encode())
