"""Output, errors and exit codes of every command."""

import argparse
import json
import logging

import pytest
from rich.table import Table

from xdn.cli.common import Output, new_parser, run_command
from xdn.errors import CheckError, NetError


def run(command, *argv):
    return run_command(new_parser("xdn-test", "Do a thing.\n\nMore of it."), command, list(argv))


def raising(error):
    def command(args, output):
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (NetError("it is wrong", where="a.prototxt:1:2", mend="Mend it"), 1, "a.prototxt:1:2: it is wrong. Mend it"),
        (CheckError("a check failed"), 3, "a check failed"),
        (FileNotFoundError(2, "No such file", "w.caffemodel"), 1, "w.caffemodel: No such file"),
        (OSError("disk is gone"), 1, "system: disk is gone"),
    ],
)
def test_an_error_is_one_message_and_an_exit_code(error, code, message, capsys):
    assert run(raising(error)) == code
    captured = capsys.readouterr()
    assert captured.err == f"xdn-test: error: {message}\n"
    assert captured.out == ""


def test_an_interrupt(capsys):
    assert run(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "xdn-test: interrupted\n"


def test_a_fault_of_the_program_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run(raising(ZeroDivisionError()))


def test_what_a_command_returns_is_the_exit_code():
    assert run(lambda args, output: None) == 0
    assert run(lambda args, output: 3) == 3


def test_usage_is_2(capsys):
    with pytest.raises(SystemExit) as caught:
        run(lambda args, output: None, "--unknown")
    assert caught.value.code == 2


def test_help_holds_the_docstring_and_the_exit_codes(capsys):
    with pytest.raises(SystemExit) as caught:
        run(lambda args, output: None, "--help")
    out = capsys.readouterr().out
    assert caught.value.code == 0
    assert "Do a thing." in out
    assert "More of it." in out
    assert "130 interrupted" in out


def speak(args: argparse.Namespace, output: Output) -> None:
    output.log("log [bold]")
    with output.progress() as bar:
        bar.add_task("working", total=1)
    table = Table("name")
    table.add_row("[red]n[/red]" + "a" * 100)
    output.result("result [bold]", table)
    output.write_json({"answer": 42})


def test_result_on_stdout_log_on_stderr(capsys):
    assert run(speak) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("result [bold]\n")
    assert captured.err == "log [bold]\n"


def test_names_in_tables_are_neither_broken_nor_taken_for_markup(capsys):
    run(speak)
    assert "[red]n[/red]" + "a" * 100 in capsys.readouterr().out


def test_quiet_drops_the_log(capsys):
    run(speak, "--quiet")
    assert capsys.readouterr().err == ""


def test_json_on_stdout_replaces_the_text(capsys):
    run(speak, "--json", "-")
    assert json.loads(capsys.readouterr().out) == {"answer": 42}


def test_json_in_a_file_leaves_the_text(tmp_path, capsys):
    run(speak, "--json", str(tmp_path / "out.json"))
    assert json.loads((tmp_path / "out.json").read_text()) == {"answer": 42}
    assert "result" in capsys.readouterr().out


@pytest.mark.parametrize("target", ["", ".", "folder"])
def test_json_in_a_folder_is_refused_before_the_work(tmp_path, monkeypatch, capsys, target):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(SystemExit) as caught:
        run(raising(AssertionError("the command ran")), "--json", target)
    assert caught.value.code == 2
    assert f"{target!r} is not the name of a file" in capsys.readouterr().err


def warn(args: argparse.Namespace, output: Output) -> None:
    logging.getLogger("xdn.codegen.cache").warning("kernel %s is not kept", "k")


def test_warnings_are_lines_of_the_log(capsys):
    run(warn)
    assert capsys.readouterr().err == "warning: kernel k is not kept\n"
    run(warn, "--quiet")
    assert capsys.readouterr().err == ""
    assert logging.getLogger("xdn").handlers == []
