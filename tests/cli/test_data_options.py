"""Every command takes its images by the same options, and photos of different sizes and formats by all of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.photos import FORMATS, write_net, write_photos
from tests.pytorch import NEEDS_TORCH, needs_torch
from xdn import api
from xdn.cli import optimize, pack, run, train
from xdn.data.packed import PackedData
from xdn.frontend import load, write_mean
from xdn.session import Session

COUNT = 2 * len(FORMATS)
SOLVER = 'net: "net.prototxt" base_lr: 0.01 momentum: 0.9 random_seed: 1 xdn_param { epochs: 1 batch_size: 4 }'


@pytest.fixture(autouse=True)
def photos(tmp_path, monkeypatch):
    """Write photos, a net and a solver into the working folder."""
    monkeypatch.setenv("XDN_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    write_photos(tmp_path / "photos")
    write_net(tmp_path / "net.prototxt")
    (tmp_path / "solver.prototxt").write_text(SOLVER)


def called(command, *args):
    """Run a command and return its JSON."""
    assert command.main([*map(str, args), "--quiet", "--json", "result.json"]) == 0
    return json.loads(Path("result.json").read_text())


COMMANDS = {
    "run": (run, ["net.prototxt"]),
    "prune": (optimize, ["net.prototxt", "--prune", "macs=0.6"]),
    "train": (train, ["solver.prototxt", "--threads", "1"]),
    "pack": (pack, ["-o", "again.packed"]),
}
TRAIN = pytest.param("train", marks=NEEDS_TORCH)


@pytest.mark.parametrize("name", ["run", "prune", TRAIN, "pack"])
@pytest.mark.parametrize("data", ["photos", "photos.txt"])
def test_photos_of_all_sizes_and_formats_are_resized(name, data):
    command, args = COMMANDS[name]
    said = called(command, *args, "--data", data, "--size", "16x16")
    if name == "run":
        assert said["contest"]["accuracy"]["images"] == COUNT
    elif name == "pack":
        assert said["shape"] == [COUNT, 16, 16, 3]
        assert said["preprocessing"]["resize"] == "16x16 bilinear"


@pytest.mark.parametrize("name", ["run", "prune", TRAIN])
def test_packed_photos_are_taken_by_all(name, capsys):
    called(pack, "photos", "--size", "16x16", "--split", "train", "-o", "photos.packed")
    command, args = COMMANDS[name]
    further = ["--holdout", "4"] if name == "train" else []
    called(command, *args, *further, "--data", "photos.packed")
    called(command, *args, *further, "--data", "photos.packed", "--size", "16x16", *(["--restart"] if further else []))
    capsys.readouterr()
    assert command.main([*args, *further, "--data", "photos.packed", "--size", "20x20"]) == 1
    assert "only image files are resized to 20x20" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["run", "prune", TRAIN])
def test_without_a_size_the_message_names_the_option(name, capsys):
    command, args = COMMANDS[name]
    assert command.main([*args, "--data", "photos"]) == 1
    said = capsys.readouterr().err
    assert "--size" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ["run", "prune", TRAIN])
def test_a_set_of_one_size_is_cut_but_not_resized(name, capsys):
    command, args = COMMANDS[name]
    assert command.main([*args, "--data", "glyphs10", "--size", "16x16"]) == 1
    assert "Cut out their middle with --crop" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["run", "prune", TRAIN])
def test_a_net_of_one_channel_reads_photos_in_grey(name):
    write_net(Path("net.prototxt"), channels=1)
    command, args = COMMANDS[name]
    said = called(command, *args, "--data", "photos", "--size", "16x16")
    if name == "run":
        assert said["transform"]["channel_order"] == "grey"


def test_grey_photos_are_packed_and_run(capsys):
    write_net(Path("net.prototxt"), channels=1)
    said = called(pack, "--data", "photos", "--size", "16x16", "--grey", "-o", "grey.packed")
    assert (said["shape"], said["channel_order"]) == ([COUNT, 16, 16, 1], "grey")
    packed = called(run, "net.prototxt", "--data", "grey.packed")
    decoded = called(run, "net.prototxt", "--data", "photos", "--size", "16x16", "--online")
    assert packed["contest"]["accuracy"]["correct"] == decoded["contest"]["accuracy"]["correct"]
    called(pack, "photos", "--size", "16x16", "-o", "colour.packed")
    capsys.readouterr()
    assert run.main(["net.prototxt", "--data", "colour.packed"]) == 1
    assert "the images have 3 channels; the net's input has 1. " in capsys.readouterr().err
    assert pack.main(["glyphs10", "--grey", "-o", "no.packed"]) == 1
    assert "--grey: only image files" in capsys.readouterr().err


def test_grey_pixels_give_what_their_values_give():
    write_net(Path("net.prototxt"), channels=1)
    called(pack, "photos", "--size", "18x20", "--grey", "-o", "grey.packed", "--mean-out", "mean.npy")
    net = load(Path("net.prototxt"), Path("net.caffemodel"))
    net = api.with_transform(net, mean_file="mean.npy", scale=0.02, crop_size=16)
    data = PackedData.open(Path("grey.packed"))
    transform = api.pixel_transform(net, data.header.shape[1:], data.header.channel_order)
    session = Session(net)
    (pixels,) = session.run_pixels(data.pixels, transform)
    (values,) = session.run(None, {"data": transform.apply(data.pixels)})
    # Rounding of the subtraction and the factor, which one of the two may fuse.
    np.testing.assert_allclose(pixels, values, rtol=0, atol=1e-5)
    assert np.isfinite(pixels).all()


@needs_torch
def test_grey_photos_are_trained_on_with_their_mean(capsys):
    write_net(Path("net.prototxt"), channels=1)
    called(
        pack, "photos", "--size", "16x16", "--grey", "--split", "train", "-o", "grey.packed", "--mean-out", "mean.npy"
    )
    transform = ["--mean-file", "mean.npy", "--scale", "0.01"]
    said = called(train, "solver.prototxt", "--data", "grey.packed", "--holdout", "4", *transform)
    assert said["iterations"] == 2
    ran = called(run, "net.trained/net.prototxt", "--data", "grey.packed")
    assert ran["transform"]["mean_file"] == "net_mean.binaryproto"
    assert ran["transform"]["scale"] == pytest.approx(0.01)


@needs_torch
def test_the_order_is_turned_for_all(capsys):
    plain = called(pack, "photos", "--size", "16x16", "-o", "bgr.packed")
    turned = called(pack, "photos", "--size", "16x16", "-o", "rgb.packed", "--data-order", "rgb")
    assert (plain["channel_order"], turned["channel_order"]) == ("bgr", "rgb")
    bgr, rgb = (PackedData.open(Path(f"{order}.packed")).pixels for order in ("bgr", "rgb"))
    np.testing.assert_array_equal(bgr[..., ::-1], rgb)
    said = called(run, "net.prototxt", "--data", "photos", "--size", "16x16", "--data-order", "rgb")
    assert said["transform"]["channel_order"] == "rgb"
    wanted = ["--data", "photos", "--size", "16x16", "--channel-order", "rgb"]
    for name in ("run", "prune", "train"):
        command, args = COMMANDS[name]
        capsys.readouterr()
        assert command.main([*args, *wanted]) == 1
        assert "Hand them over with --data-order rgb" in capsys.readouterr().err
        called(command, *args, *wanted, "--data-order", "rgb")


@pytest.mark.parametrize("name", ["run", "prune", TRAIN])
def test_a_transform_that_is_missing_is_told(name, capsys):
    write_mean(Path("mean.binaryproto"), np.full((3, 16, 16), 100, np.float32))
    command, args = COMMANDS[name]
    call = [*args, "--data", "photos", "--size", "16x16", "--json", "result.json"]
    assert command.main(call) == 0
    said = capsys.readouterr()
    assert "warning: images go into the net as they are, 0..255; mean.binaryproto suggests --mean-file" in said.err
    assert json.loads(Path("result.json").read_text())["suggested_transform"] == "--mean-file mean.binaryproto"
    further = ["--restart"] if name == "train" else []
    assert command.main([*call, *further, "--mean-file", "mean.binaryproto"]) == 0
    said = capsys.readouterr()
    assert "as they are" not in said.err
    assert "suggested_transform" not in json.loads(Path("result.json").read_text())


def test_the_table_of_a_run_states_the_transform(capsys):
    call = ["net.prototxt", "--data", "photos", "--size", "20x18"]
    assert run.main([*call, "--crop", "16", "--quiet"]) == 0
    row = "transform      resized to 20x18 bilinear; central crop 16x16 of 20x18; raw 0..255, B,G,R"
    assert " ".join(row.split()) in " ".join(capsys.readouterr().out.split())
    called(pack, "photos", "--size", "20x18", "-o", "photos.packed")
    call = ["net.prototxt", "--data", "photos.packed", "--crop", "16", "--mean-value", "104,117,123", "--scale", "0.5"]
    said = called(run, *call)["transform"]
    assert said == {
        "resize": "20x18 bilinear",
        "image": [20, 18, 3],
        "crop": 16,
        "mean_file": "",
        "mean_value": [104.0, 117.0, 123.0],
        "scale": 0.5,
        "std": [],
        "channel_order": "bgr",
    }


@pytest.mark.parametrize("name", ["mean.binaryproto", "mean.npy"])
def test_the_mean_image_of_what_is_packed_is_one_that_runs_subtract(name, capsys):
    said = called(pack, "photos", "--size", "16x16", "-o", "photos.packed", "--mean-out", name)
    images = PackedData.open(Path("photos.packed")).pixels
    mean = images.mean(axis=0).transpose(2, 0, 1)
    assert said["mean_file"] == name
    np.testing.assert_allclose(said["mean_value"], mean.mean(axis=(1, 2)), rtol=1e-6)
    assert called(run, "net.prototxt", "--data", "photos.packed", "--mean-file", name)["transform"]["mean_file"] == name
    # The optimizer takes it along.
    called(optimize, "net.prototxt", "--mean-file", name, "-o", "out")
    assert load(Path("out/net.prototxt")).input_layers[0].params.transform.mean_file == "net_mean.binaryproto"
    again = called(run, "out/net.prototxt", "--data", "photos.packed")
    assert again["transform"]["mean_file"] == "net_mean.binaryproto"


def test_the_split_is_chosen_by_the_same_option(tmp_path):
    for split, classes in (("train", ("cat", "dog", "owl")), ("test", ("cat", "dog"))):
        write_photos(tmp_path / "both" / split, classes)
    sizes = [called(pack, "both", "--size", "16x16", *given)["shape"][0] for given in ([], ["--split", "train"])]
    assert sizes == [COUNT, 3 * len(FORMATS)]
    run_on = called(run, "net.prototxt", "--data", "both", "--size", "16x16", "--split", "test")
    assert run_on["contest"]["accuracy"]["images"] == COUNT


@pytest.mark.parametrize("size", ["12", "0x4", "99999x99999", "4x", "x4", "-1x5"])
@pytest.mark.parametrize("command", [run, optimize, train, pack], ids=lambda module: module.__name__)
def test_a_wrong_size_is_a_usage_error(command, size):
    with pytest.raises(SystemExit) as stopped:
        command.main(["x", f"--size={size}"])
    assert stopped.value.code == 2
