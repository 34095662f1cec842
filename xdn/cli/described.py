"""What a command takes, and was given, read out of its parser: for shells that complete it, and for its page."""

import argparse
from dataclasses import dataclass


@dataclass(frozen=True)
class Argument:
    """An option or a positional argument.

    Parameters
    ----------
    flags : tuple of str
        Such as ``("-o", "--output")``; empty for a positional argument.
    value : str
        The name of its value in texts; empty for a flag that takes none.
    choices : tuple of str
        All values that are possible, where these are few.
    help : str
    required : bool
    repeated : bool
        Whether it may be given several times.
    """

    flags: tuple[str, ...]
    value: str
    choices: tuple[str, ...]
    help: str
    required: bool
    repeated: bool


@dataclass(frozen=True)
class Command:
    """A command, or one of its own commands.

    Parameters
    ----------
    name : str
        As it is typed, such as ``"xdn-tune list"``.
    summary, details : str
        The first line of its help, and what its help says after the options.
    usage : str
    groups : tuple of (title, arguments)
    commands : tuple of Command
        Those that its first argument names.
    """

    name: str
    summary: str
    details: str
    usage: str
    groups: tuple[tuple[str, tuple[Argument, ...]], ...]
    commands: tuple["Command", ...] = ()

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """Those of all groups."""
        return tuple(argument for _, arguments in self.groups for argument in arguments)

    @property
    def options(self) -> tuple[Argument, ...]:
        """The arguments that begin with a flag."""
        return tuple(argument for argument in self.arguments if argument.flags)


def described(parser: argparse.ArgumentParser, summary: str = "") -> Command:
    """Return what a parser takes; `summary` stands in where it has no description."""
    found = ((group.title or "", _arguments(parser, group)) for group in parser._action_groups)
    return Command(
        parser.prog,
        parser.description or summary,
        parser.epilog or "",
        parser.format_usage().strip(),
        tuple((title, arguments) for title, arguments in found if arguments),
        tuple(_commands(parser)),
    )


def options_given(parser: argparse.ArgumentParser, args: argparse.Namespace) -> dict[str, str]:
    """Return attribute -> flag of each option that is given another value than what it has without."""
    options = (action for action in parser._actions if action.option_strings and hasattr(args, action.dest))
    return {each.dest: each.option_strings[-1] for each in options if getattr(args, each.dest) != each.default}


def _commands(parser: argparse.ArgumentParser) -> list[Command]:
    nested = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return [
        described(action.choices[listed.dest], listed.help or "")
        for action in nested
        for listed in action._choices_actions
    ]


def _arguments(parser: argparse.ArgumentParser, group: argparse._ArgumentGroup) -> tuple[Argument, ...]:
    shown = (action for action in group._group_actions if action.help != argparse.SUPPRESS)
    return tuple(_argument(parser, action) for action in shown if not isinstance(action, argparse._SubParsersAction))


def _argument(parser: argparse.ArgumentParser, action: argparse.Action) -> Argument:
    formatter = parser._get_formatter()
    takes = action.nargs != 0
    default = action.dest.upper() if action.option_strings else action.dest
    return Argument(
        tuple(action.option_strings),
        formatter._metavar_formatter(action, default)(1)[0] if takes else "",
        tuple(map(str, action.choices or ())),
        formatter._expand_help(action) if action.help else "",
        action.required,
        isinstance(action, argparse._AppendAction),
    )
