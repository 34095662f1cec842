"""xdn-train: from a solver to a net that xdn-run takes; flags above the file; drawing; errors as one message."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.cli.caffe_files import PROTOTXT, write_small
from tests.pytorch import torch
from tests.train.tiny import write_training
from xdn.cli import run
from xdn.cli.train import main
from xdn.frontend import load
from xdn.logs import read_log


@pytest.fixture(autouse=True)
def _same_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def solver(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return str(write_training(tmp_path))


def train(*args):
    return main([*map(str, args), "--threads", "1"])


def test_a_solver_becomes_a_net_that_runs(solver, tmp_path, capsys):
    assert train(solver, "--json", "result.json") == 0
    said = capsys.readouterr()
    assert "accuracy: " in said.out
    assert "written: small.trained/small.caffemodel" in said.out
    assert "first weights: fresh, seed 3" in said.err
    assert "iteration 10/20 (epoch 2.0): accuracy" in said.err
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["iterations"] == 20
    assert sorted(path.name for path in (tmp_path / "small.trained").iterdir()) == [
        "small.caffemodel",
        "small.log.jsonl",
        "small.prototxt",
        "small.snapshot.pt",
    ]
    # The numbers of another implementation, on the files as they were written.
    command = ["small.trained/small.prototxt", "--data", "images", "--threads", "1", "--json", "run.json", "--quiet"]
    assert run.main(command) == 0
    assert json.loads((tmp_path / "run.json").read_text())["accuracy_percent"] == result["test_accuracy"]


def test_the_same_command_goes_on_and_restart_does_not(solver, capsys):
    assert train(solver) == 0
    capsys.readouterr()
    assert train(solver) == 0
    assert "goes on from iteration 20" in capsys.readouterr().err
    assert train(solver, "--restart") == 0
    assert "goes on" not in capsys.readouterr().err


def test_flags_stand_above_the_solver(solver, tmp_path, capsys):
    write_small(tmp_path / "other", PROTOTXT.replace("num_output: 8", "num_output: 4"))
    other = tmp_path / "other" / "small"
    flags = ["--net", f"{other}.prototxt", "--weights", f"{other}.caffemodel", "--epochs", 1, "--batch", 4]
    flags += ["--base-lr", 0, "--holdout", 8, "--out", "here", "--scale", 0.01, "--mean-value", 100, "--seed", 9]
    assert train(solver, *flags) == 0
    assert "32 images, tested on the 8 held out" in capsys.readouterr().err
    rows = read_log(tmp_path / "here" / "small.log.jsonl")
    assert rows[-1]["iteration"] == 8
    assert {row["lr"] for row in rows if "lr" in row} == {0.0}
    made = load(tmp_path / "here" / "small.prototxt", tmp_path / "here" / "small.caffemodel")
    transform = made.input_layers[0].params.transform
    assert (transform.scale, transform.mean_value) == (0.01, (100.0,))
    begun = load(f"{other}.prototxt", f"{other}.caffemodel")
    np.testing.assert_array_equal(made.layer("fc").weights["weight"], begun.layer("fc").weights["weight"])


def test_quiet_is_silent(solver, capsys):
    assert train(solver, "--epochs", 1, "--quiet") == 0
    assert main(["--plot", "small.trained/small.log.jsonl", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_teachers_change_the_loss(solver, tmp_path):
    _, net = write_small(tmp_path / "teacher")
    teacher = f"{net}:{net.with_suffix('.caffemodel')}"
    assert train(solver, "--epochs", 1, "--out", "alone", "--quiet") == 0
    assert train(solver, "--epochs", 1, "--out", "taught", "--quiet", "--teacher", teacher, "--teacher", net) == 0
    alone, taught = (read_log(tmp_path / name / "small.log.jsonl")[0]["loss"] for name in ("alone", "taught"))
    assert alone != taught


def test_from_scratch_takes_no_weights(solver, tmp_path, capsys):
    write_small(tmp_path)
    path = Path(solver)
    path.write_text(path.read_text() + 'weights: "small.caffemodel"')
    assert train(solver, "--epochs", 1, "--out", "a") == 0
    assert "first weights: small.caffemodel" in capsys.readouterr().err
    assert train(solver, "--epochs", 1, "--out", "b", "--from-scratch") == 0
    assert "first weights: fresh" in capsys.readouterr().err


def test_a_new_last_layer_is_said_to_be_filled(solver, tmp_path, capsys):
    write_small(tmp_path / "old")
    net = Path("small.prototxt")
    net.write_text(net.read_text().replace('name: "fc" type', 'name: "fc_new" type'))
    flags = ["--weights", "old/small.caffemodel", "--epochs", 1, "--json", "result.json"]
    assert train(solver, *flags) == 0
    assert "small.caffemodel; filled: fc_new" in capsys.readouterr().err
    assert json.loads(Path("result.json").read_text())["filled"] == ["fc_new"]


def test_a_log_is_drawn(solver, tmp_path, capsys):
    assert train(solver, "--epochs", 1, "--quiet") == 0
    log = "small.trained/small.log.jsonl"
    capsys.readouterr()
    assert main(["--plot", log, "-o", "curves.svg"]) == 0
    assert capsys.readouterr().out == "written: curves.svg\n"
    assert main(["--plot", log]) == 0
    assert (tmp_path / "small.trained" / "small.log.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--net", "none.prototxt"], r"there is no file .*none.prototxt"),
        (["--out", "."], "would overwrite .*small.prototxt"),
        (["--base-lr", "-1"], "base_lr is -1.0; it must be a number at least 0"),
        (["--data", "nowhere"], "'nowhere' is neither a data set nor a folder"),
        (["--teacher", "small.prototxt"], "no caffemodel lies here"),
        (["--holdout", "-3"], "holdout is -3"),
        (["--set", "momentum=2"], "momentum is 2.0; it must be a number from 0 to 1"),
        (["--set", "type=Adamant"], "Adam"),
    ],
)
def test_errors_are_one_message(solver, capsys, flags, message):
    assert train(solver, *flags) == 1
    said = capsys.readouterr().err
    assert said.count("xdn-train: error: ") == 1
    assert "Traceback" not in said
    assert re.search(message, said)


def test_policies_and_types_are_listed(capsys):
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert "base_lr * gamma ^ floor(iteration / stepsize)" in listed
    assert "V = momentum * V + lr * g; W -= V" in listed


def test_it_asks_for_a_solver(capsys):
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2
    assert "name a SOLVER" in capsys.readouterr().err


def test_an_interrupted_process_leaves_a_snapshot_to_go_on_from(solver, tmp_path):
    # A shell that starts pytest in the background makes it ignore SIGINT, and children inherit that.
    code = """if 1:
        import signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from xdn.cli import entry
        sys.exit(entry.train())
    """
    command = [sys.executable, "-c", code, solver, "--epochs", "100000", "--threads", "1"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    log = tmp_path / "small.trained" / "small.log.jsonl"
    deadline = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert [line for line in err.splitlines() if "interrupted" in line] == ["xdn-train: interrupted"]
    assert [path.name for path in log.parent.iterdir() if path.name.endswith(".part")] == []
    state = torch.load(tmp_path / "small.trained" / "small.snapshot.pt", weights_only=True)
    assert state["progress"]["iteration"] >= read_log(log)[-1]["iteration"] > 0
