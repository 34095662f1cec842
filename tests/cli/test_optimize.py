"""xdn-optimize: what it writes other Caffe readers load, what it prints, what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.caffe_files import PROTOTXT, noise, opencv_outputs, write_small
from tests.optimize.building import register_stage
from xdn import frontend
from xdn.cli.optimize import main
from xdn.graph import Transform
from xdn.optimize import STAGES, Note, Rewrite, Stage, stage_names


def test_defaults_write_plain_caffe_that_opencv_computes_alike(small, capsys):
    net, path = small
    assert main([str(path)]) == 0
    written = capsys.readouterr()
    assert "fuse-batch-norm" in written.out
    assert "weights: " in written.err
    images = {"data": noise(2, 3, 12, 12)}
    expected = net.with_batch(2).forward(images)["prob"]
    found = opencv_outputs("small.xdn/small.prototxt", "small.xdn/small.caffemodel", images, ["prob"])["prob"]
    # f32 rounding of probabilities, which are at most 1.
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=0, atol=2e-6)
    text = path.with_name("small.prototxt").read_text()
    assert text == PROTOTXT
    again = frontend.load(Path("small.xdn/small.prototxt"), Path("small.xdn/small.caffemodel"))
    assert not {layer.type for layer in again.layers} & {"BatchNorm", "Scale", "Dropout"}


@pytest.mark.parametrize(
    "options", [(), ("--prune", "0.5"), ("--emit-fused",), ("--prune", "0.5", "--dump-config", "c")]
)
def test_quiet_is_silent(small, capsys, options):
    _, path = small
    assert main([str(path), *options, "--quiet"]) == 0
    assert Path("small.xdn/small.caffemodel").exists()
    assert capsys.readouterr() == ("", "")


def test_quiet_prints_what_is_asked_for(small, capsys):
    _, path = small
    assert main([str(path), "--explain", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("eliminate-dropout:\n")
    assert "written" not in captured.out
    assert captured.err == ""


def test_in_place_layers_stay_in_place(small):
    _, path = small
    assert main([str(path), "--quiet"]) == 0
    text = Path("small.xdn/small.prototxt").read_text()
    assert "@" not in text
    assert text.count('top: "conv1"') == 2


def test_a_second_run_changes_nothing(small):
    _, path = small
    assert main([str(path), "-o", "once", "--quiet"]) == 0
    assert main(["once/small.prototxt", "-o", "twice", "--json", "report.json", "--quiet"]) == 0
    assert Path("once/small.prototxt").read_bytes() == Path("twice/small.prototxt").read_bytes()
    assert Path("once/small.caffemodel").read_bytes() == Path("twice/small.caffemodel").read_bytes()
    assert all(stage["changes"] == [] for stage in json.loads(Path("report.json").read_text())["stages"])


def test_json_on_stdout_is_all_that_stdout_holds(small, capsys):
    _, path = small
    assert main([str(path), "--json", "-", "--quiet"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert captured.err == ""
    assert [stage["stage"] for stage in document["stages"]] == list(stage_names())
    assert document["cost_before"]["parameters"] > document["cost_after"]["parameters"]
    assert 0 < document["difference"] < 1e-5


def test_explain_prints_changes(small, capsys):
    _, path = small
    assert main([str(path), "--explain"]) == 0
    out = capsys.readouterr().out
    assert "+ conv1: took in 'bn1' (BatchNorm), 'scale1' (Scale)" in out
    assert "+ drop: removed" in out


def test_onnx_is_written_of_either_format_with_what_is_done_to_images(small, capsys):
    net, path = small
    assert main([str(path), "--to", "onnx", "--scale", "0.5", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == ["small.xdn/small.onnx"]
    assert main(["small.xdn/small.onnx"]) == 1
    assert "would overwrite" in capsys.readouterr().err
    assert main(["small.xdn/small.onnx", "-o", "again", "--stages", "", "--quiet"]) == 0
    again = frontend.load(Path("again/small.onnx"))
    assert again.input_layers[0].params.transform.scale == 0.5
    assert not {layer.type for layer in again.layers} & {"BatchNorm", "Scale", "Dropout"}
    images = {"data": noise(2, 3, 12, 12)}
    expected = net.with_batch(2).forward(images)["prob"]
    np.testing.assert_allclose(again.with_batch(2).forward(images)["prob"], expected, rtol=0, atol=2e-6)
    assert sorted(each.name for each in Path().glob("*/*")) == ["small.onnx", "small.onnx"]


def test_a_part_is_cut_out(small):
    net, path = small
    assert main([str(path), "--extract", "conv1..sum", "--to", "onnx", "--quiet"]) == 0
    part = frontend.load(Path("small.xdn/small.onnx"))
    assert (tuple(part.inputs), part.outputs) == (("conv1",), ("sum",))
    whole = net.forward({"data": noise(1, 3, 12, 12)})
    np.testing.assert_allclose(part.forward({"conv1": whole["conv1"]})["sum"], whole["sum"], rtol=0, atol=1e-5)


def test_chosen_stages(small, capsys):
    _, path = small
    assert main([str(path), "--stages", "eliminate-dropout", "--json", "-"]) == 0
    assert [each["stage"] for each in json.loads(capsys.readouterr().out)["stages"]] == ["eliminate-dropout"]


def test_emit_fused_is_read_again_with_equal_outputs(small):
    net, path = small
    assert main([str(path), "--emit-fused", "-o", "fused", "--quiet"]) == 0
    again = frontend.load(Path("fused/small.prototxt"), Path("fused/small.caffemodel"))
    assert [layer.name for layer in again.layers if layer.epilogue] == ["conv1", "conv2"]
    images = {"data": noise(1, 3, 12, 12)}
    np.testing.assert_allclose(again.forward(images)["prob"], net.forward(images)["prob"], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--centroids", "8"), "--centroids is for --codebooks"),
        (("--dump-config", "c", "--no-reconstruct"), "--reconstruct is for --prune"),
        (("--mixed", "--prune", "0.5"), "--mixed is for --calibrate"),
        (("--keep-ends",), "--keep-ends is for --calibrate and --bits"),
        (("--keep-f32", "fc"), "--keep-f32 is for --calibrate and --bits and --codebooks"),
    ],
)
def test_what_says_nothing_without_another_option_is_refused(small, capsys, options, said):
    with pytest.raises(SystemExit, match="2"):
        main([str(small[1]), *options])
    assert said in capsys.readouterr().err


def test_integers_on_both_sides_need_images(small, capsys):
    assert main([str(small[1]), "--bits", "4/4"]) == 1
    assert "--bits 4/4: what is multiplied with weights has its scales by images" in capsys.readouterr().err


def test_fused_stages_need_emit_fused(small, capsys):
    _, path = small
    assert main([str(path), "--stages", "fuse-activation"]) == 1
    assert "Add --emit-fused" in capsys.readouterr().err


def test_layers_that_read_bf16_are_written_and_run(small, capsys):
    _, path = small
    stages = "fuse-batch-norm,fuse-residual,fuse-activation,read-bf16"
    assert main([str(path), "--stages", stages, "--emit-fused", "--explain", "-o", "half"]) == 0
    out = capsys.readouterr().out
    assert "conv1: reads bf16" in out
    assert "prob: does not read bf16: Softmax has no bf16 form" in out
    text = Path("half/small.prototxt").read_text()
    again = frontend.load(Path("half/small.prototxt"), Path("half/small.caffemodel"))
    assert text.count("bf16: true") == sum(layer.reads_bf16 for layer in again.layers) > 1
    assert main([str(path), "--stages", stages]) == 1
    assert "plain Caffe cannot say what fuse-residual, fuse-activation, read-bf16 makes" in capsys.readouterr().err


def test_the_transform_and_the_mean_file_go_along(small, tmp_path):
    _, path = small
    mean = noise(3, 12, 12)
    frontend.write_binaryproto(tmp_path / "net" / "means" / "m.binaryproto", mean)
    options = ["--mean-file", "means/m.binaryproto", "--scale", "0.5", "--std", "2,4,8", "--channel-order", "bgr"]
    assert main([str(path), *options, "-o", "out", "--quiet"]) == 0
    transform = frontend.load(Path("out/small.prototxt")).input_layers[0].params.transform
    assert transform == Transform(
        scale=0.5, mean_file="small_mean.binaryproto", std=(2.0, 4.0, 8.0), channel_order="bgr"
    )
    np.testing.assert_array_equal(frontend.read_binaryproto(Path("out/small_mean.binaryproto")), mean)


def test_a_std_of_0_names_the_layer(small, capsys):
    _, path = small
    path.write_text(PROTOTXT.replace('type: "Input"', 'type: "Input" xdn_param { std: 0 }', 1))
    assert main([str(path)]) == 1
    assert (
        "layer 'data' (Input): its images are scaled by scale 1.0 and std (0.0,); std must" in capsys.readouterr().err
    )


def test_a_missing_mean_file_names_the_flag(small, capsys):
    _, path = small
    assert main([str(path), "--mean-file", "nowhere.binaryproto", "--quiet"]) == 1
    assert "--mean-file" in capsys.readouterr().err
    assert not Path("small.xdn").exists()


def test_missing_weights_name_the_flags(small, capsys):
    _, path = small
    path.with_name("small.caffemodel").unlink()
    assert main([str(path)]) == 1
    err = capsys.readouterr().err
    assert "--weights" in err
    assert "--random-weights" in err
    assert main([str(path), "--random-weights"]) == 0


def test_the_sources_are_never_overwritten(small, capsys):
    _, path = small
    assert main([str(path), "-o", str(path.parent)]) == 1
    assert "overwrite" in capsys.readouterr().err
    assert path.read_text() == PROTOTXT


def test_an_unknown_stage_names_the_nearest(small, capsys):
    _, path = small
    assert main([str(path), "--stages", "fuse-batchnorm"]) == 1
    assert "fuse-batch-norm" in capsys.readouterr().err


def test_list(capsys):
    assert main(["--list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in STAGES)


@pytest.mark.parametrize("argv", [[], ["a.prototxt", "--std", "0"], ["a.prototxt", "--mean-value", "1,x"]])
def test_usage(argv, capsys):
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "usage: xdn-optimize" in capsys.readouterr().err


def test_no_such_file(capsys):
    assert main(["nowhere.prototxt"]) == 1
    assert "nowhere.prototxt: no such file" in capsys.readouterr().err


class Wrong(Stage):
    """Halve a bias."""

    def apply(self, net):
        changed = net.layer("fc").replace(
            weights=net.layer("fc").weights | {"bias": net.layer("fc").weights["bias"] / 2}
        )
        return Rewrite(net.replace(layers=(*net.layers[:-1], changed)), (Note("fc", "halved"),))


def test_a_failed_check_exits_with_3_and_writes_nothing(small, capsys, monkeypatch):
    _, path = small
    register_stage(monkeypatch, Wrong, "xdn.cli.optimize")
    assert main([str(path), "--stages", "wrong", "--quiet"]) == 3
    assert "stage 'wrong'" in capsys.readouterr().err
    assert not Path("small.xdn").exists()


MODELS = {"resnet20": "train_test", "cifar10_full": "deploy", "resnet50": "deploy"}


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_trained_networks(model, material, tmp_path):
    """OpenCV computes from the written files what the references compute from the ones that were read."""
    prototxt = material("models", model, f"{MODELS[model]}.prototxt")
    assert main([str(prototxt), "-o", str(tmp_path), "--quiet"]) == 0
    net = frontend.load(prototxt, frontend.find_weights(prototxt))
    ((name, blob),) = net.inputs.items()
    images = {name: noise(2, *blob.shape[1:]) * 30}
    expected = net.with_batch(2).forward(images)
    files = (tmp_path / f"{MODELS[model]}.prototxt", tmp_path / f"{MODELS[model]}.caffemodel")
    found = opencv_outputs(*files, images, net.outputs)
    for output in net.outputs:
        np.testing.assert_allclose(found[output].reshape(expected[output].shape), expected[output], rtol=0, atol=1e-5)


def test_sessions_run_the_result_and_must_agree(small, capsys, monkeypatch):
    from xdn.kernels.elementwise import affine_positions

    _, path = small
    assert main([str(path), "--json", "ran.json"]) == 0
    assert "run by sessions: they differ from the references by" in capsys.readouterr().out
    differences = json.loads(Path("ran.json").read_text())["execution"]["differences"]
    assert set(differences) == {"batch", "channel"}
    assert max(differences.values()) < 1e-5
    path.with_name("rows.prototxt").write_text(
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 dim: 3 } } }\n'
        'layer { name: "s" type: "Scale" bottom: "x" top: "s" scale_param { axis: 2 } }\n'
    )
    call = [str(path.with_name("rows.prototxt")), "--random-weights", "-o", "rows"]
    assert main(call) == 0
    # A kernel that takes the values of positions in the wrong order.
    monkeypatch.setattr(affine_positions, "spread", lambda operand, axis, axes: operand[::-1])
    capsys.readouterr()
    assert main(call) == 3
    assert "the blob 's' differs from the references'" in capsys.readouterr().err


def test_batch_statistics_are_told_of_once(small, capsys):
    _, path = small
    path.write_text(PROTOTXT.replace("use_global_stats: true", "use_global_stats: false"))
    assert main([str(path)]) == 0
    err = capsys.readouterr().err
    assert err.count("warning:") == 1
    assert "at all images of a batch together" in err


def test_a_net_that_takes_more_memory_than_is_allowed(tmp_path, capsys):
    _, prototxt = write_small(tmp_path)
    assert main([str(prototxt), "-o", str(tmp_path / "out"), "--max-memory", "20K"]) == 1
    error = capsys.readouterr().err
    assert "and 20.0 KiB are allowed: layer " in error
    assert "--max-memory" in error
    assert not (tmp_path / "out").exists()
    with pytest.raises(SystemExit) as caught:
        main([str(prototxt), "--max-memory", "much"])
    assert caught.value.code == 2
    assert "not a size of memory" in capsys.readouterr().err
