"""Sessions on packed and on-line data, on a net whose answers are known."""

import numpy as np
import pytest

from tests.evaluate.building import Stripes, brightest_channel
from tests.kernels.checks import B
from xdn import api, settings
from xdn.data.packed import pack
from xdn.evaluate.answers import Output
from xdn.evaluate.contest import Rounds, timed
from xdn.evaluate.contestants import Asked, FeedJob, OnlineJob, PackedJob
from xdn.evaluate.scores import Scores
from xdn.graph import Layer, Net
from xdn.kernels.core.layout import BATCH
from xdn.layers import LAYERS
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


@pytest.mark.parametrize("images", [8 * B, 2 * B + 2])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_is_timed_compiles_nothing(transform, tmp_path, threads, images):
    """Of the first images alone the rules may say something else than of all."""
    pack(Stripes(images), tmp_path / "stripes.packed")
    session = Session(brightest_channel(), threads=threads)
    job = PackedJob(session, tmp_path / "stripes.packed", transform)
    job.warm()
    seconds = session.compile_s
    job.answers()
    assert session.compile_s == seconds
    assert images % B or session.plan().schedule is BATCH


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


@pytest.mark.parametrize("kind", ["packed", "online"])
def test_the_first_images_alone(session, transform, tmp_path, kind):
    asked = Asked(Scores("pool", 3), 20)
    if kind == "packed":
        pack(Stripes(), tmp_path / "stripes.packed")
        job = PackedJob(session, tmp_path / "stripes.packed", transform, asked=asked)
    else:
        job = OnlineJob(session, Stripes(), transform, 8, asked)
    (result,) = timed([job])
    assert (result.images, result.counted.images, result.counted.correct) == (20, 20, 20)


def two_outputs():
    """Return a net whose second output says which channel is the brightest; the first one is a map."""
    net = Net(
        "two",
        (
            Layer("data", LAYERS["Input"](shape=((1, 3, 4, 5),)), (), ("data",)),
            Layer("map", LAYERS["ReLU"](), ("data",), ("map",)),
            Layer("pool", LAYERS["Pooling"](pool="AVE", global_pooling=True), ("data",), ("pool",)),
        ),
    )
    assert net.outputs == ("map", "pool")
    return net


def test_the_blob_of_the_scores_counts(transform, tmp_path):
    pack(Stripes(), tmp_path / "stripes.packed")
    asked = Asked(Scores("pool", 3))
    (result,) = timed([PackedJob(Session(two_outputs()), tmp_path / "stripes.packed", transform, asked=asked)])
    assert result.counted.correct == 70


def test_a_net_that_tells_no_classes_has_no_accuracy_but_outputs(transform, tmp_path):
    pack(Stripes(), tmp_path / "stripes.packed")
    job = PackedJob(Session(two_outputs()), tmp_path / "stripes.packed", transform, asked=Asked(None))
    (result,) = timed([job], 2)
    assert result.accuracy is None
    assert (result.images, len(result.runs_s)) == (70, 2)
    assert result.images_per_s == pytest.approx(70 / result.contest_s)
    image = Stripes().images(0, 1).astype(np.float32)
    found = job.outputs()
    assert [(output.name, output.shape) for output in found] == [("map", (1, 3, 4, 5)), ("pool", (1, 3, 1, 1))]
    assert (found[0].least, found[0].most) == (image.min(), image.max())


def made_up_net(batch=1, reshape=False):
    layers = [
        Layer("a", LAYERS["Input"](shape=((batch, 4),)), (), ("a",)),
        Layer("b", LAYERS["Input"](shape=((batch, 3, 4),)), (), ("b",)),
        Layer("ra", LAYERS["ReLU"](), ("a",), ("ra",)),
        Layer("rb", LAYERS["Reshape"](shape=(batch, 12)) if reshape else LAYERS["Flatten"](), ("b",), ("rb",)),
    ]
    return Net("made up", tuple(layers))


@pytest.mark.parametrize(("batch", "images", "in_all"), [(1, 5, 5), (4, 9, 12), (8, 3, 8)])
def test_made_up_inputs_of_any_rank_are_run(batch, images, in_all):
    session = Session(made_up_net(), threads=1, profile=True)
    job = FeedJob.made_up(session, batch, images)
    (result,) = timed([job], Rounds(2))
    assert result.accuracy is None
    assert (result.images, len(result.runs_s)) == (in_all, 2)
    assert [(output.name, output.shape) for output in job.outputs()] == [("ra", (1, 4)), ("rb", (1, 12))]
    assert job.latency().batch == 1
    assert job.profile().images == batch


def test_a_net_that_states_its_batch_has_no_latency_of_one_image():
    job = FeedJob.made_up(Session(made_up_net(4, reshape=True), threads=1), 4, 8)
    (result,) = timed([job])
    assert result.images == 8
    assert job.latency() is None
    assert job.outputs()[0] == Output.of("ra", next(job.calls())[0])


@pytest.mark.parametrize("type_name", ["Scale", "Reshape"])
@pytest.mark.parametrize("batch", [None, 10])
def test_a_net_for_one_batch_is_run_in_such_calls(transform, tmp_path, type_name, batch):
    """Ten images at a time, by weights along the batch, or by a Reshape that leaves weights for ten only."""
    net = brightest_channel()
    data = net.layers[0].replace(params=LAYERS["Input"](shape=((10, 3, 4, 5),)))
    kept = {"Scale": {"axis": 0}, "Reshape": {"shape": (10, -1)}}[type_name]
    last = Layer("last", LAYERS[type_name](**kept), ("pool",), ("last",))
    ends = [Layer("fc", LAYERS["InnerProduct"](num_output=3, bias_term=False), ("last",), ("fc",))]
    made = Net("ten", (data, *net.layers[1:], last, *ends))
    weights = {"last": {"scale": np.ones(10, np.float32)}} if type_name == "Scale" else {}
    session = Session(made.with_weights(weights | {"fc": {"weight": np.eye(3, dtype=np.float32)}}), threads=2)
    pack(Stripes(), tmp_path / "stripes.packed")
    job = PackedJob(session, tmp_path / "stripes.packed", transform, batch)
    (result,) = timed([job], 1)
    assert (result.accuracy.correct, result.accuracy.images) == (70, 70)
    assert job.latency() is None


def test_progress_is_told_now_and_then(session, monkeypatch):
    feed, seen = {"data": np.zeros((5, 3, 4, 5), np.float32)}, []
    job = FeedJob.of(session, feed, 2, lambda *done: seen.append(done))
    list(job.calls())
    assert seen == []
    monkeypatch.setattr(settings, "PROGRESS_INTERVAL_S", -1.0)
    list(job.calls())
    assert seen == [(2, 5), (4, 5), (5, 5)]
