"""A report as one HTML file that asks the network for nothing."""

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xdn import __version__
from xdn.report.page.blocks import Grid
from xdn.report.page.headline import headline, subject
from xdn.report.page.results import Results
from xdn.report.page.section import parts
from xdn.report.page.words import Words

_TEMPLATES = Path(__file__).with_name("templates")
#: BCP 47 names of the languages.
TAGS = {"en": "en", "zh": "zh-CN"}


def environment() -> Environment:
    """Return what fills templates: every text is escaped, and a name that a template lacks is an error."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.tests["grid"] = lambda block: isinstance(block, Grid)
    return made


def html(results: Results, words: Words) -> str:
    """Return the page."""
    name, line = subject(results, words)
    return (
        environment()
        .get_template("page.html")
        .render(
            words=words,
            tag=TAGS[words.language],
            name=name,
            line=line,
            figures=headline(results, words),
            parts=parts(results, words),
            made=words("made", version=__version__, date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        )
    )
