"""From a solver to a task: nets by phase, first weights, names, batches, teachers."""

from pathlib import Path

import numpy as np
import pytest

from tests.cli.caffe_files import PROTOTXT, write_small
from tests.cli.photos import write_photos
from tests.train.tiny import SOLVER, Watched, write_training
from xdn import api
from xdn.errors import NetError, SettingError, WeightsError
from xdn.frontend import load
from xdn.frontend.solver import Solver, read_solver
from xdn.train.start import begin
from xdn.train.trainer import Trainer

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


def test_an_onnx_model_is_trained_from_its_own_weights(tmp_path):
    solver = read_solver(write_training(tmp_path)).replace(net="small.onnx", epochs=1)
    api.save_onnx(write_small(tmp_path)[0], tmp_path / "small.onnx")
    start = begin(solver, tmp_path / "out")
    own = load(tmp_path / "small.onnx")
    assert start.task.net.digest == own.digest
    assert start.weights.endswith("small.onnx")
    assert begin(solver, tmp_path, from_scratch=True).weights == "fresh, seed 3"
    trained = start.deployed(Trainer(start.task, Watched()).run())
    trained.require_weights()
    assert trained.structure_digest == own.structure_digest
    assert trained.digest != own.digest


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


NEW_HEAD = PROTOTXT.replace('name: "fc" type', 'name: "fc_new" type').replace(
    "inner_product_param { num_output: 10 }",
    """inner_product_param { num_output: 2 weight_filler { type: "uniform" min: 3 max: 4 }
                                            bias_filler { type: "constant" value: 0.5 } }""",
)


@pytest.fixture
def fine_tuning(tmp_path):
    """Return a function: text of a net -> a solver that trains it from the weights of the small net; and these."""
    trained, path = write_small(tmp_path / "pretrained")
    solver = read_solver(write_training(tmp_path))

    def made(text):
        (tmp_path / "small.prototxt").write_text(text)
        return solver.replace(weights=(str(path.with_suffix(".caffemodel")),))

    return made, trained


def test_a_new_last_layer_begins_as_its_fillers_say(fine_tuning, tmp_path, caplog):
    made, trained = fine_tuning
    nets = {}
    for seed in (1, 1, 2):
        start = begin(made(NEW_HEAD).replace(random_seed=seed), tmp_path / "out")
        assert start.filled == ("fc_new",)
        nets.setdefault(seed, []).append(start.task.net)
    assert any("no weights for 1 layers: fc_new; they are filled" in text for text in caplog.messages)
    first, again, other = *nets[1], *nets[2]
    for name in ("conv1", "bn1", "scale1", "conv2", "bn2"):
        for key, values in trained.layer(name).weights.items():
            np.testing.assert_array_equal(first.layer(name).weights[key], values)
    weights = first.layer("fc_new").weights
    assert weights["weight"].shape == (2, 8)
    assert weights["weight"].min() >= 3
    assert weights["weight"].max() <= 4
    np.testing.assert_array_equal(weights["bias"], [0.5, 0.5])
    np.testing.assert_array_equal(weights["weight"], again.layer("fc_new").weights["weight"])
    assert not np.array_equal(weights["weight"], other.layer("fc_new").weights["weight"])


def test_weights_that_fit_fill_nothing(fine_tuning, tmp_path):
    made, trained = fine_tuning
    start = begin(made(PROTOTXT), tmp_path / "out")
    assert (start.filled, start.task.net.digest) == ((), trained.digest)


def test_the_same_name_with_another_shape_is_an_error(fine_tuning, tmp_path):
    made, _ = fine_tuning
    with pytest.raises(WeightsError, match=r"'fc'.*expected the shape \(2, 8\), found .*needs another name"):
        begin(made(PROTOTXT.replace("num_output: 10", "num_output: 2")), tmp_path / "out")


def test_weights_of_which_nothing_fits_are_an_error(fine_tuning, tmp_path):
    made, _ = fine_tuning
    names = ("conv1", "bn1", "scale1", "conv2", "bn2", "fc")
    other = PROTOTXT
    for name in names:
        other = other.replace(f'name: "{name}"', f'name: "{name}_other"')
    with pytest.raises(WeightsError, match="no weights for 6 layers"):
        begin(made(other), tmp_path / "out")


def test_a_teacher_needs_all_of_its_weights(fine_tuning, tmp_path):
    made, _ = fine_tuning
    solver = made(PROTOTXT)
    (tmp_path / "teacher.prototxt").write_text(NEW_HEAD)
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "teacher.prototxt").write_text(PROTOTXT)
    for teacher in (f"teacher.prototxt:{solver.weights[0]}", str(tmp_path / "alone" / "teacher.prototxt")):
        with pytest.raises(WeightsError, match="name them as PROTOTXT:WEIGHTS") as caught:
            begin(solver.replace(teacher=(teacher,)), tmp_path / "out")
        assert "--" not in str(caught.value)


def test_the_images_shape_is_said_where_the_net_lacks_it(tmp_path):
    path = write_training(tmp_path, net=TRAIN_VAL.replace("crop_size: 10", ""))
    with pytest.raises(NetError, match="--input-shape"):
        begin(read_solver(path), tmp_path / "out")
    start = begin(read_solver(path), tmp_path / "out", input_shape=(3, 12, 12))
    assert start.task.examples.train[0][0].shape[1:] == (3, 12, 12)


FLICKR = (
    TRAIN_VAL.replace('type: "Data"', 'type: "ImageData"')
    .replace(
        "data_param { batch_size: 10 }",
        'image_data_param { source: "train.txt" batch_size: 10 new_height: 11 new_width: 13 }',
    )
    .replace(
        "data_param { batch_size: 3 }",
        'image_data_param { source: "test.txt" batch_size: 3 new_height: 12 new_width: 10 }',
    )
)


def test_a_net_that_names_its_lists_and_sizes_needs_no_options(tmp_path, monkeypatch):
    """Caffe's finetune_flickr_style: ImageData layers with a list of photos of any size for each phase."""
    monkeypatch.chdir(tmp_path)
    write_photos(tmp_path / "train")
    write_photos(tmp_path / "test", classes=("cat", "dog"))
    lines = (tmp_path / "test.txt").read_text().splitlines(keepends=True)
    (tmp_path / "test.txt").write_text("".join(lines[:5]))
    path = write_training(tmp_path, SOLVER.replace('data: "%s"', "").replace("batch_size: 8", ""), FLICKR)
    examples = begin(read_solver(path), tmp_path / "out").task.examples
    assert examples.train.batch == 10
    assert examples.test.images.shape == (5, 12, 10, 3)
    assert examples.name == "train.txt (12 image files), resized to 11x13 bilinear, 12 images, tested on 5 test images"
    assert examples.train[0][0].shape == (10, 3, 10, 10)


def test_fine_tuning_with_a_frozen_layer(material, tmp_path):
    """A case from outside: the solver, its net and images, the weights of other classes."""
    folder = material("cases", "45_finetune_new_layer")
    solver = read_solver(folder / "solver.prototxt").replace(weights=("net.caffemodel",))
    start = begin(solver, tmp_path / "out")
    assert start.filled == ("new_classes",)
    net = Trainer(start.task, Watched(), resume=False).run()
    np.testing.assert_array_equal(net.layer("conv").weights["weight"], np.load(folder / "expected.npy"))
    assert net.layer("new_classes").weights["weight"].shape == (2, 144)
