"""The comparison of engines in bf16: who is asked, how far they may differ, and what is said of them."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.test_bench import entrants
from tests.test_bench_int8 import GLYPHS_NET, ROOT, found_inputs, options
from xdn.codegen.dots import NATIVE
from xdn.codegen.target import host_target
from xdn.errors import XdnError

HAS_UNIT = host_target().tiles is not None or host_target().pairs == NATIVE


@pytest.fixture
def bench(monkeypatch):
    """Return a function that imports a module of bench/."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return __import__


@pytest.fixture
def model(bench, tmp_path):
    """Return a small net as all engines get it, asked for in bf16, and its inputs."""
    inputs = found_inputs(bench, options(bench, "--random-weights"))
    (tmp_path / "model").mkdir()
    return bench("engines").replace(inputs.write(tmp_path / "model"), precision="bf16"), inputs


@pytest.mark.slow
def test_engines_in_bf16_stand_beside_f32(tmp_path):
    target = tmp_path / "figures.json"
    command = [sys.executable, str(ROOT / "bench" / "engines.py"), "--threads", "1", "--rounds", "1"]
    command += ["--net", str(GLYPHS_NET), "--images", "20", "--batches", "10", "--precision", "f32,bf16"]
    command += ["--engines", "xdn,opencv,openvino", "--json", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(target.read_text())
    assert document["precision"] == "f32,bf16"
    assert "it is not asked for bf16" in document["missing"]["opencv bf16"]
    if not HAS_UNIT:
        assert "AVX512-BF16" in document["missing"]["xdn bf16"]
        return
    own, real = document["engines"]["xdn bf16"], document["engines"]["xdn"]
    assert 1e-6 < own["largest_difference"] < 0.1
    assert own["labels_as_f32"] >= 18
    assert "quantizer" not in own
    assert own["ratio_f32_total_s"] == pytest.approx(own["total_s"] / real["total_s"])


@pytest.mark.usefixtures("emulated")
def test_xdn_computes_in_bf16(bench, model):
    asked, inputs = model
    images, expected = inputs.sample()
    engine = bench("engine").engine_class("xdn").made(asked, 1)
    assert engine.title == "xdn bf16"
    engine.configure(len(images), "default")
    (outputs,) = engine.infer([engine.convert(images)])
    difference = np.abs(outputs.reshape(expected.shape) - expected).max() / np.abs(expected).max()
    # Of f32 it is some 1e-6.
    assert 1e-5 < difference < 0.1
    assert bench("measure").check_agreement(engine, images, expected) == {"xdn bf16": difference}
    with pytest.raises(XdnError, match="xdn bf16 differs from the references"):
        bench("measure").check_agreement(engine, images, expected[::-1] + expected.max())


def test_openvino_is_forced_to_bf16(bench, model):
    openvino = pytest.importorskip("openvino")
    asked, inputs = model
    entered = entrants(bench, ["openvino"], asked)
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert "no processor like this one" in entered.missing["openvino bf16"]
        return
    images, expected = inputs.sample()
    (differs,) = bench("measure").check_agreement(entered.engines["openvino bf16"], images, expected).values()
    assert 1e-5 < differs < 0.1


def test_others_are_not_asked(bench, model):
    entered = entrants(bench, ["opencv", "onnxruntime"], model[0])
    assert entered.engines == {}
    assert set(entered.missing.values()) == {"cannot run this net: it is not asked for bf16"}
