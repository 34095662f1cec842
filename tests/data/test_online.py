import numpy as np

from tests.data.samples import ArrayDataset, write_image_folder
from xdn.data.folder import ImageFolder
from xdn.data.online import online_batches
from xdn.data.pixels import PixelTransform
from xdn.graph import Transform


def test_batches_cover_the_data_set_in_order(rng):
    pixels = rng.integers(0, 256, (7, 4, 4, 3), np.uint8)
    transform = PixelTransform.of(Transform(mean_value=(10.0,), scale=0.5), (4, 4, 3), (3, 4, 4))
    batches = list(online_batches(ArrayDataset(pixels, [0] * 7), transform, 3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    expected = (pixels.astype(np.float32) - 10) * 0.5
    np.testing.assert_array_equal(np.concatenate(batches), expected.transpose(0, 3, 1, 2))


def test_files_are_decoded_when_their_batch_is_due(tmp_path, rng):
    images = write_image_folder(tmp_path, rng, [(4, 4)] * 4, classes=("a",))["a"]
    transform = PixelTransform.of(Transform(), (4, 4, 3), (3, 4, 4))
    batches = online_batches(ImageFolder.find(tmp_path, "test"), transform, 2)
    next(batches)
    (tmp_path / "a" / "2.png").write_bytes((tmp_path / "a" / "0.png").read_bytes())
    np.testing.assert_array_equal(next(batches)[0], images[0].transpose(2, 0, 1))
