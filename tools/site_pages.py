"""The pages of the site that are made: what commands take, what can be chosen; and where links of pages lead there."""

import os
import re
from pathlib import Path

from generated import DOCS

from xdn import api
from xdn.cli.completion import commands
from xdn.cli.described import Argument, Command

ROOT = DOCS.parent
#: Pages from elsewhere in the repository -> their names in the site.
BROUGHT = {
    ROOT / "CHANGELOG.md": "changes.md",
    ROOT / "CONTRIBUTING.md": "contributing.md",
    ROOT / "bench" / "README.md": "bench.md",
    ROOT / "prototxt" / "README.md": "networks.md",
}
#: The sign between cells, within one.
_BAR = r"\|"
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def made_pages() -> dict[str, str]:
    """Return name -> Markdown of all pages that the parsers and the registries say."""
    found = commands()
    pages = {f"commands/{each.name}.md": command_page(each) for each in found}
    return pages | {"commands/index.md": commands_page(found), "choices.md": choices_page()}


def commands_page(found: tuple[Command, ...]) -> str:
    """Return the list of all commands."""
    rows = "\n".join(f"| [`{each.name}`]({each.name}.md) | {_cell(each.summary)} |" for each in found)
    return f"# Commands\n\n`python -m xdn` prints this list.\n\n| command | what it does |\n|---|---|\n{rows}\n"


def command_page(command: Command) -> str:
    """Return what a command takes, as its --help says it."""
    parts = [f"# {command.name}", command.summary, *_usage(command)]
    for each in command.commands:
        parts += [f"## {each.name}", each.summary, *_usage(each)]
    return "\n\n".join(parts) + "\n"


def _usage(command: Command) -> list[str]:
    tables = [f"**{title}**\n\n{_table(arguments)}" for title, arguments in command.groups]
    details = [f"```text\n{command.details}\n```"] if command.details else []
    return [f"```text\n{command.usage}\n```", *details, *tables]


def _table(arguments: tuple[Argument, ...]) -> str:
    rows = (f"| {_code(each)} | {_cell(each.help)} |" for each in arguments)
    return "\n".join(("| option | what it does |", "|---|---|", *rows))


def _code(argument: Argument) -> str:
    value = f" {argument.value}" if argument.flags and argument.value else argument.value
    names = (f"{flag}{value}" for flag in argument.flags or ("",))
    return ", ".join(f"`{name.replace('|', _BAR)}`" for name in names)


def choices_page() -> str:
    """Return what can be chosen by its name, a table a registry, but for layer types, which have their own page."""
    parts = ["# What can be chosen", "`xdn-inspect --list` prints these, and [all layer types](layers.md)."]
    for kind, rows in api.registries().items():
        if kind != "layer type":
            lines = (f"| `{name}` | {_cell(what)} |" for name, what in rows)
            parts.append("\n".join((f"## {kind}\n", "| name | what it is |", "|---|---|", *lines)))
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    """Return a text as a cell of a table, in which nothing is markup."""
    line = " ".join(text.split())
    return line.replace("|", _BAR) if "`" in line else re.sub(r"([|*_<\[])", r"\\\1", line)


def relinked(text: str, origin: Path, place: str, root: Path = DOCS) -> str:
    """Return a page's text with links as the site has them.

    Parameters
    ----------
    text : str
    origin : Path
        The page's file in the repository.
    place : str
        Its name in the site, whose pages are those of `root`.
    root : Path
        Pages of `DOCS` outside of it are those of the site around this one. What is in no site loses its link.
    """

    def replaced(match: re.Match[str]) -> str:
        image, said, link, anchor = match[1], match[2], match[3], match[4] or ""
        if "://" in link:
            return match[0]
        target = Path(os.path.normpath(origin.parent / link))
        start = Path(place).parent
        if target in BROUGHT and root == DOCS:
            return f"[{said}]({os.path.relpath(BROUGHT[target], start)}{anchor})"
        if target.is_relative_to(root) or (image and target.is_relative_to(DOCS)):
            inside = target.relative_to(root if target.is_relative_to(root) else DOCS)
            return f"{image}[{said}]({os.path.relpath(inside, start)}{anchor})"
        outer = BROUGHT.get(target) or (str(target.relative_to(DOCS)) if target.is_relative_to(DOCS) else None)
        if outer is None or root == DOCS:
            return said
        up = "../" * (len(Path(place).parts) + (Path(place).name != "index.md"))
        page = "" if outer == "index.md" else f"{outer.removesuffix('.md')}/"
        return f"[{said}]({up}{page}{anchor})"

    return _LINK.sub(replaced, text)
