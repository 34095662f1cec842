"""Texts of options that several of these programs take."""

import argparse


def named(text: str) -> tuple[str, str]:
    """Return the name and the rest of an option's text, NAME=REST."""
    name, _, rest = text.partition("=")
    if not name or not rest:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=...")
    return name, rest
