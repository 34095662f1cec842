"""A net before and after optimization as a file, SVG or HTML."""

from collections.abc import Sequence
from pathlib import Path

from xdn.errors import SettingError
from xdn.graph.summary import NetSummary
from xdn.report.drawn.net import Times, sheet
from xdn.report.page.charts.heat import STEPS
from xdn.report.page.render import TAGS, environment
from xdn.report.page.words import Words
from xdn.report.quantities import count

SUFFIXES = (".svg", ".html")


def drawn(nets: Sequence[tuple[str, NetSummary]], times: Times, words: Words, suffix: str) -> str:
    """Return nets as a drawing, each headed by the word of its key.

    Parameters
    ----------
    nets : sequence of (str, NetSummary)
        Keys are of `words`.
    times : mapping
        Layer -> milliseconds, empty where they are not known.
    words : Words
    suffix : str
        One of `SUFFIXES`.

    Raises
    ------
    SettingError
        Where the library that lays graphs out is not installed.
    """
    sheets = [sheet(net, times, words.titled(key, _size(net, words))) for key, net in nets]
    steps = range(STEPS) if times else ()
    template = environment().get_template(f"net{suffix}")
    name = nets[0][1].name or words("net_graph")
    return template.render(name=name, sheets=sheets, words=words, tag=TAGS[words.language], steps=steps)


def checked_graph(path: Path) -> None:
    """Raise SettingError where a path names no kind of drawing of nets."""
    if path.suffix.lower() not in SUFFIXES:
        raise SettingError(f"{path.suffix!r} is not a kind of drawing", where=str(path), mend="Name a .svg or .html")


def _size(net: NetSummary, words: Words) -> str:
    return words("layers_macs", layers=len(net.layers), macs=count(net.total.macs))
