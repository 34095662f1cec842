"""What a text is that is not a network: a solver, a label map, a template, a file with marks of a merge."""

import re

from xdn.errors import ParseError
from xdn.frontend.caffe.text import schema
from xdn.frontend.textformat import read_text

#: What a text is that has such a part.
_KINDS = {
    r"(?m)^(?:<{7}|={7}|>{7})(?: |$)": "line {line} is a mark of a merge that was not resolved",
    r"\A\s*[{\[]": "this looks like JSON",
    r"\A\s*<\?xml": "this is XML",
    r"(?m)^[^\S\n]*item\s*\{": "this is a label map, the names of a data set's classes",
    r"\{\{|\$\{?[A-Za-z_]\w*|@[A-Za-z_]\w*@|<%": (
        "line {line} has a placeholder ({part}): this is a template, to be filled in first"
    ),
}
#: What tells a solver from other messages; one is enough.
_SIGNS = {"net", "train_net", "base_lr", "max_iter", "lr_policy", "train_net_param", "net_param", "snapshot_prefix"}


def _solver(text: str) -> str | None:
    solver = schema.new("SolverParameter")
    try:
        unknown = read_text(text, solver, "")
    except ParseError:
        return None
    known = [field.name for field, _ in solver.ListFields()]
    if len(unknown) >= len(known) or _SIGNS.isdisjoint(known):
        return None
    net = solver.net or solver.train_net
    named = f"; the net is {net!r}: give that" if net else ""
    if not net and (within := next((name for name in known if name.endswith("net_param")), None)):
        named = f"; the net stands in it, as {within}: give a file with what that holds"
    return f"this is a solver, which says how a net is trained (xdn-train takes it){named}"


def diagnose(text: str) -> str | None:
    """Return in words what `text`, which is not a network, seems to be; None where nothing tells it."""
    if solver := _solver(text):
        return solver
    for pattern, words in _KINDS.items():
        if found := re.search(pattern, text):
            return words.format(line=text.count("\n", 0, found.start()) + 1, part=found[0])
    return None
