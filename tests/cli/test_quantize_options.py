"""xdn-optimize --calibrate: what is written reads integers and says so in its text; options, errors."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.caffe_files import PROTOTXT, write_small
from xdn import settings
from xdn.cli.optimize import main
from xdn.cli.quantize_options import training_data
from xdn.data import find_dataset
from xdn.errors import SettingError
from xdn.frontend import load
from xdn.optimize import POST_FUSION, apply_stages, stage_names
from xdn.optimize.quantize.observer import OBSERVERS

#: The small net for images of 32x32, which every data set here has.
TEXT = PROTOTXT.replace("dim: 12 dim: 12", "dim: 32 dim: 32").replace(
    "input_param {", "transform_param { scale: 0.01 } input_param {"
)
FAST = ["--calibrate", "glyphs10", "--calibration-images", "12"]


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Write the small net into net/, and go to an empty working folder."""
    net, path = write_small(tmp_path / "net", TEXT)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(settings, "CALIBRATION_SCORE_IMAGES", 20)
    return net, path


def written(folder="small.xdn"):
    return load(Path(folder, "small.prototxt"), Path(folder, "small.caffemodel"))


def test_what_is_written_reads_integers_and_is_near_the_net(small, capsys):
    net, path = small
    assert main([str(path), *FAST, "--json", "report.json"]) == 0
    told = capsys.readouterr()
    assert "calibrated (mse, 12 images): 4 of 5 layers read 8-bit integers, 100% of the MACs" in told.out
    assert "images to choose scales by: Glyphs-10 (synthetic), train" in told.err
    text = Path("small.xdn/small.prototxt").read_text()
    # conv1, conv2 and its residual, the average, the classifier.
    assert text.count("int8 {") == 5
    # Pixels and what follows a ReLU are never negative.
    assert "signed" not in text
    found = written()
    images = {"data": find_dataset("glyphs10").images(0, 8).transpose(0, 3, 1, 2).astype(np.float32) * 0.01}
    wanted, quantized, stored = (
        each.with_batch(8).forward(images)["fc"] for each in (net, found, apply_stages(found, stage_names(POST_FUSION)))
    )
    assert 0 < np.abs(quantized - wanted).max() < 0.05 * np.abs(wanted).max()
    np.testing.assert_array_equal(stored, quantized)
    report = json.loads(Path("report.json").read_text())["calibration"]
    assert report["layers"]["conv2"][1]["quantized"]["scale"] == found.layer("conv2").quantized[1].scale
    assert report["config"]["observer"] == "mse"
    assert report["kept"].keys() == {"prob"}


def test_twice_gives_the_same_files(small):
    _, path = small
    for folder in ("a", "b"):
        assert main([str(path), *FAST, "-o", folder, "--quiet"]) == 0
    for suffix in (".prototxt", ".caffemodel"):
        assert Path("a/small").with_suffix(suffix).read_bytes() == Path("b/small").with_suffix(suffix).read_bytes()


def test_options_are_followed(small, capsys):
    _, path = small
    options = ["--observer", "min-max", "--keep-f32", "conv2", "f*", "--no-correct-bias", "--no-integer-weights"]
    assert main([str(path), *FAST, *options, "--explain", "-o", "some", "--quiet"]) == 0
    assert "- conv2: stays in f32: it was asked for" in capsys.readouterr().out
    assert main([str(path), "--emit-fused", "-o", "none", "--quiet"]) == 0
    found, fused = written("some"), written("none")
    assert [layer.name for layer in found.layers if layer.quantized] == ["conv1"]
    for layer in fused.layers:
        for name, array in layer.weights.items():
            np.testing.assert_array_equal(found.layer(layer.name).weights[name], array)


def test_more_may_be_done(small):
    _, path = small
    assert main([str(path), *FAST, "-o", "usual", "--quiet"]) == 0
    assert main([str(path), *FAST, "--equalize", "--learn-rounding", "-o", "more", "--json", "r.json", "--quiet"]) == 0
    usual, more = (written(folder).layer("conv2").weights["weight"] for folder in ("usual", "more"))
    assert not np.array_equal(usual, more)
    config = json.loads(Path("r.json").read_text())["calibration"]["config"]
    assert (config["equalize"], config["learn_rounding"]) == (True, True)


def test_the_ends_stay(small):
    _, path = small
    assert main([str(path), *FAST, "--keep-ends", "--quiet"]) == 0
    assert [layer.name for layer in written().layers if layer.quantized] == ["conv2", "pool"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--observer", "minmax"], "min-max"),
        (["--keep-f32", "nothing"], "no layer is called 'nothing'"),
        (["--stages", "eliminate-dropout", "--keep-f32", "nothing"], "no layer is called 'nothing'"),
    ],
)
def test_what_is_wrong_is_one_message(small, capsys, options, said):
    _, path = small
    assert main([str(path), *FAST, *options, "--quiet"]) == 1
    assert said in capsys.readouterr().err
    assert not Path("small.xdn").exists()


def test_sensitivity_is_told_layer_by_layer(small, capsys):
    _, path = small
    assert main([str(path), *FAST, "--sensitivity", "--json", "report.json", "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "SQNR, dB" in said
    assert "magnitudes" in said
    assert "on 20 images that scales were not chosen by" in said
    report = json.loads(Path("report.json").read_text())["sensitivity"]
    assert [each["layer"] for each in report["layers"]] == ["conv1", "conv2", "pool", "fc"]
    assert all(20 < each["sqnr_db"] < 80 and each["cosine"] > 0.99 for each in report["layers"])
    assert all(0 <= each["alone"] <= 1 and 0 <= each["others"] <= 1 for each in report["layers"])
    assert len(report["histograms"]) == 4


def test_no_drop_at_all_needs_accuracy_that_equals(small, capsys):
    """Where layers read integers nevertheless, the net says right as many images as in f32."""
    _, path = small
    assert main([str(path), *FAST, "--max-drop", "0", "--explain", "--json", "report.json", "--quiet"]) == 0
    report = json.loads(Path("report.json").read_text())["calibration"]
    read = [layer.name for layer in written().layers if layer.quantized]
    assert read == list(report["layers"])
    assert set(read) | report["kept"].keys() == {"conv1", "conv2", "pool", "fc", "prob"}
    assert (report["images"], report["scored_images"]) == (12, 20)
    said = capsys.readouterr().out
    assert all(f"- {name}: stays in f32" in said for name in report["kept"])


def test_each_layer_reads_what_is_fastest_and_the_file_says_what(small, capsys):
    _, path = small
    assert (
        main([str(path), *FAST, "--mixed", "--max-drop", "100", "--explain", "--json", "report.json", "--quiet"]) == 0
    )
    report, said = json.loads(Path("report.json").read_text())["calibration"], capsys.readouterr().out
    layers = {layer.name: layer for layer in written().layers}
    assert report["saved_seconds"].keys() == {name for name, layer in layers.items() if layer.quantized}
    for name in report["saved_seconds"]:
        assert f"+ {name}: reads {'bf16' if layers[name].reads_bf16 else '8-bit integers'}: " in said


@pytest.mark.parametrize(("data", "said"), [([], "--calibrate DATA"), (["nothing"], "neither a data set nor")])
def test_images_are_needed_before_anything_is_done(small, capsys, data, said):
    _, path = small
    assert main([str(path), "--calibrate", *data]) == 1
    told = capsys.readouterr()
    assert said in told.err
    assert "stage" not in told.out


def test_images_for_a_precision_are_named_with_data(small):
    """`xdn-run --precision` has the images from here, and no option --calibrate."""
    net, _ = small
    with pytest.raises(SettingError) as refused:
        training_data(
            argparse.Namespace(size=None, data_order=None, download=False),
            net,
            None,
            "--precision int8",
            settings.CALIBRATION_IMAGES,
        )
    assert str(refused.value) == "--precision int8 needs images. Name the data: --data DATA"


def test_random_pixels_need_no_data(small):
    """Scales for a net's times alone, the same each time."""
    _, path = small
    asked = [str(path), "--calibrate", "random", "--calibration-images", "8", "--quiet"]
    assert main(asked) == 0
    first = Path("small.xdn/small.prototxt").read_bytes()
    assert {layer.name for layer in written().layers if layer.quantized} == {"conv1", "conv2", "pool", "fc"}
    assert main(asked) == 0
    assert Path("small.xdn/small.prototxt").read_bytes() == first


def test_observers_are_listed(capsys):
    assert main(["--list"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in OBSERVERS)


def test_layers_with_weights_between_the_ends_have_the_bits_that_are_asked_for(small):
    _, path = small
    assert main([str(path), *FAST, "--bits", "2/6", "--quiet"]) == 0
    read = {layer.name: [(how.weight_bits, how.bits) for how in layer.integers] for layer in written().layers}
    assert (read["conv1"], read["conv2"][0], read["fc"]) == ([(8, 8)], (2, 6), [(8, 8)])


def test_weights_alone_are_rounded_without_images(small, capsys):
    net, path = small
    assert main([str(path), "--bits", "1/32", "--explain", "--json", "report.json", "--keep-f32", "fc"]) == 0
    assert "rounded: the weights of 2 of 3 layers" in capsys.readouterr().out
    read = {layer.name: [how.weight_bits for how in layer.integer_weights] for layer in written().layers}
    assert (read["conv1"], read["conv2"], read["fc"]) == ([8], [1], [])
    assert json.loads(Path("report.json").read_text())["rounded_weights"]["bits"] == {"conv1": 8, "conv2": 1}
    images = {"data": find_dataset("glyphs10").images(0, 4).transpose(0, 3, 1, 2).astype(np.float32) * 0.01}
    session = apply_stages(written(), stage_names(POST_FUSION))
    found, expected = (each.with_batch(4).forward(images)["fc"] for each in (session, written()))
    np.testing.assert_array_equal(found, expected)
    assert np.abs(expected - net.with_batch(4).forward(images)["fc"]).max() > 0


def test_images_are_refused_where_weights_alone_are_rounded(small, capsys):
    _, path = small
    assert main([str(path), *FAST, "--bits", "1/32", "--quiet"]) == 1
    assert "--calibrate: --bits 1/32 rounds weights, for which no images are needed. Leave it out" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("bits", ["4", "0/8", "8/9", "4/4/4", "a/b", "0/32", "32/32", "9/32"])
def test_bits_that_mean_nothing_are_refused(small, capsys, bits):
    _, path = small
    with pytest.raises(SystemExit):
        main([str(path), *FAST, "--bits", bits])
    assert "not two numbers of bits from 1 to 8, such as 4/4, or such as 1/32" in capsys.readouterr().err
