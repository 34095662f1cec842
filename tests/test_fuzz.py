"""The fuzzer: its seeds are taken, some hundred inputs of each target find nothing, and what it must notice it does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("resource", reason="the limits are those of POSIX")

from tools.fuzz import onnx_seeds, prototxts, run, worker
from tools.fuzz.mutate import MOST_BYTES, Mutator
from tools.fuzz.targets import TARGETS, Target, remove_folder, work_folder
from tools.fuzz.worker import Failure, Report
from xdn.errors import DataError
from xdn.frontend.onnx.read.base import READERS
from xdn.layers.base import LAYERS

ROOT = Path(__file__).resolve().parent.parent
CAMPAIGN = run.Campaign(seed=7, seconds=10.0, memory_bytes=1 << 30)
#: Inputs of each target, half a second on the average.
INPUTS = 500
pytestmark = pytest.mark.skipif(not worker.STATM.exists(), reason="memory is bounded by means that only Linux has")


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Damaged inputs are told of in the log."""
    caplog.set_level(100, "xdn")


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_taken(name):
    for content in TARGETS[name].seeds():
        TARGETS[name].read(content)


def test_every_layer_type_has_a_seed():
    seen = {LAYERS[layer.type].type for net in prototxts.messages() for layer in net.layer if layer.type in LAYERS}
    assert sorted({made.type for _, made in LAYERS.items()} - seen) == []


def test_every_operator_has_a_seed():
    seen = {node.op_type for model in onnx_seeds.messages() for node in model.graph.node}
    assert sorted(set(READERS) - seen) == []


@pytest.mark.filterwarnings("ignore:invalid (octal )?escape sequence:DeprecationWarning")
@pytest.mark.parametrize("name", TARGETS)
def test_some_hundred_inputs_find_nothing(name, capfd):
    mutator, report = Mutator.of(TARGETS[name]), Report()
    for number in range(INPUTS):
        worker.run_one(mutator, 3, number, 10.0, report)
    assert [f"input {failure.number}: {failure.detail}" for failure in report.failures] == []
    assert report.done == INPUTS
    # It neither refuses everything at the door nor takes everything.
    assert len(mutator.seeds) < report.accepted < INPUTS
    assert report.slowest_s < 5


@pytest.mark.parametrize("name", ["prototxt", "prototxt-fields", "image"])
def test_inputs_depend_on_seed_and_number_alone(name):
    first, second = Mutator.of(TARGETS[name]), Mutator.of(TARGETS[name])
    inputs = [first.input(1, number) for number in range(60)]
    assert inputs == [second.input(1, number) for number in range(60)]
    assert inputs[30:] != [first.input(2, number) for number in range(30, 60)]
    assert len(set(inputs)) > 50
    assert max(map(len, inputs)) <= MOST_BYTES


def _target(read):
    return Mutator(Target("made", read, lambda: (b"a",)), (b"a",), ())


def _refuse(content):
    raise DataError("no")


def test_refusals_are_not_failures():
    report = Report()
    worker.run_one(_target(_refuse), 1, 0, 1.0, report)
    worker.run_one(_target(len), 1, 0, 1.0, report)
    assert (report.done, report.accepted, report.failures) == (2, 1, [])


def _wait(content):
    end = time.perf_counter() + 5
    try:
        while time.perf_counter() < end:
            pass
    except Exception:
        raise DataError("a reader that goes on after anything") from None


@pytest.mark.parametrize(
    ("read", "kind"),
    [(lambda content: {}[content], "KeyError in test_fuzz.py:"), (_wait, "HangError in worker.py:")],
    ids=["exception", "hang"],
)
def test_other_exceptions_and_hangs_are_failures(read, kind):
    report = Report()
    worker.run_one(_target(read), 1, 0, 0.1, report)
    assert report.done == 1
    assert report.failures[0].kind.startswith(kind)
    assert "Traceback" in report.failures[0].detail


def test_too_much_memory_is_a_failure():
    report, most = Report(), worker.peak_bytes() + (64 << 20)
    held = _target(lambda content: np.ones(1 << 30, np.uint8).sum())
    worker.run_one(_target(len), 1, 0, 5.0, report, most)
    assert report.failures == []
    worker.run_one(held, 1, 0, 5.0, report, most)
    assert [failure.kind.split()[0] for failure in report.failures] == ["memory:"]


def _killed(pipe, name, seed, start, stop, seconds, memory_bytes):
    """Stand in for a worker: input 3 ends the process, input 5 makes it deaf."""
    for number in range(start, stop):
        pipe.send(number)
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 5:
            time.sleep(60)
        pipe.send(Report(done=1, accepted=1))


def test_inputs_that_end_the_process_are_failures(monkeypatch):
    monkeypatch.setattr(run, "work", _killed)
    monkeypatch.setattr(run, "_PATIENCE", 3.0)
    report = run.run_target("records", 8, run.Campaign(1, 0.2, 1 << 30))
    assert (report.done, report.accepted) == (8, 6)
    assert [(each.number, each.kind) for each in report.failures] == [
        (3, "ended by SIGKILL"),
        (5, "hung, deaf to signals"),
    ]


def test_memory_is_limited():
    code = "from tools.fuzz.worker import limit_memory\nlimit_memory(64 << 20)\nbytes(32 << 20)\nbytes(128 << 20)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )
    assert found.stderr.strip().endswith("MemoryError")


def test_the_command_prints_a_table(tmp_path, capsys):
    target = tmp_path / "found.json"
    call = ["--target", "records", "--count", "40", "--jobs", "2", "--folder", str(tmp_path), "--json", str(target)]
    assert run.main(call) == 0
    found = json.loads(target.read_text())["targets"]["records"]
    assert found["done"] == 40
    assert 0 < found["accepted"] < 40
    assert "records" in capsys.readouterr().out


def test_the_work_folder_is_removed():
    folder = work_folder()
    TARGETS["configuration"].accepts(b"{}")
    assert list(folder.iterdir())
    remove_folder()
    assert not folder.exists()
    assert work_folder() != folder


def test_the_command_keeps_inputs_that_fail(tmp_path, monkeypatch, capsys):
    failures = [Failure(5, "KeyError in a.py:1", "text"), Failure(9, "KeyError in a.py:1")]
    monkeypatch.setattr(run, "run_target", lambda *_: Report(done=10, failures=failures))
    assert run.main(["--target", "configuration", "--folder", str(tmp_path), "--seed", "4"]) == 3
    assert (tmp_path / "configuration-4-5").read_bytes() == Mutator.of(TARGETS["configuration"]).input(4, 5)
    assert (tmp_path / "configuration-4-5.txt").read_text() == "KeyError in a.py:1\ntext"
    assert "2 times" in capsys.readouterr().err


def test_atheris_is_asked_for_where_it_is_missing(monkeypatch, capsys):
    from tools.fuzz import atheris_main

    monkeypatch.setitem(sys.modules, "atheris", None)
    assert atheris_main.main(["atheris_main", "prototxt"]) == 1
    assert "pip install atheris" in capsys.readouterr().err


def test_atheris_gets_the_target_and_its_seeds(monkeypatch, tmp_path, capsys):
    from contextlib import nullcontext
    from types import SimpleNamespace

    from tools.fuzz import atheris_main

    told = []
    stand_in = SimpleNamespace(
        instrument_imports=lambda include: nullcontext(),
        Setup=lambda argv, one: told.append((argv, one(b"no batch"))),
        Fuzz=lambda: told.append("run"),
    )
    monkeypatch.setitem(sys.modules, "atheris", stand_in)
    monkeypatch.setattr("logging.disable", lambda level: None)
    corpus = tmp_path / "corpus"
    assert atheris_main.main(["atheris_main", "records", str(corpus), "-runs=3"]) == 0
    assert told == [(["atheris_main", str(corpus), "-runs=3"], None), "run"]
    assert {path.read_bytes() for path in corpus.iterdir()} == set(TARGETS["records"].seeds())
    assert atheris_main.main(["atheris_main", "nothing"]) == 1
    assert "Known: prototxt" in capsys.readouterr().err
