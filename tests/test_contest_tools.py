"""The programs that tools/reproduce_*.sh run, on tiny inputs."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.caffe_files import PROTOTXT, write_small
from tests.data.samples import write_cifar_python
from tests.evaluate.contest_results import bar
from xdn import api
from xdn.codegen.target import host_target
from xdn.data import find_dataset
from xdn.data.packed import PackedData, pack
from xdn.data.views import reordered
from xdn.evaluate.bars import Contest
from xdn.evaluate.timing import Latency

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools" / "contest"


@pytest.fixture
def tool(monkeypatch):
    """Return a function that imports a module of tools/contest."""
    monkeypatch.syspath_prepend(str(TOOLS))
    return __import__


@pytest.fixture
def step(tool, tmp_path):
    """Return a function: run a step that copies a file, tell whether it was run."""
    module, source, target = tool("step"), tmp_path / "in", tmp_path / "out"
    log = tmp_path / "log"
    source.write_text("a")

    def run(word="x", script="open({2!r}, 'a').write('ran '); open({1!r}, 'w').write(open({0!r}).read())"):
        before = log.read_text() if log.exists() else ""
        command = [sys.executable, "-c", script.format(str(source), str(target), str(log)), word]
        options = ["--work", str(tmp_path), "--name", "copy", "--about", "copy it"]
        code = module.main([*options, "--in", str(source), "--out", str(target), "--", *command])
        return code, (log.read_text() if log.exists() else "") != before

    run.source, run.target, run.record = source, target, tmp_path / "steps" / "copy.json"
    return run


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_step_whose_record_is_damaged_is_run_again(step, text):
    step()
    step.record.write_text(text)
    assert step() == (0, True)


@pytest.mark.parametrize("command", [[], ["--"]])
def test_a_step_without_a_command_is_refused(tool, tmp_path, capsys, command):
    with pytest.raises(SystemExit, match="2"):
        tool("step").main(["--work", str(tmp_path), "--name", "a", "--about", "b", "--out", "c", *command])
    assert "name a COMMAND after --" in capsys.readouterr().err


def test_a_step_is_run_once(step, capfd):
    assert step() == (0, True)
    record = json.loads(step.record.read_text())
    assert (record["step"], record["about"]) == ("copy", "copy it")
    assert record["seconds"] > 0
    assert step() == (0, False)
    assert "there since an earlier run" in capfd.readouterr().out


def test_a_step_is_run_again_where_anything_is_another(step):
    step()
    step.source.write_text("b")
    assert step() == (0, True)
    assert step.target.read_text() == "b"
    assert step("another option") == (0, True)
    step.target.unlink()
    assert step("another option") == (0, True)
    step.record.unlink()
    assert step("another option") == (0, True)


def test_a_step_that_fails_leaves_no_record(step, capfd):
    step()
    assert step("x", "raise SystemExit(3)") == (3, False)
    assert not step.record.exists()
    step.target.unlink()
    assert step("x", "pass") == (1, False)
    assert "is not there" in capfd.readouterr().err
    assert not step.record.exists()


def test_an_interrupted_step_says_so_in_one_line(tmp_path):
    begin = [sys.executable, str(TOOLS / "step.py"), "--work", str(tmp_path), "--name", "long", "--about", "wait"]
    command = [sys.executable, "-c", "import time; print('begun', flush=True); time.sleep(60)"]
    process = subprocess.Popen(
        [*begin, "--out", str(tmp_path / "out"), "--", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        # Tests that run in the background ignore it, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert [process.stdout.readline() for _ in range(2)] == ["long: wait\n", "begun\n"]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "step.py: interrupted\n")
    assert not (tmp_path / "steps" / "long.json").exists()


def test_test_images_become_files_in_their_order(tool, tmp_path, rng, monkeypatch):
    planes, labels = write_cifar_python(tmp_path, rng)["test_batch"]
    monkeypatch.setenv("XDN_DATA", str(tmp_path))
    assert tool("images").main([str(tmp_path / "png"), "--data", "cifar10", "--images", "5", "--quiet"]) == 0
    data = find_dataset(str(tmp_path / "png" / "list.txt"))
    assert data.labels.tolist() == labels[:5]
    np.testing.assert_array_equal(data.images(0, 5)[..., ::-1], planes[:5].transpose(0, 2, 3, 1))


@pytest.fixture
def small(tmp_path, rng):
    """Return (net, prototxt, list file, packed file) of a small net and ten random images."""
    net, path = write_small(tmp_path / "net")
    lines = []
    for number in range(10):
        cv2.imwrite(str(tmp_path / f"{number}.png"), rng.integers(0, 256, (12, 12, 3), np.uint8))
        lines.append(f"{number}.png {number}\n")
    (tmp_path / "list.txt").write_text("".join(lines))
    pack(reordered(find_dataset(str(tmp_path / "list.txt")), "rgb"), tmp_path / "test.packed")
    return net, path, tmp_path / "list.txt", tmp_path / "test.packed"


def test_other_engines_give_the_references_answers(tool, small):
    outside = tool("outside")
    net, path, listed, packed = small
    data = reordered(find_dataset(str(listed)), "rgb")
    transform = api.pixel_transform(net, data.shape, "rgb")
    images = transform.apply(PackedData.open(packed).pixels)
    expected = net.with_batch(10).forward({"data": images})["prob"]
    opencv = outside.OpenCv(path, path.with_suffix(".caffemodel"), data, transform, 1)
    caffe = outside.Caffe(net, data, transform, 4, images=5, threads=1)
    for job, count in ((opencv, 10), (caffe, 8)):
        job.warm()
        found = job.answers()
        assert job.labels.tolist() == list(range(count))
        np.testing.assert_allclose(np.concatenate(found.scores).reshape(count, 10), expected[:count], atol=1e-5)
        assert found.classes.tolist() == expected[:count].argmax(1).tolist()
    assert opencv.batch in outside.OPENCV_BATCHES
    assert caffe.batch == 4


def test_configurations_are_timed_and_reported(tool, small, tmp_path, capsys):
    _, path, listed, packed = small
    target = tmp_path / "times.json"
    call = ["--net", f"original={path}", "--net", f"OPT-B={path}", "--list", str(listed), "--packed", str(packed)]
    further = ["--batch", "4", "--threads", "2", "--rounds", "2", "--caffe-images", "4", "--chain", "OPT-B"]
    (tmp_path / "tuned.json").write_text('{"threads": 1, "schedule": "channel"}')
    _, integers = write_small(
        tmp_path / "int8",
        PROTOTXT.replace("inner_product_param", "xdn_param { int8 { scale: 0.01 } } inner_product_param"),
    )
    further += ["--tuned", str(tmp_path / "tuned.json"), "--bf16", "--int8", str(integers)]
    assert tool("times").main([*call, *further, "--json", str(target)]) == 0
    contest = Contest.read(json.loads(target.read_text()))
    steps = ["caffe", "opencv", "baseline", "pruned", "fused", "offline"]
    numbers = ["bf16", "int8"] if host_target().multiplies_bf16 else ["int8"]
    steps += ["original-1", "original-2", "OPT-B-1", "OPT-B-2", "tuned", *numbers]
    assert [each.key for each in contest.bars] == steps
    found = {each.key: each.result for each in contest.bars}
    assert {key: found[key].threads for key in ("baseline", "offline", "OPT-B-2", "tuned")} == {
        "baseline": 1, "offline": 1, "OPT-B-2": 2, "tuned": 1,
    }  # fmt: skip
    assert {key: result.batch for key, result in found.items() if key != "opencv"} == {
        "caffe": 4, "baseline": 4, "pruned": 4, "fused": 4, "offline": 4,
        "original-1": None, "original-2": None, "OPT-B-1": None, "OPT-B-2": None,
        "tuned": None, **dict.fromkeys(numbers),
    }  # fmt: skip
    assert {key for key, result in found.items() if result.fused_layers} == {
        "fused", "offline", "original-2", "OPT-B-2", "tuned", *numbers
    }  # fmt: skip
    assert {key: found[key].precision for key in ("tuned", *numbers)} == {
        "tuned": "f32", "int8": "f32", **({"bf16": "bf16"} if "bf16" in numbers else {})
    }  # fmt: skip
    # Of 10 images, in f32 and on all of them.
    exact = [result for key, result in found.items() if key not in ("caffe", *numbers)]
    assert len({result.contest.accuracy.correct for result in exact}) == 1
    assert all(len(result.contest.runs_s) == 2 for result in found.values())
    assert (contest.bars[0].images, contest.bars[0].result.contest.accuracy.images) == (10, 4)
    pytest.importorskip("matplotlib")
    assert tool("report").main([str(tmp_path), "--title", "Tried"]) == 0
    text = (tmp_path / "report.md").read_text()
    assert text.startswith("# Tried\n")
    assert "## Waterfall" in text
    sizes = [found.stat().st_size for found in (path.with_suffix(".caffemodel"), integers.with_suffix(".caffemodel"))]
    assert re.findall(r"^\| (net|int8) \| ([\d.]+) \| ([\d.]+) \|", text, re.M) == [
        ("net", f"{1e-6 * sizes[0]:.2f}", "1.000"),
        ("net", f"{1e-6 * sizes[0]:.2f}", "1.000"),
        ("int8", f"{1e-6 * sizes[1]:.2f}", f"{sizes[1] / sizes[0]:.3f}"),
    ]
    assert json.loads((tmp_path / "report.json").read_text())["tables"]["Networks"][0][""] == "original-1"
    assert all((tmp_path / f"waterfall.{suffix}").stat().st_size for suffix in ("png", "svg"))


@pytest.mark.parametrize(
    ("layer", "batch"),
    [
        ('type: "Data" include { phase: TEST } data_param { batch_size: 100 } transform_param { crop_size: 8 }', 100),
        ('type: "Input" input_param { shape { dim: 7 dim: 3 dim: 8 dim: 8 } }', 7),
    ],
    ids=["data layer", "input"],
)
def test_the_batch_is_that_of_the_originals_file(tool, tmp_path, layer, batch):
    train = 'layer { name: "t" type: "Data" top: "d" include { phase: TRAIN } data_param { batch_size: 128 } }'
    relu = 'layer { name: "r" type: "ReLU" bottom: "d" top: "r" }'
    (tmp_path / "net.prototxt").write_text(f'{train} layer {{ name: "d" top: "d" {layer} }} {relu}')
    args = argparse.Namespace(batch_of=tmp_path / "net.prototxt")
    assert tool("times").file_batch(args) == batch


@pytest.mark.parametrize("option", [["--tuned", "x.json"], ["--bf16"], ["--int8", "x.prototxt"]], ids=lambda o: o[0])
def test_a_step_of_the_waterfall_needs_its_net(tool, small, capsys, option):
    _, path, listed, packed = small
    call = ["--net", f"original={path}", "--list", str(listed), "--packed", str(packed), *option]
    assert tool("times").main(call) == 1
    assert f"{option[0]}: this is a step of the waterfall" in capsys.readouterr().err


def test_a_name_that_stands_for_two_nets_is_refused(tool, small, capsys):
    _, path, listed, packed = small
    call = ["--net", f"a={path}", "--net", f"a={path}", "--list", str(listed), "--packed", str(packed)]
    assert tool("times").main(call) == 1
    assert "--net: 'a' is named twice" in capsys.readouterr().err


def test_a_chain_without_its_net_is_refused(tool, small, capsys):
    _, path, listed, packed = small
    call = ["--net", f"original={path}", "--list", str(listed), "--packed", str(packed), "--chain", "OPT-B"]
    assert tool("times").main(call) == 1
    assert "no net is called 'OPT-B'" in capsys.readouterr().err


def test_criteria_are_set_beside_each_other(tool, small, tmp_path, rng):
    """The labels are the classes that one net sees; another one, whose classes are shifted, sees none of them."""
    net, path, listed, _ = small
    data = find_dataset(str(listed))
    images = api.pixel_transform(net, data.shape, data.channel_order).apply(data.images())
    labels = net.with_batch(len(data)).forward({"data": images})["prob"].argmax(1)
    lines = [f"{number}.png {(label + (number >= 6)) % 10}\n" for number, label in enumerate(labels)]
    listed.write_text("".join(lines))
    classifier = net.layer("fc").weights
    shifted = net.with_weights({"fc": {name: np.roll(array, 1, axis=0) for name, array in classifier.items()}})
    made = {"original": net, "l1": net, "random-0": net, "random-1": shifted, "control": net}
    made |= {"pruned-l1": shifted, "pruned-random-0": shifted, "pruned-random-1": net}
    for name, each in made.items():
        api.save(each, tmp_path / name, path.stem)
    names = ["random-0", "l1", "random-1", "control"]
    assert tool("criteria").main([str(tmp_path), *names, "--stem", path.stem, "--data", str(listed)]) == 0
    found = json.loads((tmp_path / "criteria.json").read_text())
    assert found["original"] == 60
    assert [(each["name"], each["before"], each["after"]) for each in found["entries"]] == [
        ("random-0", 40, 60), ("l1", 40, 60), ("random-1", 60, 40), ("control", None, 60),
    ]  # fmt: skip
    rows = [line.split(" | ")[:4] for line in (tmp_path / "criteria.md").read_text().splitlines() if " | " in line]
    assert rows[2:5] == [
        ["| l1", "40.00", "60.00", "+0.00"],
        ["| control", "-", "60.00", "+0.00"],
        ["| random", "50.00 (40.00 to 60.00, 2 seeds)", "50.00 (40.00 to 60.00, 2 seeds)", "-10.00"],
    ]


@pytest.fixture
def forms(tmp_path):
    """Return a folder with the times of a net's forms, made-up, the second's weights a tenth of the first's."""
    folder = tmp_path / "made"
    (folder / "steps").mkdir(parents=True)
    bars = []
    for name, size, seconds, right in (
        ("original", 1000, 8.0, 90),
        ("hybrid", 100, 2.0, 89),
        ("control", 1000, 8.0, 91),
    ):
        path = folder / f"{name}.prototxt"
        path.with_suffix(".caffemodel").write_bytes(bytes(size))
        for end, factor in (("-1", 2), ("-2", 1)):
            made = bar(name + end, factor * seconds, net=str(path))
            scored = replace(made.result.contest, accuracy=replace(made.result.contest.accuracy, correct=100 * right))
            timed = replace(scored, latency=Latency.of([0.001, 0.00125, 0.002], 1) if name == "original" else None)
            result = replace(made.result, contest=timed)
            cost = {"net_macs": 50, "parameters": 60} if name == "hybrid" else {"net_macs": 100, "parameters": 100}
            bars.append(replace(made, title=name, result=result, **cost))
    (folder / "times.json").write_text(json.dumps(Contest(1, tuple(bars)).document()))
    return folder


def test_forms_are_set_beside_their_controls(tool, forms, capsys):
    pytest.importorskip("matplotlib")
    call = [str(forms), "--net", ".=A net, as given", "--control", "hybrid=control"]
    assert tool("against").main(call) == 0
    lines = (forms / "against.md").read_text().splitlines()
    assert [line for line in lines if line.startswith(("| original", "| hybrid", "| control"))] == [
        "| original | 90.00 |  |  | 0.0% | 0.0% | 0.001 | 100.0% | 8000 | 1.00x | 1.25 |",
        "| hybrid (control: control) | 89.00 | -1.00 | -2.00 | 50.0% | 40.0% | 0.000 | 10.0% | 2000 | 4.00x |  |",
        "| control | 91.00 | +1.00 |  | 0.0% | 0.0% | 0.001 | 100.0% | 8000 | 1.00x |  |",
    ]
    found = json.loads((forms / "against.json").read_text())["rows"]
    assert [(each["name"], each["control"], each["file_bytes"]) for each in found] == [
        ("original", "", 1000), ("hybrid", "control", 100), ("control", "", 1000),
    ]  # fmt: skip
    assert all((forms / f"against.{suffix}").stat().st_size for suffix in ("png", "svg"))


@pytest.mark.parametrize(("text", "said"), [("{", "this is not JSON"), ("[]", "this is not a result")])
def test_times_that_are_damaged_are_refused(tool, forms, capsys, text, said):
    (forms / "times.json").write_text(text)
    assert tool("against").main([str(forms), "--net", ".=A net"]) == 1
    assert f"times.json: {said}" in capsys.readouterr().err


def test_a_control_that_is_not_there_is_refused(tool, forms, capsys):
    assert tool("against").main([str(forms), "--net", ".=A net", "--control", "hybrid=controll"]) == 1
    assert (
        "--control hybrid=controll: no form is called so; those: original, hybrid, control" in capsys.readouterr().err
    )
