"""Runs over packed and on-line data, on a net whose answers are known."""

import numpy as np
import pytest

from tests.evaluate.building import Stripes, brightest_channel
from xdn import api, settings
from xdn.data.packed import pack
from xdn.errors import DataError
from xdn.evaluate import contest
from xdn.kernels.layout import B
from xdn.runtime.session import Session


@pytest.fixture(scope="module")
def session():
    """Return a session of the net that finds the brightest channel."""
    return Session(brightest_channel(), threads=2)


@pytest.fixture
def transform():
    """Return the conversion of Stripes for that net."""
    return api.pixel_transform(brightest_channel(), Stripes.shape)


@pytest.mark.parametrize("dtype", ["u8", "f32"])
def test_packed_data_is_classified(session, transform, tmp_path, dtype):
    path = tmp_path / "stripes.packed"
    pack(Stripes(), path, dtype=dtype)
    seen = []
    result = contest.run_packed(session, path, transform, repeat=2, progress=lambda done, total: seen.append(done))
    assert (result.accuracy.correct, result.accuracy.images) == (70, 70)
    assert len(result.runs_s) == 2
    assert min(result.runs_s) <= result.contest_s <= max(result.runs_s)
    assert result.images_per_s == pytest.approx(70 / result.contest_s)
    assert result.latency.batch == 1


def test_a_wrong_label_is_a_wrong_image(session, transform, tmp_path):
    data = Stripes()
    data.labels[3] = (data.labels[3] + 1) % 3
    pack(data, tmp_path / "stripes.packed")
    result = contest.run_packed(session, tmp_path / "stripes.packed", transform)
    assert (result.accuracy.correct, result.accuracy.images) == (69, 70)


@pytest.mark.parametrize("batch", [1, B, 100])
def test_on_line_data_is_classified_batch_by_batch(session, transform, batch):
    result = contest.run_online(session, Stripes(), transform, batch)
    assert (result.accuracy.correct, result.accuracy.images) == (70, 70)


def test_u8_and_f32_images_give_the_same_classes(session, transform):
    images = Stripes().images(0, 70)
    classes = contest.classify(session, images, transform)
    assert np.array_equal(classes, contest.classify(session, images.astype(np.float32), transform))


def test_data_that_changes_between_repetitions_is_an_error():
    answers = iter([np.zeros(3), np.ones(3)])
    with pytest.raises(DataError, match="the data changed"):
        contest._repeated(lambda: next(answers), 2)


@pytest.mark.parametrize(("dtype", "kernel"), [("u8", "load_pixels"), ("f32", "load_planes")])
def test_a_packed_file_is_profiled_in_one_run(transform, tmp_path, dtype, kernel):
    pack(Stripes(200), tmp_path / "stripes.packed", dtype=dtype)
    session = Session(brightest_channel(), threads=1, profile=True)
    profile = contest.profile_packed(session, tmp_path / "stripes.packed", transform)
    # f32 images come in calls of one chunk a thread; the first stands for all.
    assert profile.images == (200 if dtype == "u8" else settings.CHUNK_IMAGES)
    assert profile.layers[0].kernels[0].startswith(kernel)


def test_of_on_line_data_one_batch_is_profiled(transform):
    session = Session(brightest_channel(), threads=1, profile=True)
    assert contest.profile_online(session, Stripes(), transform, 32).images == 32
