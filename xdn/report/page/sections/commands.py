"""The commands that make the results again."""

import shlex

from xdn.report.page.blocks import Cell, Column, Grid, word
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.visible import visible


@section("commands", 140)
def commands(results: Results, words: Words) -> Content:
    """The exact command of each result, and when it was written."""
    rows = [
        (
            word(name),
            word(each.written or "-"),
            Cell(visible(shlex.join([each.program, *each.arguments])) if each.program else words("no_command")),
        )
        for name, each in results.named
    ]
    columns = [Column(words(name), words=True) for name in ("run", "written", "command")]
    return "", [Grid.of(words("commands"), columns, rows)]
