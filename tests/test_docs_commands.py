"""The commands of the documentation are such as their programs take; running them is left to `test_followed_docs`."""

import re
import shlex
from importlib import import_module

import pytest

from tests.conftest import ROOT
from tests.markdown import FENCED
from xdn.cli.described import described
from xdn.cli.entry import COMMANDS

PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "bench" / "README.md",
    *sorted((ROOT / "prototxt").rglob("*.md")),
]
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
#: What a page may call -> the files that say which flags it takes.
PROGRAMS = {
    r"bench/(\w+)\.py": ("bench/*.py", "xdn/cli/*.py"),
    r"tools/(\w+)\.sh": ("tools/{}.sh", "tools/contest/*"),
    r"tools\.fuzz\.(\w+)": ("tools/fuzz/*.py",),
}


@pytest.fixture(scope="module")
def parsers():
    """Return the parsers of all commands by their names, such as ``"xdn-run"``."""
    return {f"xdn-{name}": import_module(f"xdn.cli.{name}").parser() for name in COMMANDS}


def lines(page):
    """Return the lines of a page's code, each as its words."""
    code = "".join(FENCED.findall(page.read_text())).replace("\\\n", " ")
    return [line.strip() for line in code.splitlines()]


def spans(page):
    """Return the code that stands in a page's text."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", FENCED.sub("", page.read_text()))]


@EACH_PAGE
def test_commands_are_such_as_their_parsers_take(page, parsers, capsys):
    for line in lines(page):
        name, *words = shlex.split(line, comments=True) if line.startswith("xdn-") else [""]
        if name:
            assert name in parsers, line
            try:
                parsers[name].parse_args(words)
            except SystemExit:
                pytest.fail(f"{line}: {capsys.readouterr().err}")


@EACH_PAGE
def test_flags_in_the_text_are_those_of_the_command(page, parsers):
    for span in spans(page):
        name, _, rest = span.partition(" ")
        if name in parsers:
            command = described(parsers[name])
            taken = {flag for each in (command, *command.commands) for option in each.options for flag in option.flags}
            assert set(re.findall(r"--[\w-]+", rest)) <= taken, span


@EACH_PAGE
def test_flags_of_programs_are_those_of_their_files(page):
    for line in [*lines(page), *spans(page)]:
        for pattern, sources in PROGRAMS.items():
            if called := re.search(rf"{pattern} (.*)", line):
                files = (path for source in sources for path in ROOT.glob(source.format(called[1])))
                text = "".join(path.read_text() for path in files if path.is_file())
                wanted = re.findall(r"--[\w-]+", called[2].split(" #")[0])
                assert [flag for flag in wanted if not re.search(rf"{flag}\b", text)] == [], line
