"""The terminal's view: 80 columns, nothing that a terminal would obey."""

import pytest
from rich.console import Console

from tests.report.page.samples import everything
from xdn.report.page.terminal import view
from xdn.report.page.words import LANGUAGES, Words


@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_fit_into_80_columns(language):
    console = Console(width=80, force_terminal=False, markup=False)
    with console.capture() as captured:
        for each in view(everything(), Words(language)):
            console.print(each)
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("conv1" in line and "1.000" in line for line in lines)
    assert "4.00 s -> 1.00 s" in captured.get()


def test_columns_are_there_where_there_is_room():
    console = Console(width=240, markup=False)
    with console.capture() as captured:
        for each in view(everything(), Words()):
            console.print(each)
    assert "dots_vnni_u8xs8_tou8_8x2" in captured.get()
    assert "u8 x s8" in captured.get()


def test_nothing_is_there_that_a_terminal_would_obey():
    console = Console(width=240, markup=False, force_terminal=False)
    with console.capture() as captured:
        for each in view(everything(), Words()):
            console.print(each)
    assert "\x1b" not in captured.get()
    assert r"\x1b[31m" in captured.get()
