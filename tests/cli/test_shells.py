"""Completion: bash is asked; what the others read has every option."""

import subprocess

import pytest

from tests.cli.test_described import parser
from xdn.cli.described import described
from xdn.cli.shells import SHELLS

BAKE = described(parser())


def completed(*words):
    """Return what bash offers for the last of the words of a command line."""
    line = (
        f'COMP_WORDS=({" ".join(map(repr, words))}); COMP_CWORD={len(words) - 1}; _xdn_bake; echo "${{COMPREPLY[@]}}"'
    )
    script = f"complete() {{ :; }}\n{SHELLS['bash']([BAKE])}\n{line}"
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=False)
    return done.stdout.split()


def test_bash_completes_options_and_their_choices():
    assert completed("xdn-bake", "--o") == ["--oven"]
    assert completed("xdn-bake", "--oven", "") == ["gas", "wood"]
    assert completed("xdn-bake", "-o", "w") == ["wood"]
    assert completed("xdn-bake", "--json", "a") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_every_option_and_choice_is_in_every_script(shell):
    script = SHELLS[shell]([BAKE])
    assert [word for word in ("xdn-bake", "oven", "hot", "gas wood") if word not in script] == []


def test_what_shells_would_read_as_their_own_is_marked():
    made = parser()
    made.add_argument("--odd", metavar="N:M", help="it's [so]: 1\\2")
    script = SHELLS["zsh"]([described(made)])
    assert "--odd[it'\"'\"'s \\[so\\]\\: 1\\\\2]:N\\:M:_files" in script
    assert "'it\\'s [so]: 1\\\\2'" in SHELLS["fish"]([described(made)])
