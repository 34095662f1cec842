"""Batches of training images: shuffled, cropped out of a border, mirrored; any of them can be made at any time."""

from dataclasses import dataclass

import numpy as np

from xdn import settings
from xdn.data.pixels import PixelTransform
from xdn.errors import DataError
from xdn.graph import Array

_PAD_MODES = {"ZERO": "constant", "REFLECT": "reflect"}


@dataclass(frozen=True)
class Augmentation:
    """What is done to training images.

    Parameters
    ----------
    crop : (height, width)
        Of what is cut out, at a random place.
    pad : int
        Pixels by which an image is extended on every side before.
    pad_mode : str
        ``"ZERO"`` (black) or ``"REFLECT"``.
    mirror : bool
        Mirror every other image, left to right, at random.
    """

    crop: tuple[int, int]
    pad: int = 0
    pad_mode: str = "ZERO"
    mirror: bool = False


class TrainingImages:
    """A training set whose batch i depends on the seed and i only.

    An epoch is every image once, in a new order; the images that fill no batch are left out of it.

    Parameters
    ----------
    images : (N, H, W, C) u8
    labels : (N,) int
    transform : PixelTransform
        Of the whole image, without a crop.
    augmentation : Augmentation
    batch : int
        Images a batch.
    seed : int

    Raises
    ------
    DataError
        Where there are fewer images than a batch has, they cannot be cut as asked, or they need too much memory.
    """

    def __init__(
        self,
        images: Array,
        labels: Array,
        transform: PixelTransform,
        augmentation: Augmentation,
        *,
        batch: int,
        seed: int,
    ):
        if not 1 <= batch <= len(images):
            raise DataError(f"batches of {batch} images out of {len(images)} training images")
        self.batch, self.seed = batch, seed
        self._labels = np.asarray(labels, np.int64)
        self._augmentation = augmentation
        self._factor = transform.factor
        self._windows = _windows(_padded(images, augmentation), augmentation.crop)
        mean = np.ascontiguousarray(transform.mean.transpose(1, 2, 0))
        self._mean = mean[0, 0]
        # Of a mean image every crop gets its own part.
        whole = mean.shape[:2] == (1, 1)
        self._means = None if whole else _windows(_padded(mean[None], augmentation), augmentation.crop)
        self._epoch = -1
        self._chances: tuple[Array, ...] = ()

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def batches(self) -> int:
        """Batches an epoch."""
        return len(self) // self.batch

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        """Return batch `index`, counted over all epochs: f32 (n, C, h, w), in memory (n, h, w, C), and int64 (n,)."""
        epoch, place = divmod(index, self.batches)
        if self._epoch != epoch:
            self._epoch, self._chances = epoch, self._chances_of(epoch)
        picked, rows, columns, mirrored = (each[place * self.batch :][: self.batch] for each in self._chances)
        h, w = self._augmentation.crop
        cut = self._windows[picked, rows, columns].reshape(len(picked), h, w, -1)
        mean = self._mean if self._means is None else self._means[0, rows, columns].reshape(cut.shape)
        values = np.subtract(cut, mean, dtype=np.float32)
        values *= self._factor
        values[mirrored] = values[mirrored, :, ::-1]
        return values.transpose(0, 3, 1, 2), self._labels[picked]

    def _chances_of(self, epoch: int) -> tuple[Array, ...]:
        """Return of an epoch which image comes when, the row and the column of its crop, whether it is mirrored."""
        generator, n = np.random.default_rng([self.seed, epoch]), len(self)
        rows, columns = self._windows.shape[1:3]
        mirrored = (generator.random(n) < 0.5) & self._augmentation.mirror
        return generator.permutation(n), generator.integers(0, rows, n), generator.integers(0, columns, n), mirrored


def _padded(images: Array, augmentation: Augmentation) -> Array:
    """Return (N, H, W, C) extended by the border."""
    pad, (n, h, w, c) = augmentation.pad, images.shape
    if augmentation.pad_mode == "REFLECT" and pad >= min(h, w):
        raise DataError(f"images of {h}x{w} pixels have no {pad} pixels to reflect at their border")
    size_bytes = n * (h + 2 * pad) * (w + 2 * pad) * c * images.itemsize
    if size_bytes > settings.MAX_TRAINING_BYTES:
        raise DataError(f"the training images need {size_bytes} bytes; at most {settings.MAX_TRAINING_BYTES} are taken")
    border = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    return np.pad(images, border, mode=_PAD_MODES[augmentation.pad_mode]) if pad else np.ascontiguousarray(images)  # type: ignore[call-overload]


def _windows(images: Array, crop: tuple[int, int]) -> Array:
    """Return a view (N, places down, places across, h, w * C): every crop of every image, its rows in one piece.

    `images` (N, H, W, C) lie in one piece.
    """
    n, height, width, c = images.shape
    h, w = crop
    if h > height or w > width:
        raise DataError(f"crops of {h}x{w} pixels out of images of {height}x{width}, their border included")
    # By the extents: NumPy leaves the stride of an axis of one place open, and grey images have one channel.
    along_w = c * images.itemsize
    along_h = width * along_w
    shape = (n, height - h + 1, width - w + 1, h, w * c)
    strides = (height * along_h, along_h, along_w, along_h, images.itemsize)
    return np.lib.stride_tricks.as_strided(images, shape, strides, writeable=False)
