"""Assembling beside this process: the same code, however many processes there are, and where they fail."""

import sys

import pytest

from tests.codegen.test_nest import kernel
from xdn.codegen import assembler, workers
from xdn.codegen.compiler import compile_kernel, compile_kernels
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelSource


def sources(count):
    return [kernel(amount, f"add{amount}") for amount in range(count)]


@pytest.fixture
def started(monkeypatch):
    """Let there be three processors, and return the processes that are started."""
    found = []

    def start():
        found.append(start_one())
        return found[-1]

    start_one = workers._started
    monkeypatch.setattr(workers, "available_cpus", lambda: 3)
    monkeypatch.setattr(workers, "_started", start)
    return found


def test_processes_give_the_code_that_this_one_gives(started):
    given = sources(9)
    found = dict(compile_kernels(given))
    assert len(started) == 2
    assert {source: code.code for source, code in found.items()} == {s: compile_kernel(s).code for s in given}
    assert [process.wait(10) is not None for process in started] == [True, True]


def test_few_kernels_start_no_process(started):
    assert len(dict(compile_kernels(sources(3)))) == 3
    assert started == []


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_a_process_fails_to_do_is_done_here(started, monkeypatch):
    monkeypatch.setattr(workers, "_PROGRAM", "import sys; sys.exit(1)")
    assert len(dict(compile_kernels(sources(9)))) == 9
    assert [process.wait(10) for process in started] == [1, 1]


@pytest.mark.parametrize("program", ["", "/usr/bin/uwsgi", "/no/such/python3"])
def test_a_program_that_is_not_python_is_not_run_again(started, monkeypatch, program):
    monkeypatch.setattr(sys, "executable", program)
    assert len(dict(compile_kernels(sources(9)))) == 9
    assert set(started) == {None}


def test_an_error_in_a_body_ends_the_processes(started):
    def broken():
        raise RuntimeError("a body that cannot be made")

    with pytest.raises(RuntimeError, match="cannot be made"):
        list(compile_kernels([*sources(8), KernelSource(KernelName("broken", "portable"), broken)]))
    assert [process.wait(10) is not None for process in started] == [True, True]


def test_messages_are_read_as_they_were_sent(tmp_path):
    path = tmp_path / "messages"
    with path.open("wb") as file:
        assembler.send(file, b"one", b"", b"x" * 70000)
        file.write((100).to_bytes(8, "little") + b"cut off")
    with path.open("rb") as file:
        assert [assembler.receive(file) for _ in range(5)] == [b"one", b"", b"x" * 70000, None, None]
