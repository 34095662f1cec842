"""What the optimizer and pruning are given of data, training and runtime: images, gradients, accuracy, times, runs."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import pairwise

import numpy as np
from scipy.special import logsumexp

from xdn import api, settings
from xdn.data.dataset import Dataset, Progress
from xdn.data.pixels import PixelTransform
from xdn.data.source import Find, declared_size, default_data, find_data
from xdn.element import real
from xdn.evaluate.made_up import made_up_feed
from xdn.frontend.weights import random_weights
from xdn.graph import Array, Feed, Net
from xdn.graph.cost import net_cost
from xdn.graph.verify import is_sound
from xdn.kernels.core.layout import SCHEDULES
from xdn.optimize import PLAIN, apply_stages, stage_names
from xdn.optimize.check import Arrays
from xdn.optimize.prune.instruments import Gradients, Instruments
from xdn.optimize.quantize import instruments as quantizing
from xdn.session import Session

#: Images a batch of those whose gradients are taken.
GRADIENT_BATCH = 32
#: Images that BatchNorm's statistics are taken over at a time.
RECALIBRATION_BATCH = 256
#: The golden ratio, less one.
GOLDEN = (5**0.5 - 1) / 2
#: Runs of which the fastest counts.
CLOCK_RUNS = 5


def instruments(net: Net, data: Dataset | None, images: int, seed: int = 0) -> Instruments:
    """Return what pruning may use.

    Parameters
    ----------
    net : Net
        Its transform is applied to images.
    data : Dataset, optional
        Labelled training images; a score is taken on a tenth, the last one where they are not in the order of
        their classes; calibration images come from the rest.
        Without it there is a clock only.
    images : int
        Calibration images at most; fewer where the net's blobs of so many would need too much memory.
    seed : int
        Of the choice.
    """
    if data is None:
        return Instruments(clock=seconds_an_image)
    transform = api.pixel_transform(net, data.shape, data.channel_order)
    held_out = max(1, len(data) // 10)
    affordable = max(1, settings.PRUNE_BYTES // max(1, net_cost(net).top_bytes))
    count = min(images, affordable, len(data) - held_out)
    trained, held = np.split(_mixed(data.labels), [len(data) - held_out])
    chosen = trained[np.sort(np.random.default_rng(seed).choice(len(trained), count, replace=False))]
    calibration = transform.apply(pixels_at(data, chosen))
    return Instruments(
        images={next(iter(net.inputs)): calibration},
        forward=every_blob,
        gradients=partial(_gradients, calibration, data.labels[chosen]),
        score=partial(_score, data=data, places=held[: settings.PRUNE_SCORE_IMAGES], transform=transform),
        clock=seconds_an_image,
    )


def calibration(net: Net, data: Dataset, images: int) -> quantizing.Instruments:
    """Return what calibration may use: at most so many images, spread evenly over `data`, and sessions.

    Batches are of as many images as leave the net's blobs, all that a session is asked for, small; of as many as
    it declares, where it takes no others. Accuracies are those on other images, spread evenly, too.
    """
    transform = api.pixel_transform(net, data.shape, data.channel_order)
    places, scored = calibration_places(len(data), images)
    at_once = max(1, min(settings.CHUNK_IMAGES, settings.CALIBRATION_BYTES // max(1, net_cost(net).top_bytes)))
    ((name, blob),) = net.inputs.items()
    fixed = not is_sound(net.with_batch(at_once))
    if fixed:
        at_once = blob.shape[0]
        places = places[: max(len(places) // at_once, 1) * at_once]

    def batches() -> Iterator[Arrays]:
        """Yield the images as the net reads them."""
        for start in range(0, len(places), at_once):
            yield {name: transform.apply(pixels_at(data, places[start : start + at_once]))}

    accuracy = partial(_accuracy, data=data, places=scored, transform=transform) if len(scored) else None
    return quantizing.Instruments(
        batches, run_by_session, accuracy, _layer_seconds, whole_batches=fixed, scored=len(scored)
    )


def calibration_places(of: int, images: int) -> tuple[Array, Array]:
    """Return which images of so many a net is calibrated on, and on which others its accuracy is taken.

    Both are spread evenly, those for calibration in an order in which the first ones are, too.
    """
    count = min(images, of)
    # Multiples of the golden ratio: the first images alone are spread evenly where all come class by class.
    order = np.argsort(np.argsort(np.arange(count) * GOLDEN % 1))
    places = _spread(count, of)[order]
    others = np.setdiff1d(np.arange(of), places)
    return places, others[_spread(min(settings.CALIBRATION_SCORE_IMAGES, len(others)), len(others))]


def _spread(count: int, of: int) -> Array:
    """Return `count` numbers below `of`, spread evenly."""
    return np.arange(count) * of // max(count, 1)


def _accuracy(net: Net, data: Dataset, places: Array, transform: PixelTransform) -> float:
    """Return the share of the images at `places` whose label the net, which is fused already, scores highest."""
    with closing(Session(net, post_fusion=False)) as session:
        (scores,) = session.run_pixels(pixels_at(data, places), transform)[:1]
    return float((scores.reshape(len(scores), -1).argmax(axis=1) == data.labels[places]).mean())


def run_by_session(net: Net, blobs: Sequence[str], batches: Iterable[Arrays]) -> Iterator[Arrays]:
    """Run a net as it is by one session; outputs are f32, however blobs between layers are stored."""
    with closing(Session(net.replace(outputs=tuple(blobs)), post_fusion=False)) as session:
        for batch in batches:
            yield dict(zip(blobs, session.run(blobs, batch), strict=True))


def every_blob(net: Net, inputs: Arrays, /) -> Arrays:
    """Return every blob of a net, as a session computes them."""
    names = [name for name in net.blobs if name not in net.inputs]
    (found,) = run_by_session(net, names, [inputs])
    return {**inputs, **found}


def _mixed(labels: Array) -> Array:
    """Return the places of all images in an order whose every part has images of all classes.

    That is their own, but where they come class by class, as folders have them: the last tenth would be one class.
    """
    by_class = bool((labels[1:] >= labels[:-1]).all())
    return np.random.default_rng(0).permutation(len(labels)) if by_class else np.arange(len(labels))


def pixels_at(data: Dataset, places: Array) -> Array:
    """Return the images at `places`, neighbours at once."""
    runs = np.split(places, np.flatnonzero(np.diff(places) != 1) + 1)
    return np.concatenate([data.images(int(run[0]), int(run[-1]) + 1) for run in runs])


def training_images(name: str | None, net: Net, find: Find = find_data, split: str | None = None) -> Dataset | None:
    """Return the images called `name`, else those that the net names; None for none.

    Parameters
    ----------
    name : str, optional
    net : Net
    find : callable
        Finds data, as `find_data` does.
    split : str, optional
        In place of the training images.
    """
    found = name or default_data(net)
    if found is None:
        return None
    wanted = {"channels": api.image_channels(net), "usual_size": declared_size(net)}
    return find(found, split=split, usual_split="train", **wanted)


def recalibrated(net: Net, data: Dataset, images: int, progress: Progress | None = None) -> Net:
    """Return `net` with BatchNorm's statistics taken anew over the first `images` training images.

    `progress` is told (images done, images).
    """
    from xdn.train.recalibrate import recalibrate

    count = min(images, len(data))
    transform = api.pixel_transform(net, data.shape, data.channel_order)
    # Equal parts: a last batch of one image would have a single value a channel on 1x1 maps.
    parts = max(1, round(count / RECALIBRATION_BATCH))
    starts = [part * count // parts for part in range(parts + 1)]
    batches = (transform.apply(data.images(a, b)) for a, b in pairwise(starts))
    return recalibrate(net, batches, None if progress is None else lambda done: progress(done, count))


def executed(net: Net, inputs: Arrays, blobs: Sequence[str], /) -> dict[str, Arrays]:
    """Return schedule -> name -> blob, as sessions compute them; blobs that they do not have are left out."""
    found: dict[str, Arrays] = {}
    for schedule in SCHEDULES:
        with closing(Session(net, schedule=schedule)) as session:
            names = [name for name in blobs if name in session.net.blobs]
            found[schedule] = dict(zip(names, session.run(names, inputs), strict=True))
    return found


def seconds_an_image(net: Net) -> float:
    """Return what the layers of `net` take for one image of full chunks, fused, with all threads.

    The conversions at the edges are left out; a net without weights gets random ones.
    """
    if not net.has_weights:
        net = random_weights(net)
    (runs,) = _clocked([apply_stages(net, stage_names(PLAIN))])
    return min(sum(taken.values()) for taken in runs)


def _layer_seconds(nets: Sequence[Net]) -> list[dict[str, float]]:
    """Return for each net layer's name -> what it takes for an image of full chunks with all threads, at its fastest.

    The nets take turns, so that what else the machine does slows all of them.
    """
    return [{name: min(taken[name] for taken in runs) for name in runs[0]} for runs in _clocked(nets)]


def _clocked(nets: Sequence[Net]) -> list[list[dict[str, float]]]:
    """Return for each net, for each of some runs, layer's name -> the seconds that it took for an image."""
    sessions = [Session(net, profile=True) for net in nets]
    found: list[list[dict[str, float]]] = [[] for _ in sessions]
    images = settings.CHUNK_IMAGES * sessions[0].threads
    drawn: tuple[object, Feed] = (None, {})
    for _ in range(CLOCK_RUNS):
        for session, runs in zip(sessions, found, strict=True):
            # Most nets that take turns have the same inputs; others' are not kept, which would fill the memory.
            if drawn[0] != session.net.inputs:
                drawn = session.net.inputs, made_up_feed(session.net, images)
            session.run(None, drawn[1])
            layers = session.profile(peak_gflops=1.0).layers
            runs.append({layer.name: 1e-3 * layer.ms / images for layer in layers if layer.type})
    for session in sessions:
        session.close()
    return found


def _gradients(images: Array, labels: Array, net: Net, /) -> Iterable[Gradients]:
    """Return the gradients of a net's weights over labelled images, batch by batch."""
    from xdn.train.gradients import weight_gradients

    starts = range(0, len(images), GRADIENT_BATCH)
    return weight_gradients(net, ((images[i : i + GRADIENT_BATCH], labels[i : i + GRADIENT_BATCH]) for i in starts))


def _score(net: Net, data: Dataset, places: Array, transform: PixelTransform) -> float:
    """Return the negative cross entropy on the images at `places`: smoother than accuracy, so that fewer images do."""
    with closing(Session(apply_stages(net, stage_names(PLAIN)))) as session:
        (scores,) = session.run_pixels(pixels_at(data, places), transform)[:1]
    return -cross_entropy(scores.reshape(len(scores), -1), data.labels[places])


def cross_entropy(scores: Array, labels: Array) -> float:
    """Return the mean cross entropy in nats of (N, K) probabilities, or of logits, which do not sum up to 1."""
    own = scores[np.arange(len(labels)), labels].astype(np.float64)
    if scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        return float(-np.log(np.maximum(own, np.finfo(real).tiny)).mean())
    return float((logsumexp(scores.astype(np.float64), axis=1) - own).mean())
