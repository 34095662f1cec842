"""From a solver to a task: nets by phase, first weights, names, batches, teachers."""

from pathlib import Path

import numpy as np
import pytest

from tests.cli.caffe_files import PROTOTXT, write_small
from tests.train.tiny import SOLVER, write_training
from xdn.errors import NetError, SettingError, WeightsError
from xdn.frontend import load
from xdn.frontend.solver import Solver, read_solver
from xdn.train.start import begin

DATA = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 12 dim: 12 } } }'
#: A training net as Caffe's users write it: a data layer a phase, a loss, a measure.
TRAIN_VAL = (
    PROTOTXT.replace(
        DATA,
        """
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN } data_param { batch_size: 10 }
        transform_param { mirror: true crop_size: 10 scale: 0.5 } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST } data_param { batch_size: 3 }
        transform_param { crop_size: 10 scale: 0.5 } }""",
    ).replace('layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }', "")
    + """
layer { name: "accuracy" type: "Accuracy" bottom: "fc" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""
)


def test_a_training_net_brings_its_batch_and_its_transforms(tmp_path):
    path = write_training(tmp_path, SOLVER.replace("batch_size: 8", "").replace("mirror: true", ""), TRAIN_VAL)
    start = begin(read_solver(path), tmp_path / "out")
    training = start.task.examples.train
    assert training.batch == 10
    assert training[0][0].shape == (10, 3, 10, 10)
    assert start.task.net.input_layers[0].params.transform.mirror
    images, _ = start.task.examples.test.batch(0, 2)
    assert images.shape == (2, 3, 10, 10)
    np.testing.assert_array_equal(
        images[0], start.task.examples.test.images[0, 1:11, 1:11].transpose(2, 0, 1).astype(np.float32) * 0.5
    )
    deployed = start.deployed(start.task.net)
    assert deployed.outputs == ("prob",)
    deployed.require_weights()


def test_first_weights_are_fresh_by_the_seed_or_those_of_the_file(tmp_path):
    solver = read_solver(write_training(tmp_path))
    fresh = [begin(solver.replace(random_seed=seed), tmp_path).task.net.digest for seed in (1, 1, 2)]
    assert fresh[0] == fresh[1] != fresh[2]
    net, _ = write_small(tmp_path)
    start = begin(solver.replace(weights=("small.caffemodel",)), tmp_path)
    assert start.task.net.digest == net.digest
    assert start.weights == "small.caffemodel"


@pytest.mark.parametrize(
    ("said", "out", "prefix"),
    [
        ("", None, Path("small.trained/small")),
        ("a/b", None, Path("a/b")),
        ("a/", None, Path("a/small")),
        ("/etc/b", Path("out"), Path("out/small")),
    ],
)
def test_names_of_what_is_written(tmp_path, said, out, prefix):
    solver = read_solver(write_training(tmp_path)).replace(snapshot_prefix=said)
    task = begin(solver, out).task
    assert task.prefix == prefix
    assert task.log_path == Path(f"{prefix}.log.jsonl")
    assert task.snapshot_path == Path(f"{prefix}.snapshot.pt")


@pytest.mark.parametrize("said", ["/etc/b", "../b", "a/../../b"])
def test_a_prefix_leads_nowhere_else(tmp_path, said):
    solver = read_solver(write_training(tmp_path)).replace(snapshot_prefix=said)
    with pytest.raises(SettingError, match=r"leads out of the working folder. Name the folder with --out"):
        begin(solver)


def test_teachers_are_found_beside_the_solver(tmp_path):
    path = write_training(tmp_path)
    write_small(tmp_path)
    solver = read_solver(path).replace(teacher=("small.prototxt:small.caffemodel", "small.prototxt"))
    digest = load(tmp_path / "small.prototxt", tmp_path / "small.caffemodel").digest
    assert begin(solver, tmp_path).task.teachers.digests == [digest, digest]


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(SettingError, match=r"names no net. Say it with --net"):
        begin(Solver())
    solver = read_solver(write_training(tmp_path))
    with pytest.raises(SettingError, match="one caffemodel is read"):
        begin(solver.replace(weights=("a", "b")))


def test_the_net_of_the_tests_has_the_weights_that_are_trained(tmp_path):
    solver = read_solver(write_training(tmp_path))
    (tmp_path / "other.prototxt").write_text(PROTOTXT.replace("num_output: 10", "num_output: 11"))
    with pytest.raises(NetError, match=r"layer 'fc': the layer has other weights in the phase TRAIN"):
        begin(solver.replace(test_net="other.prototxt"))


def test_a_net_too_large_for_any_memory_is_refused(tmp_path):
    solver = read_solver(write_training(tmp_path, net=PROTOTXT.replace("num_output: 10", "num_output: 200000000")))
    with pytest.raises(WeightsError, match=r"asks for 72\d* bytes of weights; at most"):
        begin(solver)


def test_the_net_can_be_adapted(tmp_path):
    solver = read_solver(write_training(tmp_path))
    start = begin(solver, tmp_path, adapt=lambda net: net.replace(name="adapted"))
    assert (start.task.net.name, start.test_net.name) == ("adapted", "adapted")
