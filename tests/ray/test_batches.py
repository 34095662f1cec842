"""Nets over Ray's data sets."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.evaluate.building import Stripes
from tests.shards.building import session, stripes_work
from xdn.errors import InputError
from xdn.ray import map_batches
from xdn.ray.batches import _Inference

COUNT = 50


def inference(transform=True):
    """Return what is done with a batch."""
    return _Inference(session(), stripes_work().transform if transform else None, "image")


def test_a_batch_keeps_its_other_columns():
    images = Stripes().images(0, 6)
    found = inference().run({"image": images, "name": np.arange(6)})
    assert sorted(found) == ["name", "pool"]
    assert np.array_equal(found["name"], np.arange(6))
    assert found["pool"].reshape(6, 3).argmax(axis=1).tolist() == Stripes().labels[:6].tolist()


def test_without_a_transform_columns_are_inputs():
    values = np.ascontiguousarray(Stripes().images(0, 6).transpose(0, 3, 1, 2), np.float32)
    found = inference(transform=False).run({"data": values})
    assert np.array_equal(found["pool"], session().run(None, {"data": values})[0])


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ({"picture": np.zeros(3)}, "no column 'image'.*Its columns: picture"),
        ({"image": np.zeros((2, 4, 5, 3))}, "the column 'image' has float64 of shape"),
        ({"image": np.array([None, None])}, "the column 'image' has object"),
    ],
)
def test_other_columns_are_refused(batch, said):
    with pytest.raises(InputError, match=said):
        inference().run(batch)


@pytest.mark.slow  # a cluster takes seconds to begin
def test_images_that_ray_reads_stream_through_workers(cluster, tmp_path):
    work = stripes_work(COUNT)
    for number, image in enumerate(work.images.images()):
        cv2.imwrite(str(tmp_path / f"{number:03}.png"), image[..., ::-1])
    dataset = cluster.data.read_images(str(tmp_path), mode="RGB", include_paths=True)
    mapped = map_batches(dataset, session(), work.transform, batch=8)
    found = sorted(mapped.take_all(), key=lambda row: row["path"])
    assert [int(Path(row["path"]).stem) for row in found] == list(range(COUNT))
    assert sorted(found[0]) == ["path", "pool"]
    expected = session().run_pixels(work.images.images(), work.transform)[0]
    assert np.array_equal(np.stack([row["pool"] for row in found]), expected)
