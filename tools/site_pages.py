"""The pages of the site that are made: what commands take, what can be chosen; and where links of pages lead there."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent

from generated import DOCS
from translated import Say, english

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
#: An example, and what it says beside the command, if anything, also in the lines below.
_EXAMPLE = re.compile(r"^ {2}(\S.*?)(?: {3,}(\S.*(?:\n {20,}\S.*)*))?$", re.M)
_LANGUAGE = re.compile(r'href="[^"]*" hreflang="(\w+)" class="md-select__link"')
#: A cell of a table, code in it, and a word of that with a hyphen, at which browsers would break it.
_TABLE_CELL, _INLINE_CODE = re.compile(r"<td.*?</td>", re.S), re.compile(r"<code>[^<]*</code>")
_HYPHENATED = re.compile(r"(?<![^\s>])[^\s<>]{0,24}-[^\s<>]{0,24}(?![^\s<])")


def made_pages(say: Say = english) -> dict[str, str]:
    """Return name -> Markdown of all pages that the parsers and the registries say."""
    found = commands()
    pages = {f"commands/{each.name}.md": command_page(each, say) for each in found}
    return pages | {"commands/index.md": commands_page(found, say), "choices.md": choices_page(say)}


def commands_page(found: tuple[Command, ...], say: Say) -> str:
    """Return the list of all commands."""
    rows = (f"[`{each.name}`]({each.name}.md) | {_cell(say(each.summary))}" for each in found)
    head = (say("Commands"), say("`python -m xdn` prints this list."))
    return "# {}\n\n{}\n\n".format(*head) + _table(say, "command", "what it does", rows) + "\n"


def command_page(command: Command, say: Say = english) -> str:
    """Return what a command takes, as its --help says it."""
    parts = [f"# {command.name}", say(command.summary), *_usage(command, say)]
    for each in command.commands:
        parts += [f"## {each.name}", say(each.summary), *_usage(each, say)]
    return "\n\n".join(parts) + "\n"


def _usage(command: Command, say: Say) -> list[str]:
    tables = [f"**{say(title)}**\n\n{_options(arguments, say)}" for title, arguments in command.groups]
    return [f"```text\n{command.usage}\n```", *_details(command.details, say), *tables]


def _details(text: str, say: Say) -> list[str]:
    """Return what stands below the options: paragraphs, and examples."""
    parts = text.split("\n\n") if text else []
    return [_examples(part, say) if part.startswith("  ") else _cell(say(part)) for part in parts]


def _examples(part: str, say: Say) -> str:
    """Return examples, whose commands are the same in all languages: as they are, with what is said in a table."""
    found = [(command.strip(), said) for command, said in _EXAMPLE.findall(part)]
    if not any(said for _, said in found):
        return f"```text\n{dedent(part)}\n```"
    rows = (f"`{command.replace('|', _BAR)}` | {said and _cell(say(said))}" for command, said in found)
    return _table(say, "command", "what it does", rows)


def _options(arguments: tuple[Argument, ...], say: Say) -> str:
    rows = (f"{_code(each)} | {_cell(say(each.help))}" for each in arguments)
    return _table(say, "option", "what it does", rows)


def _table(say: Say, left: str, right: str, rows: Iterable[str]) -> str:
    return "\n".join((f"| {say(left)} | {say(right)} |", "|---|---|", *(f"| {row} |" for row in rows)))


def _code(argument: Argument) -> str:
    value = f" {argument.value}" if argument.flags and argument.value else argument.value
    names = (f"{flag}{value}" for flag in argument.flags or ("",))
    return ", ".join(f"`{name.replace('|', _BAR)}`" for name in names)


def choices_page(say: Say = english) -> str:
    """Return what can be chosen by its name, a table a registry, but for layer types, which have their own page."""
    parts = [
        f"# {say('What can be chosen')}",
        say("`xdn-inspect --list` prints these, and [all layer types](layers.md)."),
    ]
    for kind, rows in api.registries().items():
        if kind != "layer type":
            lines = (f"`{name}` | {_cell(say(what))}" for name, what in rows)
            parts.append(f"## {say(kind)}\n\n{_table(say, 'name', 'what it is', lines)}")
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


def in_languages(html: str, url: str, roots: dict[str, str]) -> str:
    """Return a page's HTML whose choice of a language leads to the same page in it, which all languages have.

    Parameters
    ----------
    html : str
    url : str
        The page's, such as ``"commands/xdn-run/"``.
    roots : dict
        Language -> its first page, from the first page of this one.
    """
    place = url.removeprefix("./")
    up = "../" * place.count("/")
    choice = 'href="{}" hreflang="{}" class="md-select__link"'
    return _LANGUAGE.sub(lambda link: choice.format(f"{up}{roots[link[1]]}{place}", link[1]), html)


def unbroken(html: str) -> str:
    """Return a page's HTML with short words of code in tables, such as options, in one line each."""

    def whole(word: re.Match[str]) -> str:
        return f'<span class="word">{word[0]}</span>'

    def in_code(code: re.Match[str]) -> str:
        return _HYPHENATED.sub(whole, code[0])

    return _TABLE_CELL.sub(lambda cell: _INLINE_CODE.sub(in_code, cell[0]), html)
