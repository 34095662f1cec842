"""What a net says of images: their classes, and the scores behind them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from xdn import settings
from xdn.data.pixels import PixelTransform
from xdn.evaluate.accuracy import predicted
from xdn.graph.layer import Array
from xdn.runtime.executor import Progress
from xdn.runtime.session import Session


@dataclass(frozen=True, eq=False)
class Answers:
    """What a net says of images.

    Parameters
    ----------
    classes : (N,) int32
    scores : tuple of (n, K) or (n, K, 1, 1) f32
        Of the images in order, one array a call.
    """

    classes: Array
    scores: tuple[Array, ...]

    @staticmethod
    def of(outputs: Iterable[Array]) -> "Answers":
        """Return the answers that a net's outputs, one array a call, are."""
        scores, classes = [], []
        for each in outputs:
            scores.append(each)
            classes.append(predicted(each))
        return Answers(np.concatenate(classes), tuple(scores))


def answers(
    session: Session,
    images: Array,
    transform: PixelTransform,
    batch: int | None = None,
    progress: Progress | None = None,
) -> Answers:
    """Return what the net's first output says of images.

    Parameters
    ----------
    session : Session
    images : (N, H, W, C) u8 or f32
    transform : PixelTransform
    batch : int, optional
        Images in one call, as `images_at_once` has it by default.
    progress : callable, optional
        Told the chunks of a call that are done.
    """
    name = next(iter(session.net.inputs))
    step = batch or images_at_once(session, images)
    parts = (images[start : start + step] for start in range(0, len(images), step))
    if images.dtype == np.uint8:
        return Answers.of(session.run_pixels(part, transform, progress)[0] for part in parts)
    return Answers.of(session.run(None, {name: transform.apply(part)})[0] for part in parts)


def images_at_once(session: Session, images: Array) -> int:
    """Return how many images to run in one call: all of u8; of f32, transformed in Python, a chunk for each thread."""
    return len(images) if images.dtype == np.uint8 else settings.CHUNK_IMAGES * session.threads


def classify(session: Session, images: Array, transform: PixelTransform) -> Array:
    """Return the (N,) int32 classes that the net's first output gives to images (N, H, W, C), u8 or f32."""
    return answers(session, images, transform).classes
