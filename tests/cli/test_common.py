"""Output, errors and exit codes of every command."""

import argparse
import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table

from xdn.cli.common import Output, new_parser, preparing_shown, run_command, shown
from xdn.codegen.listening import tell
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


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_some_errors_are_left_to_the_entry(error):
    with pytest.raises(error):
        run(raising(error()))


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
    output.report("report [bold]")
    output.write_json({"answer": 42}, "bench")


def test_result_on_stdout_log_on_stderr(capsys):
    assert run(speak) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("result [bold]\n")
    assert captured.err == "log [bold]\n"


def test_names_in_tables_are_neither_broken_nor_taken_for_markup(capsys):
    run(speak)
    assert "[red]n[/red]" + "a" * 100 in capsys.readouterr().out


def test_quiet_drops_reports_and_the_log(capsys):
    run(speak)
    assert "report [bold]" in capsys.readouterr().out
    run(speak, "--quiet")
    captured = capsys.readouterr()
    assert captured.out.startswith("result [bold]\n")
    assert "report" not in captured.out
    assert captured.err == ""


def test_json_on_stdout_replaces_the_text(capsys):
    run(speak, "--json", "-")
    assert json.loads(capsys.readouterr().out)["answer"] == 42


def test_json_in_a_file_leaves_the_text(tmp_path, capsys):
    run(speak, "--json", str(tmp_path / "out.json"))
    assert json.loads((tmp_path / "out.json").read_text())["answer"] == 42
    assert "result" in capsys.readouterr().out


@pytest.mark.parametrize("target", ["none/out.json", "file/out.json", "a/b/c.json", "n" * 300 + "/out.json"])
def test_json_in_no_folder_is_refused_before_the_work(tmp_path, monkeypatch, capsys, target):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as caught:
        run(raising(AssertionError("the command ran")), "--json", target)
    assert caught.value.code == 2
    assert f"there is no folder {target.rpartition('/')[0]!r}" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_json_in_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path, capsys):
    tmp_path.chmod(0o500)
    with pytest.raises(SystemExit):
        run(raising(AssertionError("the command ran")), "--json", str(tmp_path / "out.json"))
    assert f"the folder {str(tmp_path)!r} cannot be written" in capsys.readouterr().err


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


#: What a terminal would obey, or not show: a colour, a bell, line ends of several kinds, a turned direction of writing.
HOSTILE = "a\x1b[31mb\x07\r\n\x85\u2028\u202ec\x9b2J\udc80"
SHOWN = r"a\x1b[31mb\x07\r\n\x85\u2028\u202ec\x9b2J\udc80"


def hostile(args: argparse.Namespace, output: Output) -> None:
    output.log(HOSTILE)
    logging.getLogger("xdn.graph").warning("layer %s", HOSTILE)
    table = Table(HOSTILE, title=f"[red]{HOSTILE}")
    table.add_column("sum", HOSTILE)
    table.add_row(HOSTILE, ":smile:")
    output.result(HOSTILE, table)
    output.write_json({HOSTILE: 1}, "bench")
    raise NetError(HOSTILE, where=HOSTILE)


def test_what_a_terminal_would_obey_is_printed_as_an_escape(capsys):
    assert run(hostile) == 1
    out, err = capsys.readouterr()
    assert all(each.isprintable() for each in (out + err).replace("\n", ""))
    assert err.splitlines() == [SHOWN, f"warning: layer {SHOWN}", f"xdn-test: error: {SHOWN}: {SHOWN}"]
    assert out.count(SHOWN) == 4
    assert f"[red]{SHOWN}" in out
    assert ":smile:" in out


def test_files_keep_exact_names(tmp_path, capsys):
    assert run(hostile, "--json", str(tmp_path / "out.json")) == 1
    assert json.loads((tmp_path / "out.json").read_text())[HOSTILE] == 1


def test_usage_errors_are_printable(capsys):
    with pytest.raises(SystemExit):
        run(speak, "--" + HOSTILE)
    err = capsys.readouterr().err
    assert SHOWN in err
    assert "\x1b" not in err


def test_a_bar_shows_no_escapes(capsys):
    output = Output()
    with output.progress() as bar:
        shown(bar, HOSTILE)
        assert bar.tasks[0].description == SHOWN


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
@pytest.mark.parametrize("options", [[], ["--json", "-"]])
def test_a_full_disk_under_stdout_is_one_message(options):
    command = [sys.executable, "-m", "xdn", "inspect", "--list", *options]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "xdn-inspect: error: standard output: No space left on device\n"


@pytest.mark.parametrize("quiet", [False, True])
def test_compiling_shows_a_bar_of_its_own_or_beside_another(quiet, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as if stderr were a terminal
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    text = io.StringIO()
    monkeypatch.setattr(sys, "stderr", text)
    output = Output(quiet=quiet)
    with preparing_shown(output):
        tell("compile relu_f32__avx2", 0, 2)
        tell("measure memory", 1, 2)
        tell("", 2, 2)
        with output.progress() as bar:
            told = shown(bar, "chunks of images")
            told(1, 3)
            tell("compile lrn_f32__avx2", 0, 1)
            tell("", 1, 1)
            told(3, 3)
    found = [name for name in ("compile relu", "measure memory", "compile lrn", "chunks of") if name in text.getvalue()]
    assert found == ([] if quiet else ["compile relu", "measure memory", "compile lrn", "chunks of"])


def test_an_interrupt_while_kernels_compile_ends_the_bar(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    output = Output()

    def interrupted():
        with preparing_shown(output):
            tell("compile relu_f32__avx2", 0, 2)
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    tell("compile relu_f32__avx2", 0, 2)  # nobody listens any more


def test_wide_tables_do_not_heed_the_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    table = Table("name")
    table.add_row("a" * 100)
    output = Output()
    output.result(table)
    assert "a" * 41 not in capsys.readouterr().out
    output.result(table, wide=True)
    assert "a" * 100 in capsys.readouterr().out
