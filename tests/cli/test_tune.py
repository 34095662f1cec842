"""`xdn-run --tune`, what later runs make of it, and `xdn-tune`."""

import json

import pytest

from tests.evaluate.building import Stripes, brightest_channel, weighed_channels
from xdn import frontend
from xdn.cli.run import main as run
from xdn.cli.tune import main as tune
from xdn.data.packed import pack

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def job(tmp_path):
    """Return the arguments of a run over 300 images."""
    frontend.save(brightest_channel(), tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    pack(Stripes(300), tmp_path / "stripes.packed")
    return [str(tmp_path / "net.prototxt"), "--data", str(tmp_path / "stripes.packed"), "--threads", "2"]


@pytest.fixture
def tuned(job, tmp_path):
    """Return the job and the JSON of its tuning."""
    assert run([*job, "--tune", "--trials", "5", "--quiet", "--json", str(tmp_path / "tuned.json")]) == 0
    return job, json.loads((tmp_path / "tuned.json").read_text())


def test_tuning_shows_space_and_winner(job, capsys):
    assert run([*job, "--tune", "--trials", "4", "--strategy", "genetic"]) == 0
    out = capsys.readouterr().out
    for shown in ("combinations are legal", "4 trials of 4 configurations", "it brings", "100.00 %"):
        assert shown in out, shown


def test_quiet_leaves_the_results_of_tuning_and_running(tuned, capsys):
    capsys.readouterr()
    job, _ = tuned
    assert run([*job, "--tune", "--trials", "1", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert "combinations are legal" not in captured.out
    assert "it brings" in captured.out
    assert "contest time" in captured.out
    assert captured.err == ""


def test_the_json_holds_every_trial(tuned):
    _, document = tuned
    told = document["tuning"]
    assert (told["strategy"], told["objective"], len(told["trials"])) == ("halving", "contest", 5)
    assert told["factor"] == told["paired"]["default"] / told["paired"]["tuned"]
    assert document["contest"]["accuracy"]["correct"] == 300
    # On so few images one thread may win.
    assert document["configuration"]["threads"] in (1, 2)


def test_the_next_run_takes_what_was_found(tuned, capsys):
    job, document = tuned
    assert run([*job, "--json", "-"]) == 0
    out, err = capsys.readouterr()
    assert "configuration: stored" in err
    assert json.loads(out)["configuration"] == document["configuration"]


@pytest.mark.parametrize(
    "options",
    [["--no-stored"], ["--schedule", "batch"], ["--batch", "7"], ["--no-winograd"], ["--fma"], ["--threads", "1"]],
)
def test_who_says_how_to_run_is_not_overruled(tuned, capsys, options):
    assert run([*tuned[0], *options]) == 0
    assert "stored" not in capsys.readouterr().err


def test_a_damaged_store_is_not_a_reason_not_to_run(tuned, tmp_path, capsys):
    (tmp_path / "cache" / "tuning.sqlite").write_bytes(b"garbage" * 100)
    assert run(tuned[0]) == 0
    out, err = capsys.readouterr()
    assert "is not a store of tuning results" in err
    assert "100.00 %" in out


def test_configurations_are_saved_and_given_back(job, tmp_path, capsys):
    path = tmp_path / "configuration.json"
    path.write_text('{"threads": 2, "schedule": "channel", "members": 2, "chunk_blocks": 4}')
    again = tmp_path / "again.json"
    assert run([*job, "--config", str(path), "--save-config", str(again), "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["configuration"] == json.loads(path.read_text()) == json.loads(again.read_text())
    assert document["chunk_images"] == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this is not JSON"),
        ("[" * 100_000, "this is not JSON"),
        ('{"threads": "many"}', "'many' is not a whole number"),
        ('{"choices": {"batch": {"pool": {"algorithm": "winograd4"}}}}', "cannot be computed by 'winograd4'"),
    ],
)
def test_a_wrong_configuration_is_one_message(job, tmp_path, capsys, text, message):
    path = tmp_path / "configuration.json"
    path.write_text(text)
    assert run([*job, "--config", str(path)]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strategy", "luck"], "unknown search strategy 'luck'"),
        (["--objective", "speed"], "unknown objective 'speed'"),
        (["--objective", "throughput"], "a limit belongs to one objective alone"),
        (["--objective", "contest", "--max-latency-ms", "5"], "a limit belongs to one objective alone"),
        (["--min-accuracy", "101"], "the net itself is right for 100.00 %"),
        (["--online"], "packed data is decoded already"),
        (["--tune-plot", "plot.pdf"], "is not a kind of drawing"),
    ],
)
def test_tuning_that_makes_no_sense_is_refused(job, capsys, options, message):
    assert run([*job, "--tune", "--trials", "2", *options]) == 1
    assert message in capsys.readouterr().err


def test_operators_are_tuned_on_top_of_the_run_level(tmp_path, capsys):
    frontend.save(weighed_channels(), tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    pack(Stripes(70), tmp_path / "stripes.packed")
    job = [str(tmp_path / "net.prototxt"), "--data", str(tmp_path / "stripes.packed"), "--threads", "2"]
    options = ["--tune", "--tune-level", "all", "--trials", "2", "--min-accuracy", "99"]
    assert run([*job, *options, "--tune-plot", str(tmp_path / "plot.svg"), "--json", str(tmp_path / "tuned.json")]) == 0
    assert "choices for 1 operators" in capsys.readouterr().out
    document = json.loads((tmp_path / "tuned.json").read_text())
    assert len(document["tuning"]["trials"]) == len(document["operators"]["trials"]) == 2
    assert {trial["values"]["layer"] for trial in document["operators"]["trials"]} == {"first"}
    assert (tmp_path / "plot.svg").exists()
    assert (tmp_path / "plot-operators.svg").exists()
    assert run([*job, "--tune", "--tune-level", "operators", "--trials", "1", "--quiet"]) == 0


@pytest.mark.parametrize("objective", [["--objective", "latency-p99"], ["--max-latency-ms", "1000"]])
def test_other_objectives(job, tmp_path, capsys, objective):
    assert run([*job, "--tune", "--trials", "3", *objective, "--tune-plot", str(tmp_path / "plot.svg")]) == 0
    assert "3 trials" in capsys.readouterr().out
    assert (tmp_path / "plot.svg").stat().st_size > 1000
    # A plain run has another objective.
    assert run(job) == 0
    assert "stored" not in capsys.readouterr().err


def test_list_show_export_clear_import(tuned, tmp_path, capsys):
    assert tune(["--json", str(tmp_path / "list.json"), "list"]) == 0
    (row,) = json.loads((tmp_path / "list.json").read_text())["results"]
    assert row["key"][:12] in capsys.readouterr().out
    assert tune(["show", row["key"][:6]]) == 0
    assert json.loads(capsys.readouterr().out)["facts"]["objective"] == "contest"
    path = tmp_path / "results.json"
    assert tune(["export", str(path)]) == 0
    assert tune(["clear", row["key"][:6]]) == 0
    assert tune(["list"]) == 0
    assert "no results" in capsys.readouterr().out
    assert tune(["import", str(path)]) == 0
    assert run(tuned[0]) == 0
    assert "configuration: stored" in capsys.readouterr().err
    assert tune(["clear"]) == 0
    assert "removed: 1 results" in capsys.readouterr().err


def test_results_of_another_machine_are_marked(tuned, tmp_path, capsys):
    path = tmp_path / "results.json"
    assert tune(["export", str(path)]) == 0
    document = json.loads(path.read_text())
    document["results"][0]["facts"]["cpu"] = "other"
    path.write_text(json.dumps(document))
    assert tune(["clear"]) == 0
    assert tune(["import", str(path)]) == 0
    assert tune(["list"]) == 0
    assert "not used here: other cpu" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"results": 5}', '{"results": [5]}', '{"results": [{"facts": {}, "factor": 1, "cost": "x"}]}']
)
def test_a_file_of_no_results_is_refused(tmp_path, capsys, text):
    path = tmp_path / "results.json"
    path.write_text(text)
    assert tune(["import", str(path)]) == 1
    assert "error" in capsys.readouterr().err


def test_an_unknown_key_is_named(capsys):
    assert tune(["show", "zzz"]) == 1
    assert "0 results have a key that begins with 'zzz'" in capsys.readouterr().err
