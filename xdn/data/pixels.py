"""From stored pixels to what a net reads: mean, scale, standard deviation, central crop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

from xdn.data.dataset import GREY
from xdn.element import real
from xdn.errors import DataError
from xdn.files import is_file
from xdn.graph import Array, Transform

ReadMean = Callable[[Path], Array]


@dataclass(frozen=True, eq=False)
class PixelTransform:
    """y = (f32(x) - mean) * factor on the central crop, all in f32; the form that every reader of images computes.

    Parameters
    ----------
    mean : (C, 1, 1) or (C, h, w) f32
        Subtracted; of the crop where it is an image.
    factor : (C,) f32
        f32(scale / std).
    crop : tuple of int
        Top, left, height, width in pixels of the stored image.
    """

    mean: Array
    factor: Array
    crop: tuple[int, int, int, int]

    @classmethod
    def of(
        cls,
        transform: Transform,
        image_shape: tuple[int, int, int],
        input_shape: tuple[int, int, int],
        folders: Sequence[Path] = (),
        mean: ReadMean | None = None,
        *,
        channel_order: str = "",
    ) -> "PixelTransform":
        """Return what `transform` does to images of `image_shape` on their way into an input.

        Source of the rules: Caffe's data_transformer.cpp (TEST phase).

        Parameters
        ----------
        transform : Transform
            The net's.
        image_shape : tuple of int
            (H, W, C) of the stored images.
        input_shape : tuple of int
            (C, h, w) of the net's input.
        folders : sequence of Path
            Where a relative mean file is looked for, in this order.
        mean : callable, optional
            Reads a mean file: path -> (C, H, W) f32.
        channel_order : str
            The images' order, to be compared with what the net states; empty: no comparison.

        Raises
        ------
        DataError
            When images, transform and input do not fit each other.
        """
        height, width, channels = image_shape
        _check_channels(transform, channels, input_shape[0], channel_order)
        crop = _crop(transform.crop_size, (height, width), input_shape[1:])
        values = _mean(transform, (channels, height, width), folders, mean)
        if values.shape[1:] != (1, 1):
            top, left, h, w = crop
            values = np.ascontiguousarray(values[:, top : top + h, left : left + w])
        std = np.array(_per_channel("std", transform.std or (1.0,), channels))
        if transform.impossible:
            raise DataError(transform.impossible)
        with np.errstate(over="ignore"):
            factor = transform.scale / std
        return cls(values, _f32("scale / std", factor), crop)

    def apply(self, images: Array) -> Array:
        """Return u8 or f32 images (N, H, W, C) as the net's input, f32 (N, C, h, w)."""
        top, left, h, w = self.crop
        planes = images[:, top : top + h, left : left + w].transpose(0, 3, 1, 2)
        result = np.empty(planes.shape, real)
        np.subtract(planes, self.mean, out=result, dtype=real)
        result *= self.factor[:, None, None]
        return result


def _check_channels(transform: Transform, found: int, expected: int, channel_order: str) -> None:
    if found != expected:
        packing = {1: "pack them grey with xdn-pack --grey", 3: "pack them without xdn-pack --grey"}.get(expected)
        mend = f"Image files are decoded as the net wants them; {packing}" if packing else None
        raise DataError(f"the images have {found} channels; the net's input has {expected}", mend=mend)
    orders = {channel_order, transform.channel_order} - {""}
    if len(orders) > 1 and GREY not in orders:
        raise DataError(
            f"the images' channels are in the order {channel_order}; the net expects {transform.channel_order}",
            mend=f"Hand them over with --data-order {transform.channel_order}, or tell the net's own order "
            "with --channel-order",
        )


def _crop(side: int, image: tuple[int, int], wanted: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return top, left, height, width of the central crop."""
    extent = (side, side) if side else image
    if extent != wanted or side > min(image):
        pixels = f"images of {image[0]}x{image[1]} pixels" + (f", cropped to {side}x{side}," if side else "")
        h, w = wanted
        # A crop is a square out of the image; anything else needs another size.
        crop = f"cut out their middle with --crop {h}, or " if h == w <= min(image) else ""
        mend = f"{crop}resize image files with --size {h}x{w}"
        raise DataError(f"{pixels} do not fit the net's input of {h}x{w}", mend=mend[0].upper() + mend[1:])
    return (image[0] - extent[0]) // 2, (image[1] - extent[1]) // 2, *extent


def _per_channel(what: str, values: Sequence[float], channels: int) -> list[float]:
    if len(values) not in (1, channels) or not all(map(isfinite, values)):
        raise DataError(f"{what} {tuple(values)}: give one number, or one for each of the {channels} channels")
    return list(values) * (channels if len(values) == 1 else 1)


def _f32(what: str, values: Array) -> Array:
    """Return f64 values as f32; raise DataError where one is too large for that."""
    with np.errstate(over="ignore"):
        rounded = values.astype(real)
    if not np.isfinite(rounded).all():
        raise DataError(f"{what} is beyond what f32 holds, {np.finfo(real).max:.3g}")
    return rounded


def _mean(transform: Transform, shape: tuple[int, ...], folders: Sequence[Path], read: ReadMean | None) -> Array:
    """Return the mean, f32 (C, 1, 1) or (C, H, W)."""
    if not transform.mean_file:
        per_channel = _per_channel("mean_value", transform.mean_value or (0.0,), shape[0])
        return _f32("mean_value", np.array(per_channel)).reshape(-1, 1, 1)
    if transform.mean_value:
        raise DataError("both a mean file and mean values are given; they exclude each other")
    if read is None:
        raise DataError(f"the mean file {transform.mean_file!r} is needed", mend="Say where it is with --mean-file")
    path = _mean_path(transform.mean_file, folders)
    values = np.asarray(read(path), real)
    if values.shape not in (shape, (shape[0], 1, 1)):
        what = f"the mean image has the shape {values.shape}, the images {shape} (C, H, W)"
        h, w = values.shape[1:]
        means = ",".join(f"{mean:g}" for mean in values.mean(axis=(1, 2)).tolist())
        mend = f"Resize image files with --size {h}x{w} and cut them with --crop, or say --mean-value {means}"
        raise DataError(what, where=str(path), mend=mend if len(values) == shape[0] else None)
    return values


def _mean_path(name: str, folders: Sequence[Path]) -> Path:
    """Return the mean file `name`; a relative one is looked for in `folders`."""
    candidates = [folder / name for folder in folders] or [Path(name)]
    for candidate in candidates:
        if is_file(candidate):
            return candidate
    looked = ", ".join(dict.fromkeys(map(str, candidates)))
    raise DataError(
        f"the mean file {name!r} is not there; looked for {looked}", mend="Say where it is with --mean-file"
    )
