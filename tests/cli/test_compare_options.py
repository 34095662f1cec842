"""`xdn-run --compare`."""

import argparse
import json

import pytest

from tests.cli.test_run_data import saved, two_inputs
from tests.evaluate.building import brightest_channel
from xdn import settings
from xdn.cli.compare_options import add_compare_options
from xdn.cli.run import main


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Make trials short."""
    monkeypatch.setattr(settings, "COMPARED_TRIAL_S", 0.0)
    monkeypatch.setattr(settings, "COMPARED_WARM_S", 0.0)


@pytest.mark.parametrize("net", [brightest_channel, two_inputs])
def test_another_engine_stands_in_the_table_and_in_the_json(tmp_path, capsys, net):
    call = [*saved(tmp_path, net()), "--data", "random", "--images", "6", "--repeat", "2", "--threads", "1"]
    assert main([*call, "--compare", "onnxruntime", "--json", str(tmp_path / "run.json")]) == 0
    out, err = capsys.readouterr()
    assert "1 thread each, in turn" in out
    assert "onnxruntime" in out
    assert "onnxruntime" in err
    (row,) = json.loads((tmp_path / "run.json").read_text())["compared"]
    assert len(row["contest"]["runs_s"]) == 2
    assert row["difference"] < 1e-5
    assert row["ratio"] > 0


def test_a_batch_is_that_of_all(tmp_path, capsys):
    call = [*saved(tmp_path, brightest_channel()), "--data", "random", "--images", "6", "--repeat", "1"]
    assert main([*call, "--compare", "onnxruntime", "--batch", "2", "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["batch"] == document["compared"][0]["batch"] == 2


def test_an_unknown_engine_is_said_before_anything_runs(tmp_path, capsys):
    assert main([*saved(tmp_path, brightest_channel()), "--data", "random", "--compare", "onnxruntim"]) == 1
    assert "unknown engine 'onnxruntim'. The nearest known: onnxruntime" in capsys.readouterr().err


def test_an_engine_is_named_once():
    parser = argparse.ArgumentParser()
    add_compare_options(parser)
    assert parser.parse_args(["--compare", "a, b,a"]).compare == ("a", "b")
    assert parser.parse_args([]).compare == ()
