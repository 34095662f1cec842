"""What a net says of images: their classes, and the scores that say so; of a net that tells none, its outputs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from xdn import memory, settings
from xdn.data.dataset import Dataset
from xdn.data.pixels import PixelTransform
from xdn.evaluate.accuracy import predicted
from xdn.evaluate.scores import Scores, first_output
from xdn.graph import Array, Net
from xdn.graph.verify import is_sound

if TYPE_CHECKING:
    from xdn.runtime.backend import Progress
    from xdn.runtime.session import Session

#: Blocks of images a thread up to which a job warms up with all of its images.
_FEW_BLOCKS = 8


@dataclass(frozen=True, eq=False)
class Answers:
    """What a net says of images.

    Parameters
    ----------
    classes : (N,) int32
    scores : tuple of (n, K) or (n, K, 1, 1) f32
        Of the images in order, one array a call; (n, 1) where the net names a class by its number.
    """

    classes: Array
    scores: tuple[Array, ...]

    @staticmethod
    def of(outputs: Iterable[Array], scores: Scores | None = None) -> "Answers":
        """Return the answers that a net's outputs, one array a call, are; by default each is a vector an image."""
        tables, classes = [], []
        for each in outputs:
            found, table = (predicted(each), each) if scores is None else scores.read(each)
            tables.append(table)
            classes.append(found)
        return Answers(np.concatenate(classes), tuple(tables))


@dataclass(frozen=True)
class Output:
    """What one output of a net was in a call.

    Parameters
    ----------
    name : str
    shape : tuple of int
    least, most : float or None
        Of its finite values; None where it has none.
    invalid : int
        Values that are not finite numbers.
    """

    name: str
    shape: tuple[int, ...]
    least: float | None
    most: float | None
    invalid: int = 0

    @staticmethod
    def of(name: str, values: Array) -> "Output":
        """Return what `values` are."""
        finite = values[np.isfinite(values)]
        least, most = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
        return Output(name, values.shape, least, most, values.size - finite.size)


def answers(
    session: "Session",
    images: Array,
    transform: PixelTransform,
    batch: int | None = None,
    scores: Scores | None = None,
) -> Answers:
    """Return what the net says of images.

    Parameters
    ----------
    session : Session
    images : (N, H, W, C) u8 or f32
    transform : PixelTransform
    batch : int, optional
        Images in one call, as `images_at_once` has it by default.
    scores : Scores, optional
        Where the net tells classes; by default in its first output.
    """
    scores = scores or first_output(session.net)
    place = session.net.outputs.index(scores.blob)
    calls = outputs_of_images(session, images, transform, batch)
    return Answers.of((outputs[place] for outputs in calls), scores)


def outputs_of_images(
    session: "Session",
    images: Array,
    transform: PixelTransform,
    batch: int | None = None,
    progress: "Progress | None" = None,
) -> Iterator[list[Array]]:
    """Yield the net's outputs for images, call by call.

    `progress` is told the chunks of a call that are done; the other parameters are those of `answers`.
    """
    name = next(iter(session.net.inputs))
    # One image is one call, whatever fits: a request for it does not work that out.
    step = batch or (images_at_once(session, images) if len(images) > 1 else 1)
    for start in range(0, len(images), step):
        part = images[start : start + step]
        if images.dtype == np.uint8:
            yield session.run_pixels(part, transform, progress)
        else:
            yield session.run(None, {name: transform.apply(part)})


def warm(session: "Session", images: Array, transform: PixelTransform, batch: int | None = None) -> None:
    """Make what the first call for `images` takes, which rules may choose by their number, and run some of them."""
    from xdn.codegen.target import host_target

    whole = min(len(images), batch or images_at_once(session, images))
    blocks = host_target().block_images * session.threads
    if images.dtype == np.uint8:
        session.prepare_pixels(images[:whole], transform)
    # Of few images the rules may say otherwise for a part: kernels would be compiled that nothing needs.
    some = whole if batch or whole <= _FEW_BLOCKS * blocks else blocks
    next(outputs_of_images(session, images[:some], transform, batch))


def images_at_once(session: "Session", images: Array) -> int:
    """Return how many images to run in one call: all of u8; of f32, transformed in Python, a chunk for each thread.

    A net in parts hands whole blobs from one to the next: it gets fewer, and what it declares if it takes nothing else.
    None gets more than have their results in a part of the memory that nets may take.
    """
    if len(session.parts) > 1:
        return stated_batch(session.net) or session.images_that_fit(settings.ONLINE_BATCH)
    wanted = len(images) if images.dtype == np.uint8 else settings.CHUNK_IMAGES * session.threads
    return session.images_that_fit(wanted)


def online_images(session: "Session", dataset: Dataset) -> int:
    """Return how many images to decode and run in one call: a batch, or as many of it as fit into memory."""
    # As they are decoded, and as f32.
    decoded = memory.images_at_once(5 * prod(dataset.shape), settings.ONLINE_BATCH)
    return session.images_that_fit(decoded)


def stated_batch(net: Net) -> int | None:
    """Return the batch that a net declares, where it takes no larger one; None where it takes any."""
    declared = next(iter(net.inputs.values())).shape[0]
    return None if takes_batch(net, declared + 1) else declared


def takes_batch(net: Net, images: int) -> bool:
    """Return whether a net takes so many images in a call: shapes or weights may be for one batch."""
    return is_sound(net.with_images(images))


def classify(session: "Session", images: Array, transform: PixelTransform) -> Array:
    """Return the (N,) int32 classes that the net's first output gives to images (N, H, W, C), u8 or f32."""
    return answers(session, images, transform).classes
