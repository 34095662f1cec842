"""Pages of the documentation with a table that a program of this folder writes."""

from pathlib import Path

from translated import Say, chinese, english

DOCS = Path(__file__).resolve().parent.parent / "docs"
_END = "<!-- end of the table -->"


def in_languages(name: str) -> dict[Path, Say]:
    """Return the files of a page, each with what says its table."""
    return {DOCS / name: english, DOCS / "zh" / name: chinese}


def header(say: Say, *titles: str) -> str:
    """Return the first two lines of a table."""
    return f"| {' | '.join(map(say, titles))} |\n|{'---|' * len(titles)}\n"


def with_table(page: Path, program: str, table: str) -> str:
    """Return a page's text with another table.

    Parameters
    ----------
    page : Path
        The table stands between a line that names its program and one that says where it ends.
    program : str
        The program's file, such as ``"make_layer_table.py"``.
    table : str
        In Markdown.
    """
    begin = f"<!-- made by tools/{program} -->"
    before, rest = page.read_text().split(begin)
    return f"{before}{begin}\n\n{table}\n{_END}{rest.split(_END)[1]}"
