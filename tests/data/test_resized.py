import cv2
import numpy as np

from tests.data.samples import ArrayDataset, write_image_folder
from xdn.data.folder import ImageFolder
from xdn.data.resized import resized


def test_any_data_set_can_be_resized(rng):
    pixels = rng.integers(0, 256, (4, 8, 6, 3), np.uint8)
    dataset = resized(ArrayDataset(pixels, [0, 1, 2, 0]), (12, 10))
    expected = np.stack([cv2.resize(image, (10, 12), interpolation=cv2.INTER_LINEAR) for image in pixels])
    np.testing.assert_array_equal(dataset.images(1, 3), expected[1:3])
    assert dataset.shape == (12, 10, 3)
    assert dataset.labels.tolist() == [0, 1, 2, 0]
    assert dataset.preprocessing == {"resize": "12x10 bilinear", "opencv": cv2.__version__}


def test_the_same_size_changes_nothing(rng):
    dataset = ArrayDataset(rng.integers(0, 256, (2, 8, 6, 3), np.uint8), [0, 1])
    assert resized(dataset, (8, 6)) is dataset


def test_image_files_are_resized_one_by_one(tmp_path, rng):
    write_image_folder(tmp_path, rng, [(8, 8), (3, 20)], classes=("a",))
    assert resized(ImageFolder.find(tmp_path, "test"), (5, 4)).images(0, 2).shape == (2, 5, 4, 3)
