"""Texts of options that several of these programs take."""

import argparse
from collections.abc import Iterable
from typing import TypeVar

from xdn.errors import SettingError

T = TypeVar("T")


def named(text: str) -> tuple[str, str]:
    """Return the name and the rest of an option's text, NAME=REST."""
    name, _, rest = text.partition("=")
    if not name or not rest:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=...")
    return name, rest


def by_name(option: str, pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Return what each name of an option stands for; raise SettingError where one is given twice."""
    found: dict[str, T] = {}
    for name, rest in pairs:
        if name in found:
            raise SettingError(f"{name!r} is named twice", where=option, mend="Give each a name of its own")
        found[name] = rest
    return found
