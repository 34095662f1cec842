"""`xdn-run` as users call it."""

import csv
import json

import cv2
import numpy as np
import pytest

from tests.evaluate.building import Stripes, brightest_channel
from tests.kernels.checks import random_weights
from xdn import frontend, settings
from xdn.cli.run import main
from xdn.codegen.target import host_target
from xdn.data.packed import pack
from xdn.graph import Layer, Net
from xdn.layers import LAYERS


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Give the test its own data folder and packed data; compiled kernels stay shared."""
    monkeypatch.setenv("XDN_DATA", str(tmp_path / "data"))


@pytest.fixture
def job(tmp_path):
    """Return (prototxt, packed data) of a net that is always right."""
    net = brightest_channel()
    frontend.save(net, tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    pack(Stripes(), tmp_path / "stripes.packed")
    return str(tmp_path / "net.prototxt"), str(tmp_path / "stripes.packed")


def test_the_result_is_a_table_on_stdout_and_the_log_on_stderr(job, capsys):
    net, data = job
    assert main([net, "--data", data, "--threads", "2"]) == 0
    out, err = capsys.readouterr()
    assert "100.00 % (70 of 70 images)" in out
    assert "Stripes, test" in out
    assert "images/s" in out
    assert "p50" in out
    assert "data: " in err


def test_batch_statistics_are_told_of_once(job, tmp_path, capsys):
    stats = Layer("bn", LAYERS["BatchNorm"](use_global_stats=False), ("data",), ("bn",))
    net = brightest_channel()
    first, rest = net.layers[0], [layer.replace(bottoms=("bn",)) for layer in net.layers[1:]]
    joined = random_weights(Net("joined", (first, stats.replace(bottoms=first.tops), *rest)), np.random.default_rng(0))
    frontend.save(joined, tmp_path / "joined.prototxt", tmp_path / "joined.caffemodel")
    call = [str(tmp_path / "joined.prototxt"), "--weights", str(tmp_path / "joined.caffemodel"), "--data", job[1]]
    assert main(call) == 0
    err = capsys.readouterr().err
    assert err.count("warning:") == 1
    assert "warning: the layer 'bn' looks at all images of a batch together" in err


def test_json_goes_to_stdout_alone(job, capsys):
    net, data = job
    assert main([net, "--data", data, "--json", "-", "--quiet", "--repeat", "2"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    accuracy = document["contest"]["accuracy"]
    assert (accuracy["correct"], accuracy["images"], accuracy["invalid"]) == (70, 70, 0)
    assert [row["name"] for row in accuracy["classes"]] == list(Stripes.classes)
    assert len(document["contest"]["runs_s"]) == 2
    assert document["data"] == "Stripes, test"
    assert err == ""


def images_folder(folder):
    """Write four random images of 4x5 for each of three classes; return the folder's path."""
    rng = np.random.default_rng(0)
    for name in ("blue", "green", "red"):
        (folder / name).mkdir(parents=True)
        for i in range(4):
            cv2.imwrite(str(folder / name / f"{i}.png"), rng.integers(0, 256, (4, 5, 3), np.uint8))
    return str(folder)


@pytest.mark.parametrize("online", [False, True])
def test_a_profile_is_a_table_and_part_of_the_json(job, tmp_path, capsys, online):
    net, data = job
    target = tmp_path / "run.json"
    source = images_folder(tmp_path / "photos") if online else data
    call = [net, "--data", source, "--threads", "1", "--profile", "--force", "--json", str(target)]
    assert main([*call, "--online", "--batch", "7"] if online else call) == 0
    out = capsys.readouterr().out
    assert "peak of the arithmetic" in out
    assert all(name in out for name in ("(input)", "pool", "(output)", "average_pool_f32"))
    profile = json.loads(target.read_text())["profile"]
    assert [row["name"] for row in profile["layers"]] == ["(input)", "pool", "(output)"]
    assert profile["images"] == (7 if online else 70)
    assert profile["total"]["ms"] == pytest.approx(sum(row["ms"] for row in profile["layers"]))
    assert profile["peak_gflops"] > 0


def test_a_profile_is_written_as_csv(job, tmp_path, capsys):
    net, data = job
    target = tmp_path / "profile.csv"
    assert main([net, "--data", data, "--threads", "1", "--profile-csv", str(target), "--wide", "--quiet"]) == 0
    assert "peak of the arithmetic" in capsys.readouterr().out
    rows = list(csv.DictReader(target.read_text().splitlines()))
    assert [row["layer"] for row in rows] == ["(input)", "pool", "(output)", "(total)"]
    assert sum(float(row["ms"]) for row in rows[:-1]) == pytest.approx(float(rows[-1]["ms"]))
    with pytest.raises(SystemExit):
        main([net, "--data", data, "--profile-csv", str(tmp_path / "nowhere" / "profile.csv")])
    assert "there is no folder" in capsys.readouterr().err


def test_when_each_thread_did_what_is_written(job, tmp_path, monkeypatch, capsys):
    net, data = job
    target = tmp_path / "trace.json"
    monkeypatch.setattr(settings, "SLICES_KEPT", 4)
    assert main([net, "--data", data, "--threads", "1", "--trace", str(target)]) == 0
    slices = [event for event in json.loads(target.read_text())["traceEvents"] if event["ph"] == "X"]
    assert [each["name"] for each in slices][:3] == ["(input)", "pool", "(output)"]
    assert len(slices) == 4
    assert "later calls of kernels" in capsys.readouterr().err


def test_classes_are_printed_where_they_are_asked_for(job, capsys):
    net, data = job
    assert main([net, "--data", data, "--per-class", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "precision" in out
    assert "rows: labels; columns: predictions" in out
    assert all(name in out for name in Stripes.classes)
    assert main([net, "--data", data, "--quiet"]) == 0
    assert "precision" not in capsys.readouterr().out


@pytest.mark.parametrize("online", [False, True])
def test_images_are_run_in_batches(job, tmp_path, capsys, online):
    net, data = job
    source = images_folder(tmp_path / "photos") if online else data
    target = tmp_path / "run.json"
    call = [net, "--data", source, "--batch", "5", "--force", "--json", str(target), *["--online"][: int(online)]]
    assert main(call) == 0
    document = json.loads(target.read_text())
    assert document["batch"] == 5
    assert "batch 5" in document["preprocessing"]
    assert document["contest"]["accuracy"]["images"] == (12 if online else 70)


def test_images_of_files_are_handed_over_in_the_order_that_is_asked_for(job, tmp_path, capsys):
    net, data = job
    for number, name in enumerate(("red", "green", "blue")):
        image = np.zeros((4, 5, 3), np.uint8)
        image[..., 2 - number] = 200
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
    listed = "".join(f"{name}.png {number}\n" for number, name in enumerate(("red", "green", "blue")))
    (tmp_path / "list.txt").write_text(listed)
    for order, correct in (((), 1), (("--data-order", "rgb"), 3)):
        call = [net, "--data", str(tmp_path / "list.txt"), "--force", "--quiet", "--json", "-", *order]
        for mode in ((), ("--online",)):
            assert main([*call, *mode]) == 0
            assert json.loads(capsys.readouterr().out)["contest"]["accuracy"]["correct"] == correct
    assert main([net, "--data", data, "--data-order", "bgr"]) == 1
    assert "Pack the data with xdn-pack --data-order bgr" in capsys.readouterr().err


def test_without_fusion_every_layer_of_the_file_runs_by_itself(job, tmp_path, capsys):
    _, data = job
    conv = {"num_output": 16, "kernel_size": (3,), "pad": (1,)}
    layers = (
        Layer("data", LAYERS["Input"](shape=((1, 3, 4, 5),)), (), ("data",)),
        Layer("conv", LAYERS["Convolution"](**conv), ("data",), ("conv",)),
        Layer("bn", LAYERS["BatchNorm"](), ("conv",), ("bn",)),
        Layer("relu", LAYERS["ReLU"](), ("bn",), ("relu",)),
        Layer("pool", LAYERS["Pooling"](pool="AVE", global_pooling=True), ("relu",), ("pool",)),
    )
    net = random_weights(Net("fusible", layers), np.random.default_rng(0))
    frontend.save(net, tmp_path / "f.prototxt", tmp_path / "f.caffemodel")
    call = [str(tmp_path / "f.prototxt"), "--weights", str(tmp_path / "f.caffemodel"), "--data", data, "--json", "-"]
    counts = {}
    for flag in ("--no-fusion", "--optimize"):
        assert main([*call, flag, "--quiet"]) == 0
        document = json.loads(capsys.readouterr().out)
        counts[flag] = document["layers"], document["fused_layers"]
    assert counts == {"--no-fusion": (4, 0), "--optimize": (2, 1)}
    with pytest.raises(SystemExit):
        main([*call, "--no-fusion", "--optimize"])


def test_without_the_option_there_is_no_profile(job, capsys):
    net, data = job
    assert main([net, "--data", data, "--json", "-", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["profile"] is None


def test_without_winograd_every_product_of_the_direct_sums_is_executed(job, tmp_path, capsys):
    _, data = job
    layers = (
        Layer("data", LAYERS["Input"](shape=((1, 3, 4, 5),)), (), ("data",)),
        Layer("wide", LAYERS["Convolution"](num_output=32, kernel_size=(1,)), ("data",), ("wide",)),
        Layer("conv", LAYERS["Convolution"](num_output=32, kernel_size=(3,), pad=(1,)), ("wide",), ("conv",)),
        Layer("pool", LAYERS["Pooling"](pool="AVE", global_pooling=True), ("conv",), ("pool",)),
    )
    net = random_weights(Net("two convolutions", layers), np.random.default_rng(0))
    frontend.save(net, tmp_path / "conv.prototxt", tmp_path / "conv.caffemodel")
    call = [str(tmp_path / "conv.prototxt"), "--weights", str(tmp_path / "conv.caffemodel"), "--data", data]
    macs, printed = {}, {}
    for flags in ((), ("--no-winograd",)):
        assert main([*call, *flags, "--quiet", "--json", str(tmp_path / "run.json")]) == 0
        macs[flags] = json.loads((tmp_path / "run.json").read_text())["macs"]
        printed[flags] = next(line for line in capsys.readouterr().out.splitlines() if "MACs executed" in line)
    pointwise, pair = 4 * 5 * 3 * 32, 32 * 32
    # Two tiles of 4x4 results; taps that meet data along 4 rows and along 5 columns.
    assert macs[()] == pointwise + 2 * 36 * pair
    assert macs[("--no-winograd",)] == pointwise + 10 * 13 * pair
    assert len(set(printed.values())) == 2


@pytest.fixture
def pointwise(tmp_path):
    """Return the prototxt of a net whose second layer tiles compute, where there are tiles."""
    layers = (
        Layer("data", LAYERS["Input"](shape=((1, 3, 4, 5),)), (), ("data",)),
        Layer("wide", LAYERS["Convolution"](num_output=32, kernel_size=(1,)), ("data",), ("wide",)),
        Layer("conv", LAYERS["Convolution"](num_output=32, kernel_size=(1,)), ("wide",), ("conv",)),
        Layer("pool", LAYERS["Pooling"](pool="AVE", global_pooling=True), ("conv",), ("pool",)),
    )
    net = random_weights(Net("two convolutions", layers), np.random.default_rng(0))
    frontend.save(net, tmp_path / "point.prototxt", tmp_path / "point.caffemodel")
    return str(tmp_path / "point.prototxt")


@pytest.mark.parametrize(
    ("flags", "kernel", "precision"),
    [
        ((), "tiles_x6", "f32"),
        (("--precision", "bf16x3"), "tiles_x3", "bf16x3"),
        (("--precision", "fma"), "contract", "fma"),
        (("--fma",), "contract", "fma"),
    ],
)
def test_precisions(emulated, job, pointwise, tmp_path, flags, kernel, precision):
    call = [pointwise, "--data", job[1], "--profile", "--json", str(tmp_path / "run.json"), "--quiet"]
    assert main([*call, *flags]) == 0
    document = json.loads((tmp_path / "run.json").read_text())
    assert document["precision"] == precision
    (row,) = (row for row in document["profile"]["layers"] if row["name"] == "conv")
    assert kernel in str(row)


@pytest.mark.parametrize("flags", [(), ("--no-fusion",), ("--schedule", "channel", "--threads", "2")])
def test_a_net_in_bf16(emulated, job, pointwise, tmp_path, capsys, flags):
    """What it computes, beside f32, what its layers take, and what its JSON says."""
    documents = {}
    for precision in "f32", "bf16":
        said = ["--precision", precision, "--profile", "--json", str(tmp_path / "run.json")]
        assert main([pointwise, "--data", job[1], *said, *flags]) == 0
        documents[precision] = json.loads((tmp_path / "run.json").read_text())
    f32, bf16 = documents["f32"], documents["bf16"]
    assert (f32["precision"], bf16["precision"]) == ("f32", "bf16")
    assert bf16["configuration"]["precision"] == "bf16"
    assert {"wide", "conv", "pool"} <= {row["name"] for row in bf16["profile"]["layers"]}
    assert "bf16" in capsys.readouterr().out


@pytest.mark.skipif(host_target().tiles is not None, reason="the processor has a tile unit")
def test_a_precision_without_a_unit_for_it_is_one_message(job, capsys):
    net, data = job
    assert main([net, "--data", data, "--precision", "bf16x3", "--quiet"]) == 1
    assert "xdn-run: error: precision: bf16x3 is computed by a tile unit for bf16 (AMX)" in capsys.readouterr().err


def test_one_precision_is_said_once(job, capsys):
    with pytest.raises(SystemExit):
        main([job[0], "--fma", "--precision", "f32"])
    assert "not allowed with" in capsys.readouterr().err


def test_both_schedules_give_the_same_and_the_plan_is_the_contests(job, tmp_path):
    net, data = job
    found = {}
    for name in ("batch", "channel"):
        assert main([net, "--data", data, "--schedule", name, "--quiet", "--json", str(tmp_path / "run.json")]) == 0
        found[name] = json.loads((tmp_path / "run.json").read_text())
    assert found["batch"]["contest"]["accuracy"] == found["channel"]["contest"]["accuracy"]
    assert found["batch"]["plan"] != found["channel"]["plan"]
    assert found["channel"]["chunk_images"] <= settings.CHANNEL_CHUNK_IMAGES


def test_data_of_another_set_than_the_net_was_trained_for_needs_force(job, tmp_path, capsys):
    _, data = job
    net = brightest_channel("glyphs10")
    frontend.save(net, tmp_path / "g.prototxt", tmp_path / "g.caffemodel")
    call = [str(tmp_path / "g.prototxt"), "--weights", str(tmp_path / "g.caffemodel"), "--data", data]
    assert main(call) == 1
    assert "trained for Glyphs-10 (synthetic), the data is Stripes" in capsys.readouterr().err
    assert main([*call, "--force"]) == 0


def test_missing_weights_are_one_message(tmp_path, capsys):
    (tmp_path / "net.prototxt").write_text(
        'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 dim: 2 } } }'
        'layer { name: "s" type: "Scale" bottom: "d" top: "s" }'
    )
    assert main([str(tmp_path / "net.prototxt")]) == 1
    err = capsys.readouterr().err
    assert "--weights" in err
    assert "Traceback" not in err


def test_packed_data_is_not_decoded_on_line(job, capsys):
    net, data = job
    assert main([net, "--data", data, "--online"]) == 1
    assert "--online: packed data is decoded already" in capsys.readouterr().err


def test_data_that_does_not_fit_is_refused_before_it_is_packed(job, tmp_path, monkeypatch, capsys):
    net, _ = job
    monkeypatch.setenv("XDN_CACHE", str(tmp_path / "cache"))
    assert main([net, "--data", "glyphs10"]) == 1
    assert "images of 32x32 pixels do not fit" in capsys.readouterr().err
    assert not (tmp_path / "cache" / "packed").exists()


def test_a_cache_that_cannot_be_written_is_one_message(job, tmp_path, monkeypatch, capsys):
    net, _ = job
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDN_CACHE", str(tmp_path / "file" / "cache"))
    assert main([net, "--data", "glyphs10", "--input-shape", "3,32,32", "--force"]) == 1
    assert "XDN_CACHE" in capsys.readouterr().err


def test_usage_errors_exit_with_2():
    with pytest.raises(SystemExit) as stopped:
        main(["--threads", "0"])
    assert stopped.value.code == 2


#: How a net is run -> flags.
WAYS = {
    "as read": (),
    "optimized": ("--optimize",),
    "direct sums": ("--optimize", "--no-winograd"),
    "image by image": ("--optimize", "--schedule", "channel"),
    "image by image, direct sums": ("--optimize", "--schedule", "channel", "--no-winograd"),
}
MEAN = ("--mean-file", "mean.binaryproto")
#: Folder, prototxt, options, how many images are right, and the ways: all for one net of each kind of layers. ResNet-56
#: is ResNet-20 with more of the same, and the second prototxt of a net is read otherwise, but computed alike.
MODELS = [
    ("resnet20", "train_test", MEAN, 9181, tuple(WAYS)),
    ("resnet56", "train_test", MEAN, 9284, ("optimized",)),
    ("cifar10_full", "train_test", MEAN, 8211, tuple(WAYS)),
    ("cifar10_full", "deploy", MEAN, 8211, ("as read",)),
    ("resnet50", "train_val", (), 8578, ("as read",)),
    (
        *("resnet50", "deploy", ("--mean-value", "125.3,123,113.9", "--scale", "0.015625"), 8578),
        ("optimized", "direct sums", "image by image"),
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "prototxt", "options", "correct", "way"), [(*model, way) for *model, ways in MODELS for way in ways]
)
def test_real_networks_are_as_right_as_published(material, cifar10, capsys, model, prototxt, options, correct, way):
    folder = material("models", model)
    options = [str(folder.parent / o) if o.endswith(".binaryproto") else o for o in options]
    call = [str(folder / f"{prototxt}.prototxt"), "--data", cifar10, "--json", "-", "--quiet", *options]
    assert main([*call, *WAYS[way]]) == 0
    found = json.loads(capsys.readouterr().out)["contest"]["accuracy"]
    # Other f32 additions, and Winograd's, move scores in the last bits: an image on the edge may change sides.
    assert abs(found["correct"] - correct) <= 3
    assert found["images"] == 10_000
