"""`bench/zoo.py`: files that run, that are refused, and how results are compared."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import one_layer_net
from tests.pytorch import needs_torch
from xdn import memory
from xdn.frontend import load
from xdn.layers.yolov3detectionoutput import Yolov3DetectionOutput

BENCH = Path(__file__).parents[1] / "bench"
NET = """input: "data" input_shape { dim: 1 dim: 3 dim: 6 dim: 6 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "p" type: "Softmax" bottom: "c" top: "p" }
"""


@pytest.fixture
def zoo(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import zoo

    return zoo


def test_a_folder(tmp_path):
    (tmp_path / "a.prototxt").write_text(NET)
    (tmp_path / "b.prototxt").write_text('layer { name: "x" type: "LSTM" }')
    report = tmp_path / "report.json"
    command = [sys.executable, str(BENCH / "zoo.py"), str(tmp_path), "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    ran, refused = json.loads(report.read_text())
    assert (ran["file"], ran["state"], ran["apart"]) == ("a.prototxt", "ran", [])
    assert ran["reference"] < 1e-5
    assert ran["opencv"] < 1e-5
    assert refused["state"] == "refused"
    assert "LSTM" in refused["error"]
    assert "2 files, 1 ran; 1 of 1 agree with the references" in done.stdout


def test_differences_are_relative_to_the_largest_value(zoo):
    found = {"a": np.array([[1, 2]], np.float32), "b": np.zeros((1, 2), np.float32)}
    assert zoo.difference(found, {"a": np.array([[1, 4]]), "b": np.zeros((1, 2))}) == pytest.approx(0.5)
    assert zoo.difference(found, {"a": np.array([[1]]), "b": np.zeros((1, 2))}) is None


def test_what_finds_boxes_is_compared_by_what_it_reads(zoo):
    yolo = Yolov3DetectionOutput(num_classes=1, num_box=1, biases=(9.0, 8.0), mask=(0, 0), anchors_scale=(16, 8))
    net = one_layer_net(yolo, (1, 6, 1, 2), (1, 6, 2, 4))
    assert zoo._compared(net, net.outputs[0]) == net.layers[-1].bottoms


TRAINING = """layer { name: "d" type: "Data" top: "data" top: "label" }
layer { name: "f" type: "Flatten" bottom: "data" top: "f" }
layer { name: "r" type: "Reshape" bottom: "f" top: "r" reshape_param { shape { dim: 0 dim: 5 dim: -1 } } }
layer { name: "i" type: "InnerProduct" bottom: "r" top: "i" inner_product_param { num_output: 2 } }
"""


def test_the_first_shape_counts_with_which_a_file_loads(zoo, tmp_path):
    path = tmp_path / "a.prototxt"
    path.write_text(TRAINING)
    found = zoo.run_one(path, [(2, 3, 4), (2, 5, 4), (1, 5, 1)], 1.0)
    assert (found["state"], found["gmacs"]) == ("ran", 40 * 2 / 1e9)
    refused = zoo.run_one(path, [(2, 3, 4), (2, 3, 3)], 1.0)
    assert refused["state"] == "refused"
    assert "18" in refused["error"]


def test_a_file_that_loads_may_fail_to_run(zoo, tmp_path):
    path = tmp_path / "a.prototxt"
    path.write_text(NET)
    with memory.limited(1000):
        found = zoo.run_one(path, [], 1.0)
    assert found["state"] == "failed"
    assert "are allowed" in found["error"]


MAPS = """input: "data" input_shape { dim: 1 dim: 3 dim: 40 dim: 70 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 3 } }
"""
STATISTICS = 'layer { name: "b" type: "BatchNorm" bottom: "c" top: "b" batch_norm_param { use_global_stats: false } }'
SHEET = 'layer { name: "f" type: "InnerProduct" bottom: "c" top: "f" inner_product_param { num_output: 2 } }'


@pytest.fixture
def shrink(zoo):
    return zoo.shrink


def _net(folder, text):
    path = folder / "net.prototxt"
    path.write_text(text)
    return load(path)


def test_images_are_made_smaller_by_what_strides_divide(shrink, tmp_path):
    net = _net(tmp_path, MAPS)
    assert shrink.shrunk(net, 1.0) is net
    # What goes is a multiple of 32: of 40 rows all but 8 do.
    smaller = shrink.shrunk(net, 0.6 * shrink.gmacs(net))
    assert smaller.inputs["data"].shape == (1, 3, 8, 38)
    # None is small enough; that with the fewest multiplications counts.
    assert shrink.shrunk(net, 0.0).inputs["data"].shape == (1, 3, 5, 8)


@pytest.mark.parametrize("layer", [SHEET, STATISTICS], ids=["weights", "statistics"])
def test_images_stay_where_their_size_matters(shrink, tmp_path, layer):
    net = _net(tmp_path, MAPS + layer)
    assert shrink.shrunk(net, 0.0) is net


def test_a_shrunk_file_says_how_large_it_was(zoo, tmp_path):
    path = tmp_path / "a.prototxt"
    path.write_text(MAPS)
    found = zoo.run_one(path, [], 1.0, 0.0)
    assert (found["state"], found["inputs"]) == ("ran", {"data": (1, 3, 5, 8)})
    assert found["whole_gmacs"] == 38 * 68 * 4 * 27 / 1e9
    assert max(found["reference"], found["opencv"]) < 1e-5


@needs_torch
@pytest.mark.parametrize(("most_gmacs", "needed_bytes"), [(0.0, 1), (1.0, 1 << 60)], ids=["work", "memory"])
def test_pytorch_stands_in_for_references_that_are_too_large(zoo, tmp_path, monkeypatch, most_gmacs, needed_bytes):
    path = tmp_path / "a.prototxt"
    path.write_text(NET)
    monkeypatch.setattr("xdn.graph.net.reference_needs", lambda net: [memory.Need("c", needed_bytes)])
    found = zoo.run_one(path, [], most_gmacs)
    assert found["pytorch"] < 1e-5
    assert "reference" not in found


INTEL = "openvinotoolkit__open_model_zoo/models__intel__"
#: Small real files, and layers that they have; the whole folder is for the program.
SMALL = {
    "intel__caffe/examples__mnist__lenet_train_test_mlsl2": "Convolution InnerProduct Softmax",
    "beniz__deepdetect/examples__graph__recurrent": "Flatten LSTM Permute Slice",
    "gifford-lab__caffe-cnn/example__deploy": "Dropout Pooling ReLU",
    "happynear__caffe-windows/src__caffe__test__flip_layer": "Flip",
    "happynear__caffe-windows/src__caffe__test__normalize_layer": "Normalize",
    "guanlongzhao__single-image-dehazing/src__train_val": "Concat Eltwise Power Split",
    "juanzdev__word-embeddings-caffe/model__deploy": "Embed",
    "BVLC__caffe/examples__cifar10__cifar10_full_sigmoid_train_test_bn": "BatchNorm Sigmoid",
    "mrisso__featureSelectionNN/pixelwise_classifier__pixelwise_model": "TanH",
    "wenwei202__caffe/examples__cifar10__cifar10_full_train_test_sfm": "LRN Sparsify",
    "menciud__lstm_trading_strategy/model__deploy": "Reshape",
    "PaddlePaddle__X2Paddle/test_benchmark__Caffe__MTCNN2__det2": "PReLU",
    # Of 153 GMACs, with images of 32x32.
    "Tyler-D__DeBlurNet/deploy": "Deconvolution Eltwise",
    f"{INTEL}license-plate-recognition-barrier-0001__license-plate-recognition-barrier-0001": "CTCGreedyDecoder Tile",
    f"{INTEL}face-detection-retail-0004__face-detection-retail-0004": "DetectionOutput PriorBoxClustered Scale",
}


@pytest.mark.slow
def test_real_files_run_and_are_right(zoo, material):
    shapes = [tuple(map(int, shape.split(","))) for shape in zoo.SHAPES]
    wrong = []
    for name, types in SMALL.items():
        found = zoo.run_one(material("zoo2", f"{name}.prototxt"), shapes, 1.0, 1.0)
        agreed = [found[key] for key in ("reference", "opencv") if found.get(key) is not None]
        if found["state"] != "ran" or not agreed or max(agreed) > 1e-4 or set(types.split()) - set(found["types"]):
            wrong.append(f"{name}: {found}")
    assert not wrong, "\n".join(wrong)
