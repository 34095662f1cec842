"""The registry of sections."""

from collections.abc import Callable
from dataclasses import dataclass

from xdn.registry import Registry
from xdn.report.page.blocks import Block, Part
from xdn.report.page.results import Results
from xdn.report.page.words import Words

#: What a section makes of results: a line about it, and what is shown; no blocks where its data are not there.
Content = tuple[str, list[Block]]
Maker = Callable[[Results, Words], Content]


@dataclass(frozen=True)
class Section:
    """A section of reports.

    Parameters
    ----------
    order : int
        Sections with a smaller one come first.
    make : callable
        Its title is the word of the section's name.
    """

    order: int
    make: Maker

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        """What `make` says of itself."""
        return self.make.__doc__


SECTIONS: Registry[Section] = Registry("section", "xdn.report.page.sections")


def section(name: str, order: int) -> Callable[[Maker], Maker]:
    """Return a decorator that enters a section."""

    def enter(make: Maker) -> Maker:
        """Enter it."""
        SECTIONS.register(name)(Section(order, make))
        return make

    return enter


def parts(results: Results, words: Words) -> list[Part]:
    """Return the sections whose data are there, in order."""
    found = []
    for name, each in sorted(SECTIONS.items(), key=lambda item: item[1].order):
        about, blocks = each.make(results, words)
        if blocks:
            found.append(Part(name, words(name), about, tuple(blocks)))
    return found
