"""Nets over Ray's data sets: the images stream through workers that hold a session each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xdn import settings
from xdn.data.pixels import PixelTransform
from xdn.errors import InputError
from xdn.evaluate.answers import warm
from xdn.graph import Array
from xdn.ray.workers import Baggage, settled, worker_options, workers_of
from xdn.runtime.session import Session

#: Processors that stay free: where actors have all of them, Ray's tasks that read wait for ever.
_READING = 1


@dataclass(frozen=True, eq=False)
class _Inference:
    """What is done with a batch.

    Parameters
    ----------
    session : Session
    transform : PixelTransform or None
    image : str
        The column with the images, where there is a transform.
    """

    session: Session
    transform: PixelTransform | None
    image: str

    def run(self, batch: Mapping[str, Array]) -> dict[str, Array]:
        """Return the batch with the net's outputs in place of its inputs."""
        net = self.session.net
        read = tuple(net.inputs) if self.transform is None else (self.image,)
        missing = [name for name in read if name not in batch]
        if missing:
            mend = f"Its columns: {', '.join(batch)}"
            raise InputError(f"the data set has no column {missing[0]!r}", where="map_batches", mend=mend)
        if self.transform is None:
            outputs = self.session.run(None, {name: np.ascontiguousarray(batch[name]) for name in read})
        else:
            outputs = self.session.run_pixels(_pixels(batch[self.image], self.image), self.transform)
        kept = {name: values for name, values in batch.items() if name not in read}
        return kept | dict(zip(net.outputs, outputs, strict=True))


class _Worker:
    """An actor: a session, made once, for all batches that it is given."""

    def __init__(self, baggage: Baggage):
        self._inference: _Inference = baggage.unpacked()

    def __call__(self, batch: Mapping[str, Array]) -> dict[str, Array]:
        return self._inference.run(batch)


def map_batches(
    dataset: Any,
    session: Session,
    transform: PixelTransform | None = None,
    *,
    image: str = "image",
    batch: int = settings.CHUNK_IMAGES,
    workers: int | None = None,
) -> Any:
    """Return a Ray data set with what a net says of the rows of another one.

    Rows stream through actors that each hold the session, made of this one: net, configuration and machine code come
    from here. Ray runs batches of a lost actor or node again; each row is in the result once.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Such as `ray.data.read_images` and `ray.data.read_parquet` return.
    session : Session
        As it is to run in each actor, with as many threads.
    transform : PixelTransform, optional
        From u8 images (H, W, C) in the column `image` to the net's only input (`xdn.api.pixel_transform`). Without it
        the data set has a column for each input of the net, with f32 values.
    image : str
        The column of images.
    batch : int
        Rows in a call; the last one may have fewer.
    workers : int, optional
        Actors at most, by default as many as the cluster has processors for; one stays free for Ray to read the rows.

    Returns
    -------
    ray.data.Dataset
        The other columns as they were, and one for each output of the net, by its name.

    Raises
    ------
    MissingExtraError
        Without Ray.
    SettingError
        Where the cluster has no room for one actor.
    """
    options = worker_options(session.threads, workers_of(session.threads, workers, _READING))
    inference = _Inference(settled(session), transform, image)
    first = dataset.take_batch(batch, batch_format="numpy")
    if transform is None:
        inference.run(first)
    else:
        warm(inference.session, _pixels(first[image], image), transform)
    arguments = (Baggage.packed(inference),)
    return dataset.map_batches(_Worker, batch_size=batch, fn_constructor_args=arguments, **options)


def _pixels(images: Array, column: str) -> Array:
    """Return the images of a batch, (N, H, W, C) u8; raise InputError for others."""
    if images.dtype != np.uint8 or images.ndim != 4:
        mend = "Read them with one size and mode, such as read_images(folder, size=(224, 224), mode='RGB')"
        what = f"the column {column!r} has {images.dtype} of shape {images.shape}, not u8 images (N, H, W, C)"
        raise InputError(what, where="map_batches", mend=mend)
    return np.ascontiguousarray(images)
