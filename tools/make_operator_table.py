#!/usr/bin/env python3
"""Write the table of ONNX's operators in `docs/onnx.md`, also in Chinese, out of the registry of what reads them.

python tools/make_operator_table.py             # rewrite the tables
"""

import inspect
import re
from pathlib import Path

import onnx
from generated import header, in_languages, with_table
from translated import Say

from xdn.files import write_atomically
from xdn.frontend.onnx.read import net  # noqa: F401 (what it imports registers itself)
from xdn.frontend.onnx.read.base import READERS
from xdn.frontend.onnx.read.model import OLDEST

PAGES = in_languages("onnx.md")
#: How a docstring begins to tell what is refused.
_REFUSED = "Refused: "


def operator_sets(name: str, say: Say) -> str:
    """Return from which operator set on an operator is read, and up to which one where ONNX took it back for good."""
    known = [each for each in onnx.defs.get_all_schemas_with_history() if (each.name, each.domain) == (name, "")]
    first = max(OLDEST, min(each.since_version for each in known))
    newest = max(known, key=lambda each: each.since_version)
    last = newest.since_version - 1
    return say("{first} to {last}" if newest.deprecated else "{first} on").format(first=first, last=last)


def described(name: str) -> tuple[str, str]:
    """Return what an operator becomes, and what of it is refused, as the docstring of its reader says."""
    paragraphs = [" ".join(each.split()) for each in re.split(r"\n\s*\n", inspect.getdoc(READERS[name]) or "")]
    refused = [each.removeprefix(_REFUSED) for each in paragraphs if each.startswith(_REFUSED)]
    return paragraphs[0], " ".join(refused)


def table(say: Say) -> str:
    """Return the table, a row an operator."""
    rows = []
    for name in sorted(READERS):
        becomes, refused = (each and say(each).replace("|", "\\|") for each in described(name))
        rows.append(f"| {name} | {operator_sets(name, say)} | {becomes} | {refused} |\n")
    return header(say, "operator", "operator sets", "what it becomes", "refused") + "".join(rows)


def page(path: Path) -> str:
    """Return a page of `PAGES` with the table as it should be."""
    return with_table(path, "make_operator_table.py", table(PAGES[path]))


if __name__ == "__main__":
    for path in PAGES:
        write_atomically(path, page(path).encode())
