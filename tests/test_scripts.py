"""The scripts in tools/: each explains itself, none has what ShellCheck warns of, and those that are
quick run, as the README's commands for its figures do."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.cli.caffe_files import PROTOTXT, write_small
from tests.conftest import ROOT
from tests.data.samples import write_cifar_python
from tests.pytorch import needs_torch
from xdn.runtime.configuration import Configuration, load_configuration
from xdn.runtime.cpu.threads.count import default_threads

SCRIPTS = sorted((ROOT / "tools").glob("*.sh"))
RESNET20 = "prototxt/resnet20_cifar10/resnet20.prototxt"
SHARED = sorted((ROOT / "tools").glob("*/*.sh"))


def run(*command, folder, timeout_s=60):
    """Return the finished process of a command that is called in a folder."""
    variables = os.environ | {"PYTHON": sys.executable}
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=timeout_s, check=False
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_it_explains_itself_and_refuses_what_it_does_not_know(script, tmp_path):
    shown = run(script, "--help", folder=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"tools/{script.name}" in shown.stdout
    refused = run(script, "--fast", folder=tmp_path)
    assert refused.returncode != 0
    assert refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_takes_long_has_a_quick_form(tmp_path):
    """All but the site, which is built in seconds."""
    shown = {script.stem: run(script, "--help", folder=tmp_path).stdout for script in SCRIPTS}
    assert [name for name, text in shown.items() if "--quick" not in text] == ["build_site"]


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="ShellCheck is not installed")
def test_shellcheck_has_nothing_to_say():
    found = run("shellcheck", *SCRIPTS, *SHARED, ROOT / ".ci" / "run", folder=ROOT)
    assert found.stdout + found.stderr == ""


@pytest.fixture
def compare(tmp_path):
    """Return a function that compares XDN with itself on tiny inputs, from another folder."""

    def compared(*args):
        """Return the finished process."""
        script = ROOT / "tools" / "compare_engines.sh"
        options = ("--quick", "--rounds", "1", "--engines", "xdn", "--precision", "f32", "--out", "engines")
        return run(script, *options, *args, folder=tmp_path, timeout_s=240)

    return compared


def test_a_net_that_is_not_there_is_refused_before_others_run(compare):
    done = compare("lenet", "lenett")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no such net: lenett" in done.stderr


@pytest.mark.slow
def test_engines_are_compared_once_and_a_page_is_made(compare, tmp_path):
    broken = tmp_path / "broken.prototxt"
    broken.write_text("layer {")
    for said in ("lenet-throughput: time all engines in turn", "lenet-throughput: there since an earlier run"):
        done = compare("lenet", str(broken))
        assert said in done.stdout
        assert (done.returncode, "these nets failed" in done.stderr) == (1, True)
        assert "LeNet" in (tmp_path / "engines" / "report.html").read_text()


def test_a_number_format_that_is_none_is_refused(tmp_path):
    done = run(ROOT / "tools" / "reproduce_contest.sh", "--precision", "f32,int4", folder=tmp_path)
    assert done.returncode == 1
    assert "--precision f32,int4: this is no list of f32, bf16, int8" in done.stderr


@pytest.mark.parametrize("nets", ["OPT-D", "OPT-A,,control", "OPT-A control"])
def test_nets_that_are_none_of_the_contest_are_refused(tmp_path, nets):
    done = run(ROOT / "tools" / "reproduce_contest.sh", "--nets", nets, folder=tmp_path)
    assert done.returncode == 1
    assert f"--nets {nets}: this is no list of OPT-A, OPT-B, OPT-C, control" in done.stderr


@pytest.fixture
def reproduce(tmp_path, rng, monkeypatch, own_cache_of_processes):
    """Return a function that runs the quick form of a script with a net of two convolutions and few images.

    Packed data of another CIFAR-10 lie in the user's own cache.
    """
    monkeypatch.setenv("XDN_DATA", str(tmp_path))
    write_cifar_python(tmp_path, rng, count=110)
    _, path = write_small(tmp_path / "net", PROTOTXT.replace("dim: 12", "dim: 32"))
    options = ("--net", path, "--data", "cifar10", "--images", "20", "--holdout", "400", "--rounds", "1")

    def reproduced(name, *more, table="report.md"):
        """Return the rows of a file's tables by their first words."""
        done = run(ROOT / "tools" / name, "--quick", *options, *more, "--out", "made", folder=tmp_path, timeout_s=400)
        assert done.returncode == 0, done.stderr
        lines = (tmp_path / "made" / table).read_text().splitlines()
        return dict(line[2:].split(" | ", 1) for line in lines if " | " in line)

    reproduced.net = path
    return reproduced


@pytest.mark.slow
@needs_torch
def test_a_hybrid_is_pruned_trained_and_in_integers(reproduce):
    rows = reproduce("reproduce_hybrid.sh", table="against.md")
    trained = ("hybrid-int8 (control: control)", "hybrid-int8-trained (control: control-trained)")
    assert {"original", "hybrid (control: control)", "control", "control-trained", *trained} <= set(rows)
    macs, parameters = (float(share) for share in re.findall(r"([\d.]+)%", rows["pruned"])[:2])
    assert min(macs, parameters) >= 40


@pytest.mark.slow
@needs_torch
def test_training_in_integers_stands_beside_training_in_f32(reproduce):
    rows = reproduce("train_int8.sh", table="against.md")
    assert {"original", "original-int8", "int8-trained (control: control)", "control"} <= set(rows)


@pytest.mark.slow
@needs_torch
def test_schemes_of_few_bits_stand_beside_f32_and_a_control(reproduce):
    rows = reproduce("train_bits.sh", "2/6", "1/32", table="against.md")
    assert {"original", "control", "2-6 (control: control)", "1-32 (control: control)"} <= set(rows)


def test_a_first_training_sees_no_image_that_is_held_out(tmp_path, monkeypatch):
    """What is printed is its command; where nothing is trained, no net is found."""
    monkeypatch.setenv("XDN_TEST_MATERIAL", str(tmp_path))
    stubbed = """. "$0"; step() { printf '%s ' "$@"; }; parse_options "$@"; find_model resnet56"""
    script = ROOT / "tools" / "contest" / "common.sh"
    options = ("--data", "cifar10", "--out", "made", "--holdout", "7")
    done = run("bash", "-c", stubbed, script, *options, folder=tmp_path)
    assert "--holdout 7 " in done.stdout
    assert "no such files: made/trained/deploy.prototxt" in done.stderr


def test_a_scheme_that_is_none_is_refused(tmp_path):
    done = run(ROOT / "tools" / "train_bits.sh", "4/4", "4/9", folder=tmp_path)
    assert (done.returncode, "4/9: this is not two numbers of bits" in done.stderr) == (1, True)


@pytest.mark.slow
@needs_torch
def test_a_chain_of_distillation_has_a_row_for_each_teacher(reproduce):
    rows = reproduce("distill_chain.sh", "--assistant", reproduce.net, "--student", reproduce.net, table="against.md")
    alone = ("student-one-teacher", "student-two-teachers", "student-assistant")
    assert all(f"{name} (control: student-alone)" in rows for name in alone)
    assert rows["train-student-two-teachers"].startswith(
        "1 epochs, from fresh weights, original and assistant-alone as teacher"
    )


@pytest.mark.slow
@needs_torch
def test_the_contest_is_reproduced_to_the_last_bar(reproduce, tmp_path):
    rows = reproduce("reproduce_contest.sh", "--budget", "1", "--nets", "control")
    assert {"original-2", "OPT-B-2", "control-2", "OPT-B-int8", "train-OPT-B"} <= set(rows)
    bars = ("everything off", "pruning", "fusion", "offline data", "default configuration", "INT8")
    assert all(any(row.startswith(bar) for row in rows) for bar in bars)
    better = load_configuration(tmp_path / "made" / "tuned.json") != Configuration(threads=default_threads())
    assert any(row.startswith("tuned configuration") for row in rows) == better


@pytest.mark.slow
@needs_torch
def test_criteria_that_are_named_are_compared(reproduce):
    rows = reproduce("compare_criteria.sh", "l1", table="criteria.md")
    assert {"l1", "scratch", "control"} <= set(rows)
    assert not {"l2", "random"} & set(rows)


@pytest.mark.slow
@needs_torch
def test_a_small_net_is_made_smaller(reproduce):
    rows = reproduce("train_mobilenet_v3.sh")
    assert {"original-2", "pruned-2", "finetuned-2", "finetuned-int8-2", "finetuned-int8"} <= set(rows)


@pytest.mark.usefixtures("own_cache_of_processes")
@pytest.mark.slow
def test_the_commands_of_the_readmes_figures_run(tmp_path, rng, monkeypatch):
    """As they stand, but with few images, one round, and this engine alone; the net of the last one is the first's."""
    monkeypatch.setenv("XDN_DATA", str(tmp_path))
    write_cifar_python(tmp_path, rng, count=20)
    text = (ROOT / "README.md").read_text().replace("\\\n", " ").replace("NET.prototxt", RESNET20)
    followed = re.findall(r"^python (bench/engines.py .*)$", text, re.M)
    assert len(followed) == 3
    for line in followed:
        words = re.sub(r"--engines \S+", "--engines xdn", line).split()
        few = ("--images", "20", "--rounds", "1", "--batches", "16", "--calibration-images", "16")
        done = run(sys.executable, *words, *few, folder=ROOT, timeout_s=120)
        assert done.returncode == 0, f"{line}: {done.stderr}"
        assert "contest, s" in done.stdout
