"""What pruning is given: images of the data set, gradients, scores, times."""

import numpy as np
import pytest

from tests.data.samples import ArrayDataset
from tests.optimize.building import conv, data, layer, net_of
from tests.pytorch import NEEDS_TORCH, needs_torch
from xdn import settings
from xdn.data import find_dataset
from xdn.errors import InputError
from xdn.instruments import calibration, cross_entropy, instruments, seconds_an_image
from xdn.optimize.prune.config import Budget, PruneConfig
from xdn.optimize.prune.pruner import prune
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.session import Session


def small():
    return net_of(
        data(1, 3, 32, 32),
        conv("c1", "data", 8, stride=2),
        layer("ReLU", "r1", ["c1"]),
        conv("c2", "r1", 6, kernel=3),
        layer("Pooling", "p", ["c2"], pool="AVE", global_pooling=True),
        layer("InnerProduct", "fc", ["p"], num_output=10),
        layer("Softmax", "prob", ["fc"]),
    )


@pytest.fixture(scope="module")
def glyphs():
    return find_dataset("glyphs10", "train")


def test_images_are_seeded_transformed_and_not_those_of_the_score(glyphs):
    found = instruments(small(), glyphs, 16)
    again = instruments(small(), glyphs, 16)
    other = instruments(small(), glyphs, 16, seed=1)
    assert found.images["data"].shape == (16, 3, 32, 32)
    assert found.images["data"].dtype == np.float32
    np.testing.assert_array_equal(found.images["data"], again.images["data"])
    assert not np.array_equal(found.images["data"], other.images["data"])


def test_memory_bounds_the_images(glyphs, monkeypatch):
    monkeypatch.setattr(settings, "PRUNE_BYTES", 1 << 20)
    assert 1 <= len(instruments(small(), glyphs, 1000).images["data"]) < 50


def test_score_is_the_negative_cross_entropy_of_what_the_net_says(glyphs, monkeypatch):
    monkeypatch.setattr(settings, "PRUNE_SCORE_IMAGES", 20)
    net = small()
    first = len(glyphs) - len(glyphs) // 10
    pixels = glyphs.images(first, first + 20).transpose(0, 3, 1, 2).astype(np.float32)
    probabilities = net.with_batch(20).forward({"data": pixels})["prob"]
    own = probabilities[np.arange(20), glyphs.labels[first : first + 20]].astype(np.float64)
    expected = np.log(np.maximum(own, np.finfo(np.float32).tiny)).mean()
    # Probabilities of raw pixels saturate: their logarithms are compared, each as exact as its f32 logit of ~100.
    assert instruments(net, glyphs, 4).score(net) == pytest.approx(expected, rel=1e-3)


def test_images_that_come_class_by_class_are_mixed(rng):
    """A folder of images has them so: its last tenth would be one class."""
    pixels, labels = rng.integers(0, 256, (100, 32, 32, 3), np.uint8), np.repeat(np.arange(10), 10)
    found = instruments(small(), ArrayDataset(pixels, labels, classes=tuple("abcdefghij")), 1000)
    places = found.score.keywords["places"]
    assert len(np.unique(labels[places])) > 3
    assert len(found.images["data"]) == 90
    seen = {image.tobytes() for image in found.images["data"].transpose(0, 2, 3, 1).astype(np.uint8)}
    held = {image.tobytes() for image in pixels[places]}
    assert len(seen | held) == 100


def test_cross_entropy_of_probabilities_and_of_logits():
    logits = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]], np.float32)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([2, 0])
    expected = -np.log(probabilities[[0, 1], labels]).mean()
    assert cross_entropy(logits, labels) == pytest.approx(expected, rel=1e-6)
    assert cross_entropy(probabilities.astype(np.float32), labels) == pytest.approx(expected, rel=1e-6)


def test_nets_that_are_pruned_are_run_by_sessions(glyphs):
    net, found = small(), instruments(small(), glyphs, 4)
    blobs, expected = found.forward(net, found.images), net.forward(found.images)
    assert list(blobs) == list(expected)
    for name, blob in expected.items():
        # Other orders of sums, relative to the largest value.
        np.testing.assert_allclose(blobs[name], blob, rtol=0, atol=1e-5 * np.abs(blob).max())


def test_no_thread_is_left_of_what_nets_were_run_with(glyphs, monkeypatch):
    monkeypatch.setattr(settings, "PRUNE_SCORE_IMAGES", 20)
    closed = []
    monkeypatch.setattr(Session, "close", lambda self: closed.append(self))
    net, found = small(), instruments(small(), glyphs, 4)
    found.score(net)
    found.forward(net, found.images)
    with pytest.raises(InputError):
        found.forward(net, {"data": np.zeros((1, 2), np.float32)})
    assert len(closed) == 3


@needs_torch
def test_gradients_come_batch_by_batch(glyphs):
    net = small()
    batches = list(instruments(net, glyphs, 40).gradients(net))
    assert len(batches) == 2
    assert batches[0]["c1", "weight"].shape == net.layer("c1").weights["weight"].shape
    assert any(np.any(batch["c2", "weight"]) for batch in batches)


def test_a_clock_times_nets_without_weights_too():
    net = small()
    bare = net.replace(layers=tuple(layer.replace(weights={}) for layer in net.layers))
    assert 0 < seconds_an_image(bare) < 1
    assert 0 < instruments(net, None, 4).clock(net) < 1


@pytest.mark.parametrize("criterion", ["activation", pytest.param("taylor", marks=NEEDS_TORCH)])
@pytest.mark.parametrize("schedule", ["sensitivity", "latency", "per-mac"])
def test_a_net_is_pruned_with_all_of_them(glyphs, monkeypatch, criterion, schedule):
    monkeypatch.setattr(settings, "PRUNE_SCORE_IMAGES", 20)
    net = small()
    config = PruneConfig(Budget.parse("macs=0.6"), criterion=criterion, schedule=schedule, images=16)
    found = prune(net, config, instruments(net, glyphs, 16))
    assert found.after.macs <= 0.6 * found.before.macs


def numbered(images):
    """Return a data set whose images are filled with their numbers, class by class."""
    pixels = np.broadcast_to(np.arange(images, dtype=np.uint8).reshape(-1, 1, 1, 1), (images, 32, 32, 3))
    return ArrayDataset(np.ascontiguousarray(pixels), np.arange(images, dtype=np.int32) * 4 // images)


def test_calibration_images_are_spread_and_mixed():
    found = calibration(small(), numbered(200), 50)
    (batch,), again = list(found.batches()), list(found.batches())
    assert batch["data"].shape == (50, 3, 32, 32)
    taken = batch["data"][:, 0, 0, 0].astype(int)
    assert sorted(taken) == list(range(0, 200, 4))
    # The first ones are of all classes, and they are the same each time.
    assert np.bincount(taken[:12] // 50).min() >= 2
    np.testing.assert_array_equal(again[0]["data"], batch["data"])
    np.testing.assert_array_equal(found.first(7)["data"], batch["data"][:7])


def test_calibration_takes_all_images_of_a_small_set():
    assert [len(batch["data"]) for batch in calibration(small(), numbered(5), 50).batches()] == [5]


def test_calibration_batches_keep_blobs_small(monkeypatch):
    monkeypatch.setattr(settings, "CALIBRATION_BYTES", 1 << 18)
    found = calibration(small(), numbered(50), 20)
    sizes = [len(batch["data"]) for batch in found.batches()]
    assert sum(sizes) == 20
    assert len(sizes) > 2
    together = np.concatenate([batch["data"] for batch in found.batches()])
    monkeypatch.undo()
    np.testing.assert_array_equal(together, next(iter(calibration(small(), numbered(50), 20).batches()))["data"])


def test_calibration_runs_sessions():
    net = small()
    found = calibration(net, numbered(8), 8)
    (batch,), (blobs,) = list(found.batches()), list(found.passes(net, ["r1", "fc"]))
    expected = net.with_batch(8).forward(batch)
    assert list(blobs) == ["r1", "fc"]
    for name, blob in blobs.items():
        np.testing.assert_allclose(blob, expected[name], rtol=1e-4, atol=1e-3)


def test_accuracy_is_taken_on_other_images(glyphs, monkeypatch):
    monkeypatch.setattr(settings, "CALIBRATION_SCORE_IMAGES", 40)
    net = small()
    found = calibration(net, glyphs, 8)
    places = np.arange(40) * (len(glyphs) - 8) // 40
    calibrating = np.arange(8) * len(glyphs) // 8
    scored = np.setdiff1d(np.arange(len(glyphs)), calibrating)[places]
    pixels = np.concatenate([glyphs.images(at, at + 1) for at in scored]).transpose(0, 3, 1, 2).astype(np.float32)
    expected = net.with_batch(40).forward({"data": pixels})["prob"].argmax(axis=1) == glyphs.labels[scored]
    assert found.accuracy(net) == expected.mean()


def test_accuracy_needs_other_images():
    assert calibration(small(), numbered(5), 50).accuracy is None


def test_layers_are_clocked_one_by_one():
    """Of several nets; a layer that a session fuses to another one takes nothing of its own."""
    net = small()
    tail = net.replace(layers=net.layers[:4], outputs=("c2",))
    whole, part = calibration(net, numbered(8), 8).seconds((net, tail))
    assert whole.keys() == {"c1", "c2", "p", "fc", "prob"}
    assert part.keys() == {"c1", "c2"}
    assert all(0 < seconds < 1 for taken in (whole, part) for seconds in taken.values())


def test_a_net_that_takes_one_batch_only_is_calibrated_by_such_batches():
    net = net_of(
        data(2, 3, 32, 32),
        conv("c", "data", 4, kernel=3, stride=4),
        layer("Reshape", "r", ["c"], shape=(2, -1)),
        layer("InnerProduct", "fc", ["r"], num_output=5),
    )
    found = calibration(net, numbered(40), 9)
    assert [len(batch["data"]) for batch in found.batches()] == [2] * 4
    calibrated = calibrate(net, CalibrationConfig(learn_rounding=True), found)
    assert calibrated.choice.layers == ("c", "fc")
    assert calibrated.images == 8
