"""What `xdn-run` runs a net on, and what it says of nets that are not classifiers."""

import json
import tempfile

import numpy as np
import pytest

from tests.cli.test_run import images_folder, job, own_folders
from tests.evaluate.building import Stripes, brightest_channel
from tests.kernels.checks import random_weights
from xdn import frontend
from xdn.cli import run_data
from xdn.cli.run import main
from xdn.evaluate.contest import Rounds
from xdn.graph import Layer, Net
from xdn.layers import LAYERS

__all__ = ["job", "own_folders"]


def saved(folder, net, name="other"):
    """Write a net with random weights; return the options that name its files."""
    net = random_weights(net, np.random.default_rng(0))
    frontend.save(net, folder / f"{name}.prototxt", folder / f"{name}.caffemodel")
    return [str(folder / f"{name}.prototxt"), "--weights", str(folder / f"{name}.caffemodel")]


def data_layer(*shape, name="data"):
    return Layer(name, LAYERS["Input"](shape=(shape,)), (), (name,))


def layer(kind, name, bottoms, **params):
    return Layer(name, LAYERS[kind](**params), tuple(bottoms.split()), (name,))


def detector():
    """Return an SSD of one map: boxes, their classes, and what DetectionOutput makes of them."""
    conv = {"kernel_size": (1,)}
    prior = {"min_size": (2.0,), "variance": (0.1, 0.1, 0.2, 0.2)}
    output = {"num_classes": 3, "keep_top_k": 5, "nms_param": (("nms_threshold", 0.5), ("top_k", 10))}
    return Net(
        "detector",
        (
            data_layer(1, 3, 4, 5),
            layer("Convolution", "loc", "data", num_output=4, **conv),
            layer("Permute", "loc_perm", "loc", order=(0, 2, 3, 1)),
            layer("Flatten", "loc_flat", "loc_perm"),
            layer("Convolution", "conf", "data", num_output=3, **conv),
            layer("Permute", "conf_perm", "conf", order=(0, 2, 3, 1)),
            layer("Reshape", "conf_rows", "conf_perm", shape=(0, -1, 3)),
            layer("Softmax", "conf_prob", "conf_rows", axis=2),
            layer("Flatten", "conf_flat", "conf_prob"),
            layer("PriorBox", "prior", "loc data", **prior),
            layer("DetectionOutput", "found", "loc_flat conf_flat prior", **output),
        ),
    )


def two_inputs():
    """Return a net of two inputs, neither of which is an image alone."""
    return Net(
        "two inputs",
        (
            data_layer(1, 3, 4, 5),
            data_layer(1, 6, name="more"),
            layer("InnerProduct", "fc", "data", num_output=6),
            layer("Eltwise", "sum", "fc more"),
            layer("Softmax", "prob", "sum"),
        ),
    )


@pytest.mark.parametrize("online", [False, True])
def test_of_a_detector_the_outputs_are_printed(job, tmp_path, capsys, online):
    source = images_folder(tmp_path / "photos") if online else job[1]
    call = [*saved(tmp_path, detector()), "--data", source, "--json", str(tmp_path / "run.json")]
    assert main([*call, "--online"] if online else call) == 0
    out = capsys.readouterr().out
    assert "none: no output has a score for each image and each of 3 classes" in out
    assert "output found" in out
    assert "images/s" in out
    assert "top-1" not in out
    document = json.loads((tmp_path / "run.json").read_text())
    assert document["contest"]["accuracy"] is document["accuracy_percent"] is document["top5_percent"] is None
    assert document["contest"]["images"] == (12 if online else 70)
    (output,) = document["outputs"]
    assert (output["name"], output["shape"][3]) == ("found", 7)


def test_a_net_with_as_many_numbers_as_none_of_the_classes_is_not_a_classifier(job, tmp_path, capsys):
    net = Net("boxes", (data_layer(1, 3, 4, 5), layer("InnerProduct", "boxes", "data", num_output=12)))
    assert main([*saved(tmp_path, net), "--data", job[1], "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "none: no output" in out
    assert "1x12" in out


def test_the_blob_of_the_scores_may_be_named(job, tmp_path, capsys):
    net = brightest_channel()
    net = net.replace(layers=(*net.layers, layer("Power", "shifted", "pool", scale=-1.0)))
    net = Net("shifted", net.layers)
    call = [*saved(tmp_path, net), "--data", job[1], "--json", "-", "--quiet"]
    right = {}
    for options in ((), ("--score", "pool")):
        assert main([*call, *options]) == 0
        right[options] = json.loads(capsys.readouterr().out)["contest"]["accuracy"]["correct"]
    # The brightest channel is the darkest of the negative.
    assert right[()] < 70
    assert right[("--score", "pool")] == 70
    assert main([*call, "--score", "nowhere"]) == 1
    assert "--score: the net has no blob 'nowhere'. The net's outputs: shifted" in capsys.readouterr().err


def test_what_the_file_compares_with_labels_counts(job, tmp_path, capsys):
    """A softmax of three classes that the net has beside it is another thing."""
    text = """
    layer { name: "data" type: "Data" top: "data" top: "label" data_param { source: "lmdb" batch_size: 4 } }
    layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param { pool: AVE global_pooling: true } }
    layer { name: "neg" type: "Power" bottom: "pool" top: "neg" power_param { scale: -1 } }
    layer { name: "other" type: "Softmax" bottom: "neg" top: "other" }
    layer { name: "accuracy" type: "Accuracy" bottom: "scores" bottom: "label" top: "a" include { phase: TEST } }
    """
    scores = 'layer { name: "scores" type: "Power" bottom: "pool" top: "scores" }\n'
    (tmp_path / "t.prototxt").write_text(text.replace('layer { name: "accuracy"', scores + 'layer { name: "accuracy"'))
    call = [str(tmp_path / "t.prototxt"), "--random-weights", "--input-shape", "3,4,5", "--data", job[1]]
    assert main([*call, "--quiet", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["contest"]["accuracy"]["correct"] == 70


def test_without_accuracy_there_are_no_classes_to_list(job, tmp_path, capsys):
    assert main([*saved(tmp_path, detector()), "--data", job[1], "--per-class"]) == 1
    assert "--per-class: there are no classes to list: no output has a score" in capsys.readouterr().err


def test_random_images_need_no_data_and_have_no_accuracy(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    target = tmp_path / "run.json"
    call = [*saved(tmp_path, brightest_channel()), "--data", "random", "--images", "20", "--seconds", "0.05"]
    assert main([*call, "--profile", "--json", str(target)]) == 0
    out = capsys.readouterr().out
    assert "random images" in out
    assert "none: random data has no labels" in out
    assert "images/s" in out
    assert "p50" in out
    assert "average_pool_f32" in out
    document = json.loads(target.read_text())
    assert document["contest"]["images"] == document["profile"]["images"] == 20
    assert sum(document["contest"]["runs_s"]) > 0.02
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("options", [(), ("--batch", "4"), ("--online",), ("--schedule", "channel")])
def test_random_images_are_run_in_every_way(tmp_path, capsys, options):
    call = [*saved(tmp_path, brightest_channel()), "--data", "random", "--images", "9", "--repeat", "3", "--json", "-"]
    assert main([*call, *options, "--quiet"]) == 0
    contest = json.loads(capsys.readouterr().out)["contest"]
    assert (contest["images"], len(contest["runs_s"])) == (9, 3)


def test_several_inputs_are_filled(tmp_path, capsys):
    call = [*saved(tmp_path, two_inputs()), "--data", "random", "--images", "6", "--batch", "2", "--repeat", "2"]
    assert main([*call, "--warmup", "1", "--profile", "--json", str(tmp_path / "run.json")]) == 0
    out = capsys.readouterr().out
    assert "random values" in out
    assert "output prob" in out
    document = json.loads((tmp_path / "run.json").read_text())
    assert (document["contest"]["images"], document["batch"], document["profile"]["images"]) == (6, 2, 2)
    assert main([*saved(tmp_path, two_inputs()), "--data", images_folder(tmp_path / "photos")]) == 1
    assert "xdn-run --data random fills any inputs" in capsys.readouterr().err


def test_a_detector_is_timed_on_random_images(tmp_path, capsys):
    call = [*saved(tmp_path, detector()), "--data", "random", "--images", "3", "--repeat", "1", "--quiet"]
    assert main([*call, "--profile"]) == 0
    out = capsys.readouterr().out
    assert "output found" in out
    assert "peak of the arithmetic" in out
    assert "DetectionOutput" in out


@pytest.mark.parametrize(("images", "in_all"), [(7, 9), (3, 3)])
def test_a_net_that_states_its_batch_gets_whole_batches_of_random_images(tmp_path, capsys, images, in_all):
    net = Net("fixed", (data_layer(3, 3, 4, 5), layer("Reshape", "rows", "data", shape=(3, 60))))
    call = [*saved(tmp_path, net), "--data", "random", "--images", str(images), "--repeat", "1", "--json", "-"]
    assert main([*call, "--quiet"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["contest"]["images"], document["batch"]) == (in_all, 3)
    assert document["contest"]["latency"] is None
    assert document["outputs"][0]["shape"] == [3, 60]


def test_random_images_are_tuned_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDN_CACHE", str(tmp_path / "cache"))
    call = [*saved(tmp_path, brightest_channel()), "--data", "random", "--images", "40", "--repeat", "1"]
    assert main([*call, "--tune", "--trials", "2", "--threads", "1"]) == 0
    assert "combinations are legal" in capsys.readouterr().out
    assert main([*call, "--tune", "--min-accuracy", "50"]) == 1
    assert "--min-accuracy: random data has no labels" in capsys.readouterr().err
    assert main([*saved(tmp_path, two_inputs()), "--data", "random", "--tune"]) == 1
    assert "only packed images are tuned on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--score", "pool"], "--score: random data has no labels"),
        (["--size", "8x8"], "--size: random data has no labels"),
        (["--per-class"], "--per-class: there are no classes to list: random data has no labels"),
    ],
)
def test_what_random_data_has_no_use_for_is_refused(tmp_path, capsys, options, message):
    assert main([*saved(tmp_path, brightest_channel()), "--data", "random", *options]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--precision", "int8"]])
def test_usual_data_that_does_not_fit_is_told_from_data_that_was_named(tmp_path, capsys, options):
    call = [*saved(tmp_path, brightest_channel()), *options]
    said = "images of 32x32 pixels do not fit the net's input of 4x5. Resize image files with --size 4x5"
    how = "No images are named, so these are of Glyphs-10 (synthetic): name those of the net with --data, or"
    assert main(call) == 1
    assert f"{said}. {how} let --data random make some" in capsys.readouterr().err
    assert main([*call, "--data", "glyphs10"]) == 1
    assert capsys.readouterr().err.endswith(f"{said}\n")


def test_random_data_needs_a_net(capsys):
    assert main(["--data", "random"]) == 1
    assert "none is named. Name a PROTOTXT" in capsys.readouterr().err


@pytest.mark.parametrize("online", [False, True])
def test_the_first_images_alone(job, tmp_path, capsys, online):
    source = images_folder(tmp_path / "photos") if online else job[1]
    call = [job[0], "--data", source, "--images", "7", "--quiet", "--json", "-"]
    assert main([*call, "--online"] if online else call) == 0
    accuracy = json.loads(capsys.readouterr().out)["contest"]["accuracy"]
    assert accuracy["images"] == 7
    assert sum(row["images"] for row in accuracy["classes"]) == 7
    assert len(accuracy["classes"]) == len(Stripes.classes)


@pytest.mark.parametrize("option", ["--images", "--warmup", "--seconds"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "x"])
def test_numbers_that_are_none_are_usage_errors(option, value):
    with pytest.raises(SystemExit) as stopped:
        main([option, value])
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("rounds", "seconds", "told"),
    [(Rounds(3), 0, [(0, 6), (1, 6), (2, 6)]), (Rounds(1, 100.0), 60, [(0, 2), (1, 2), (60, 100)])],
)
def test_timed_runs_are_shown_by_their_number_or_by_their_time(monkeypatch, rounds, seconds, told):
    seen, clock = [], iter([0, 0, seconds, seconds])
    monkeypatch.setattr(run_data.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(run_data, "shown", lambda bar, text: lambda *done: seen.append(done))
    begun = run_data.rounds_shown(None, rounds, 2)
    for run in ((0, 0), (0, 1), (1, 0)):
        begun(*run)
    assert seen == told
