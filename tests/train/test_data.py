"""The images of a training and of its tests."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from tests.cli.caffe_files import PROTOTXT
from tests.data.samples import write_image_folder
from tests.train.tiny import write_images
from xdn import api, settings
from xdn.data.packed import pack
from xdn.data.source import find_data
from xdn.errors import DataError
from xdn.frontend import load
from xdn.frontend.solver import Recipe
from xdn.train.data import data_name, find_examples


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.prototxt").write_text(PROTOTXT)
    return load(tmp_path / "net.prototxt", random_weights=True)


@pytest.fixture
def recipe(tmp_path):
    return Recipe(data=str(write_images(tmp_path / "images")))


def found(recipe, net, **options):
    return find_examples(recipe, (net, net), **({"batch": 8, "seed": 1} | options))


def test_held_out_images_are_the_last_and_not_trained_on(recipe, net):
    whole = found(recipe, net)
    assert (len(whole.train), len(whole.test)) == (40, 40)
    assert whole.name == "images (40 image files), 40 images, tested on the same 40 images"
    part = found(replace(recipe, holdout=6), net, batch=34)
    assert (len(part.train), len(part.test)) == (34, 6)
    assert part.name == "images (40 image files), 34 images, tested on the 6 held out"
    np.testing.assert_array_equal(part.test.images, whole.test.images[34:])
    values, labels = part.train[0]
    np.testing.assert_array_equal(np.sort(labels), np.sort(whole.test.labels[:34]))
    trained_on = {image.tobytes() for image in values.transpose(0, 2, 3, 1).astype(np.uint8)}
    assert trained_on == {image.tobytes() for image in whole.test.images[:34]}


def test_held_out_images_of_some_classes_are_told(recipe, net, caplog):
    found(replace(recipe, holdout=6), net)
    assert "the 6 images that are held out have 1 of 2 classes" in caplog.text
    caplog.clear()
    found(replace(recipe, holdout=22), net)
    assert not caplog.records


def test_the_net_s_transform_is_applied(recipe, net):
    net = api.with_transform(net, mean_value=(10.0, 20.0, 30.0), scale=0.5)
    examples = found(recipe, net, batch=40)
    values, _ = examples.train[0]
    assert values.mean() == pytest.approx((examples.test.images.mean() - 20) / 2, rel=1e-5)
    tested, _ = examples.test.batch(0, 40)
    assert tested.mean() == pytest.approx(values.mean(), rel=1e-5)


def test_the_data_set_is_the_solver_s_else_the_net_s(net):
    shipped = load(settings.shipped_dir() / "resnet20_cifar10" / "resnet20.prototxt")
    assert data_name(Recipe(), shipped) == "cifar10"
    assert data_name(Recipe(data="glyphs10"), shipped) == "glyphs10"
    assert data_name(Recipe(), net) is None


def test_what_does_not_fit_is_refused(recipe, net):
    with pytest.raises(DataError, match="40 images are held out of 40"):
        found(replace(recipe, holdout=40), net)
    small = net.reshape({"data": (1, 3, 10, 10)})
    with pytest.raises(DataError, match="do not fit the net's input of 10x10"):
        found(recipe, small)
    grey = net.reshape({"data": (1, 1, 12, 12)})
    with pytest.raises(DataError, match="3 channels"):
        found(replace(recipe, data="glyphs10", holdout=1), grey)


def test_more_classes_than_scores_are_refused(recipe, tmp_path):
    (tmp_path / "net.prototxt").write_text(PROTOTXT.replace("num_output: 10", "num_output: 1"))
    with pytest.raises(DataError, match=r"has the shape .1, 1.; .* has 2 classes"):
        found(recipe, load(tmp_path / "net.prototxt"))


def test_a_net_of_one_channel_is_trained_on_grey_images(recipe, tmp_path):
    (tmp_path / "grey.prototxt").write_text(PROTOTXT.replace("dim: 3", "dim: 1"))
    net = load(tmp_path / "grey.prototxt", random_weights=True)
    examples = found(recipe, net)
    assert examples.train[0][0].shape == (8, 1, 12, 12)
    assert examples.test.images.shape == (40, 12, 12, 1)


def test_image_files_are_resized(recipe, net):
    small = net.reshape({"data": (1, 3, 10, 10)})
    examples = found(recipe, small, find=partial(find_data, size=(10, 10)))
    assert examples.test.images.shape == (40, 10, 10, 3)
    assert examples.name.startswith("images (40 image files), resized to 10x10 bilinear, 40 images")


def test_packed_images_need_others_for_the_tests(recipe, net, tmp_path):
    pack(find_data(recipe.data, channel_order="rgb"), tmp_path / "train.packed")
    packed = replace(recipe, data=str(tmp_path / "train.packed"))
    with pytest.raises(DataError, match=r"train\.packed: .*--test-data.*--holdout"):
        found(packed, net)
    held = found(replace(packed, holdout=5), net)
    assert (len(held.train), len(held.test)) == (35, 5)
    assert "channels rgb" in held.name
    with pytest.raises(DataError, match="other channels than those of the training: bgr, not rgb"):
        found(replace(packed, test_data=recipe.data), net)
    pack(find_data(recipe.data, channel_order="rgb"), tmp_path / "test.packed")
    both = found(replace(packed, test_data=str(tmp_path / "test.packed")), net)
    np.testing.assert_array_equal(both.test.images, find_data(recipe.data).images(0, 40)[..., ::-1])


def test_folders_of_other_classes_are_not_tests(recipe, net, tmp_path):
    write_image_folder(tmp_path / "other", np.random.default_rng(0), [(12, 12)], classes=("dark", "medium"))
    with pytest.raises(DataError, match=r"other classes than .*: \('dark', 'medium'\), not \('dark', 'light'\)"):
        found(replace(recipe, test_data=str(tmp_path / "other")), net)


def test_the_images_of_a_training_are_bounded_before_they_are_read(recipe, net, monkeypatch):
    monkeypatch.setattr(settings, "MAX_TRAINING_BYTES", 40 * 12 * 12 * 3 - 1)
    with pytest.raises(DataError, match="the images need 17280 bytes"):
        found(recipe, net)
