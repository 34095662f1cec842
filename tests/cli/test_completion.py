"""`xdn-completion` as users call it."""

import json

import pytest

from xdn.cli.completion import commands, main
from xdn.cli.entry import COMMANDS


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_the_script_knows_all_commands(shell, capsys):
    assert main([shell]) == 0
    out = capsys.readouterr().out
    assert [name for name in COMMANDS if f"xdn-{name}" not in out] == []
    assert "precision" in out


def test_the_script_is_part_of_the_json(capsys):
    assert main(["bash", "--json", "-"]) == 0
    assert "complete -o default -F _xdn_run xdn-run" in json.loads(capsys.readouterr().out)["script"]


def test_every_option_says_what_it_does():
    silent = {flag for each in commands() for option in each.options for flag in option.flags if not option.help}
    assert silent == set()
