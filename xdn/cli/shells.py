"""Commands in the languages in which shells are told how to complete them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from shlex import quote
from textwrap import shorten

from xdn.cli.described import Command

#: The most characters of what is said of an option.
_GLANCE = 100
_BASH = """\
_{function}() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
    COMPREPLY=()
    case $previous in
{cases}    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W {flags} -- "$current")
{words}    fi
}}
complete -o default -F _{function} {name}
"""
_BASH_CHOICES = """\
        {flags}) mapfile -t COMPREPLY < <(compgen -W {choices} -- "$current"); return ;;
"""
_BASH_FILES = """\
        {flags}) return ;;
"""
_BASH_WORDS = """\
    elif (( COMP_CWORD == 1 )); then
        mapfile -t COMPREPLY < <(compgen -W {words} -- "$current")
"""


def bash(commands: Sequence[Command]) -> str:
    """Return functions of bash; where they offer nothing, bash offers files."""
    return "\n".join(map(_bash_function, commands))


def _bash_function(command: Command) -> str:
    chosen = [each for each in command.options if each.choices]
    others = [flag for each in command.options if each.value and not each.choices for flag in each.flags]
    cases = [_BASH_CHOICES.format(flags="|".join(each.flags), choices=_words(each.choices)) for each in chosen]
    cases += [_BASH_FILES.format(flags="|".join(others))] if others else []
    first = _first_words(command)
    return _BASH.format(
        function=command.name.replace("-", "_"),
        name=command.name,
        cases="".join(cases),
        flags=_words(_flags(command)),
        words=_BASH_WORDS.format(words=_words(first)) if first else "",
    )


def zsh(commands: Sequence[Command]) -> str:
    """Return functions of zsh that call its own `_arguments`."""
    return "\n".join(map(_zsh_function, commands))


def _zsh_function(command: Command) -> str:
    specs = [*map(quote, _zsh_options(command)), *map(quote, _zsh_places(command))]
    lines = " \\\n".join(f"        {spec}" for spec in specs)
    return f"_{command.name}() {{\n    _arguments -s \\\n{lines}\n}}\ncompdef _{command.name} {command.name}\n"


def _zsh_options(command: Command) -> Iterator[str]:
    for each in command.options:
        text = _zsh_escaped(_line(each.help))
        for flag in each.flags:
            value = f":{_zsh_escaped(each.value)}:{_zsh_values(each.choices)}" if each.value else ""
            yield f"{'*' if each.repeated else ''}{flag}[{text}]{value}"


def _zsh_places(command: Command) -> Iterator[str]:
    if first := _first_words(command):
        yield f"1:command:{_zsh_values(first)}"
    yield "*:file:_files"


def _zsh_values(choices: Sequence[str]) -> str:
    return f"({' '.join(choices)})" if choices else "_files"


def _zsh_escaped(text: str) -> str:
    """Return a text with what `_arguments` would read as its own signs marked."""
    return "".join(f"\\{sign}" if sign in "\\[]:" else sign for sign in text)


def fish(commands: Sequence[Command]) -> str:
    """Return calls of fish's `complete`; files are offered where nothing else is said."""
    return "\n".join(line for command in commands for line in _fish_lines(command)) + "\n"


def _fish_lines(command: Command) -> Iterator[str]:
    for word in _first_words(command):
        yield f"complete -c {command.name} -n __fish_use_subcommand -x -a {quote(word)}"
    for each in command.options:
        flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in each.flags)
        value = f" -x -a {_words(each.choices)}" if each.choices else " -r" if each.value else ""
        yield f"complete -c {command.name} {flags}{value} -d {_fish_quoted(_line(each.help))}"


def _fish_quoted(text: str) -> str:
    r"""Return a text within single quotes, in which fish knows ``\\`` and ``\'``."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _first_words(command: Command) -> tuple[str, ...]:
    """Return what the first argument may be, where it is one of a few words."""
    places = (argument.choices for argument in command.arguments if not argument.flags)
    return tuple(each.name.rpartition(" ")[2] for each in command.commands) or next(places, ())


def _flags(command: Command) -> Iterable[str]:
    return (flag for option in command.options for flag in option.flags)


def _words(words: Iterable[str]) -> str:
    """Return words as one argument of a shell."""
    return quote(" ".join(words))


def _line(text: str) -> str:
    """Return as much of a text as is read at a glance."""
    return shorten(text, _GLANCE, placeholder=" ...")


#: Shell -> what makes its script.
SHELLS: dict[str, Callable[[Sequence[Command]], str]] = {"bash": bash, "fish": fish, "zsh": zsh}
