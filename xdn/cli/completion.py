"""Print what lets a shell complete the commands and their options: for bash, zsh or fish.

It is made from the parsers that read the options, so that it knows all of them, and their choices.

  eval "$(xdn-completion bash)"                          in ~/.bashrc
  eval "$(xdn-completion zsh)"                           in ~/.zshrc, after compinit
  xdn-completion fish > ~/.config/fish/completions/xdn.fish
"""

import argparse
from importlib import import_module

from xdn.cli.common import Output, new_parser, run_command
from xdn.cli.described import Command, described
from xdn.cli.entry import COMMANDS
from xdn.cli.shells import SHELLS


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    made = new_parser("xdn-completion", __doc__)
    made.add_argument("shell", choices=tuple(SHELLS), help="what reads it")
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(parser(), _run, argv)


def commands() -> tuple[Command, ...]:
    """Return what every command takes."""
    return tuple(described(import_module(f"xdn.cli.{name}").parser()) for name in COMMANDS)


def _run(args: argparse.Namespace, output: Output) -> None:
    script = SHELLS[args.shell](commands())
    output.result(*script.splitlines(), wide=True)
    output.write_json({"shell": args.shell, "script": script}, "completion")
