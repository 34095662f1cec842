"""Sessions on packed and on-line data, on a net whose answers are known."""

import pytest

from tests.evaluate.building import Stripes, brightest_channel
from xdn import api, settings
from xdn.data.packed import pack
from xdn.evaluate.contest import timed
from xdn.evaluate.contestants import OnlineJob, PackedJob
from xdn.kernels.layout import BATCH, B
from xdn.runtime.session import Session


@pytest.fixture(scope="module")
def session():
    """Return a session of the net that finds the brightest channel."""
    return Session(brightest_channel(), threads=2)


@pytest.fixture(scope="module")
def transform():
    """Return the conversion of Stripes for that net."""
    return api.pixel_transform(brightest_channel(), Stripes.shape)


@pytest.mark.parametrize("batch", [None, 20])
@pytest.mark.parametrize("dtype", ["u8", "f32"])
def test_packed_data_is_classified(session, transform, tmp_path, dtype, batch):
    path = tmp_path / "stripes.packed"
    pack(Stripes(), path, dtype=dtype)
    seen = []
    job = PackedJob(session, path, transform, batch, lambda done, total: seen.append(done))
    (result,) = timed([job], 2)
    assert (result.accuracy.correct, result.accuracy.images) == (70, 70)
    assert result.accuracy.top5 is None
    assert [row.name for row in result.accuracy.classes] == ["red", "green", "blue"]
    assert len(result.runs_s) == 2
    assert bool(seen) == (dtype == "u8")


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_is_timed_compiles_nothing(transform, tmp_path, threads):
    pack(Stripes(8 * B), tmp_path / "stripes.packed")
    session = Session(brightest_channel(), threads=threads)
    job = PackedJob(session, tmp_path / "stripes.packed", transform)
    job.warm()
    plan, seconds = session.plan(), session.compile_s
    assert plan.schedule is BATCH
    job.answers()
    assert (session.plan(), session.compile_s) == (plan, seconds)


def test_a_wrong_label_is_a_wrong_image(session, transform, tmp_path):
    data = Stripes()
    data.labels[3] = (data.labels[3] + 1) % 3
    pack(data, tmp_path / "stripes.packed")
    (result,) = timed([PackedJob(session, tmp_path / "stripes.packed", transform)])
    assert (result.accuracy.correct, result.accuracy.images) == (69, 70)


@pytest.mark.parametrize("batch", [1, B, 100])
def test_on_line_data_is_classified_batch_by_batch(session, transform, batch):
    (result,) = timed([OnlineJob(session, Stripes(), transform, batch)])
    assert (result.accuracy.correct, result.accuracy.images) == (70, 70)


def test_single_requests_are_measured(session, transform, tmp_path):
    pack(Stripes(), tmp_path / "stripes.packed")
    packed = PackedJob(session, tmp_path / "stripes.packed", transform)
    for job in (packed, OnlineJob(session, Stripes(), transform, 10)):
        latency = job.latency()
        assert (latency.batch, latency.requests) == (1, 70)


@pytest.mark.parametrize(
    ("dtype", "batch", "kernel", "images"),
    [
        ("u8", None, "load_pixels", 200),
        ("u8", 50, "load_pixels", 50),
        # f32 images come in calls of one chunk a thread; the first stands for all.
        ("f32", None, "load_planes", settings.CHUNK_IMAGES),
    ],
)
def test_one_call_on_a_packed_file_is_profiled(transform, tmp_path, dtype, batch, kernel, images):
    pack(Stripes(200), tmp_path / "stripes.packed", dtype=dtype)
    session = Session(brightest_channel(), threads=1, profile=True)
    profile = PackedJob(session, tmp_path / "stripes.packed", transform, batch).profile()
    assert profile.images == images
    assert profile.layers[0].kernels[0].startswith(kernel)


def test_of_on_line_data_one_batch_is_profiled(transform):
    session = Session(brightest_channel(), threads=1, profile=True)
    assert OnlineJob(session, Stripes(), transform, 32).profile().images == 32
