"""What is read out of a parser."""

import argparse

from xdn.cli.described import Argument, described


def parser():
    made = argparse.ArgumentParser("xdn-bake", description="Bake.", epilog="At once.")
    made.add_argument("cake", nargs="?", metavar="CAKE", help="what")
    group = made.add_argument_group("oven")
    group.add_argument("-o", "--oven", action="append", choices=("gas", "wood"), help="of %(prog)s")
    group.add_argument("--hot", action="store_true")
    return made


def test_a_command_is_what_its_parser_says():
    found = described(parser())
    assert (found.name, found.summary, found.details) == ("xdn-bake", "Bake.", "At once.")
    assert [title for title, _ in found.groups] == ["positional arguments", "options", "oven"]
    cake, _, oven, hot = found.arguments
    assert cake == Argument((), "CAKE", (), "what", False, False)
    assert oven == Argument(("-o", "--oven"), "{gas,wood}", ("gas", "wood"), "of xdn-bake", False, True)
    assert hot == Argument(("--hot",), "", (), "", False, False)
    assert oven in found.options
    assert cake not in found.options


def test_commands_of_a_command_are_described_too():
    made = argparse.ArgumentParser("xdn-bake", description="Bake.")
    made.add_subparsers(metavar="COMMAND").add_parser("bread", help="of flour").add_argument("--dark")
    (bread,) = described(made).commands
    assert (bread.name, bread.summary) == ("xdn-bake bread", "of flour")
    assert bread.options[-1].value == "DARK"
