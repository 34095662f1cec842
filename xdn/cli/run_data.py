"""The options by which `xdn-run` finds its data, and what comes of them."""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import Progress

from xdn import api, settings
from xdn.cli.common import Output, number_between, positive_float, positive_int, shown
from xdn.cli.data_options import RANDOM, add_data_options, finder, tell_transform
from xdn.data import Dataset
from xdn.data.applied import Applied
from xdn.data.packed import PackedData, pack
from xdn.data.pixels import PixelTransform
from xdn.data.random_images import RandomImages
from xdn.data.source import declared_size, default_data, packed_in_cache
from xdn.errors import DataError, SettingError
from xdn.evaluate.answers import online_images, stated_batch
from xdn.evaluate.contest import Rounds
from xdn.evaluate.contestants import Asked, FeedJob, Job, OnlineJob, PackedJob
from xdn.evaluate.pairing import check_pair
from xdn.evaluate.scores import Scores, find_scores
from xdn.graph import Feed, Net, Transform
from xdn.session import Session


@dataclass(frozen=True)
class RunData:
    """The data of a run, and what the net makes of it.

    Parameters
    ----------
    title : str
        As people read it.
    images : Dataset or None
        None where values of the inputs are given, or made up for a net that reads no single images.
    transform : PixelTransform or None
        Of images on their way into the net.
    applied : Applied or None
        The same, for the result to state.
    suggested : dict
        What the JSON says of a transform that the net lacks.
    feed : mapping, optional
        Values of the net's inputs that are given in place of images.
    scores : Scores or None
        Where the net tells their classes.
    said : str
        What is to be said of the scores, or why there are none.
    """

    title: str
    images: Dataset | None
    transform: PixelTransform | None
    scores: Scores | None
    said: str
    applied: Applied | None = None
    suggested: dict[str, str] = field(default_factory=dict)
    feed: Feed | None = None


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that this module reads."""
    default = "the set that the net names, else CIFAR-10 where XDN_DATA or ~/.cache/xdn has it, else Glyphs-10"
    add_data_options(parser, default, "test", f", or {RANDOM}: seeded values for any net, for its times")
    add = parser.add_argument_group("how the data is run").add_argument
    add("--online", action="store_true", help="decode and preprocess while running")
    add(
        "--images", type=positive_int, metavar="N",
        help=f"the first N alone (default: all; of random ones {settings.RANDOM_IMAGES})",
    )  # fmt: skip
    add(
        "--batch", type=positive_int, metavar="N",
        help=f"images in one call (default: all, with --online {settings.ONLINE_BATCH}, as far as memory allows)",
    )  # fmt: skip
    add("--force", action="store_true", help="run a net on data that it was not trained for")
    add(
        "--score", metavar="BLOB",
        help="the blob that has the scores of classes, of a map their mean (default: the output that the net's file "
        "compares with labels, else one that is probabilities, else one with as many numbers as there are classes)",
    )  # fmt: skip
    add = parser.add_argument_group("how often").add_argument
    add("--repeat", type=positive_int, metavar="N", help="timed runs at least (default: 1)")
    add(
        "--seconds", type=positive_float, metavar="S",
        help=f"further timed runs until so long has passed (default: 0; of random data {settings.RANDOM_S:g})",
    )  # fmt: skip
    add("--warmup", type=positive_int, default=0, metavar="N", help="runs before them (default: 0)")
    add(
        "--percentiles", type=_percents, default=(), metavar="P,P,...",
        help="of the times of single images, such as 50,90,99.9 (default: 50,90,99)",
    )  # fmt: skip


def _percents(text: str) -> tuple[float, ...]:
    """Return an option's text as percentages."""
    return tuple(number_between(part, float, 0.0, 100.0, "a percentage, 0 to 100") for part in text.split(","))


def rounds_of(args: argparse.Namespace) -> Rounds:
    """Return how often is run."""
    default = settings.RANDOM_S if args.data == RANDOM and args.repeat is None else 0.0
    least = settings.COMPARED_ROUNDS if args.compare else 1
    return Rounds(args.repeat or least, default if args.seconds is None else args.seconds, args.warmup)


def rounds_shown(bar: Progress, rounds: Rounds, contestants: int) -> Callable[[int, int], None]:
    """Return what is told (round, contestant) before each run, and shows how far all of them are."""
    told, begin = shown(bar, "timed runs"), time.perf_counter()
    runs = rounds.least * contestants

    def begun(number: int, place: int) -> None:
        """Show runs, or seconds where these are to take longer."""
        passed = time.perf_counter() - begin
        by_time = rounds.seconds * (number * contestants + place) > runs * passed
        told(*((int(passed), int(rounds.seconds)) if by_time else (number * contestants + place, runs)))

    return begun


def found_images(args: argparse.Namespace, net: Net | None) -> Dataset:
    """Return the labelled images that the options name, by default those that the net was trained for."""
    if net is None:
        return finder(args)(args.data, split=args.split)
    wanted = {"channels": api.image_channels(net), "usual_size": declared_size(net)}
    return finder(args)(args.data, default_data(net), split=args.split, **wanted)


def labelled_data(args: argparse.Namespace, output: Output, net: Net, images: Dataset) -> RunData:
    """Return what is to be run of labelled images."""
    if not args.force:
        check_pair(net, images)
    with _unnamed(args, net, images):
        scores, said = find_scores(net, images, api.compared_with_labels(args.net), args.score, args.force)
        transform = api.pixel_transform(net, images.shape, images.channel_order)
    applied, suggested = api.applied_transform(net, images), tell_transform(args.net, net, output)
    return RunData(f"{images.title}, {images.split}", images, transform, scores, said, applied, suggested)


@contextmanager
def _unnamed(args: argparse.Namespace, net: Net, images: Dataset) -> Iterator[None]:
    """Let errors say how to name data, where neither the options nor the net name any and the usual ones are taken."""
    try:
        yield
    except DataError as error:
        if args.data is not None or default_data(net) is not None:
            raise
        how = f"name those of the net with --data, or let --data {RANDOM} make some, for its times alone"
        named = f"No images are named, so these are of {images.title}: {how}"
        mend = ". ".join(filter(None, (error.mend, named)))
        raise DataError(error.what, where=error.where, mend=mend) from None


def random_data(args: argparse.Namespace, net: Net | None) -> RunData:
    """Return random images for a net that reads images, else made-up values for its inputs."""
    where = f"--data {RANDOM}"
    if net is None:
        raise SettingError("random data fits any net, and none is named", where=where, mend="Name a PROTOTXT")
    said = "random data has no labels"
    for option, given in (("--score", args.score), ("--size", args.size), ("--min-accuracy", args.min_accuracy)):
        if given is not None:
            raise SettingError(f"{said}, and the size that the net reads", where=option, mend="Leave it out")
    shape = api.image_input(net)
    if shape is None:
        return RunData("random values", None, None, None, said)
    c, h, w = shape
    whole = stated_batch(net) or 1
    images = RandomImages(-(-(args.images or settings.RANDOM_IMAGES) // whole) * whole, (h, w, c))
    return RunData(images.title, images, PixelTransform.of(Transform(), images.shape, shape), None, said)


@contextmanager
def packed(args: argparse.Namespace, output: Output, data: RunData) -> Iterator[Dataset | None]:
    """Give the images as they are run: packed, unless they are decoded on line; random ones for this run alone."""
    images = data.images
    if images is None or isinstance(images, PackedData) or args.online:
        yield images
    elif not isinstance(images, RandomImages):
        with output.progress() as bar:
            found = packed_in_cache(images, shown(bar, f"pack {images.title}"))
        yield found
    else:
        with TemporaryDirectory(prefix="xdn-") as folder:
            path = Path(folder) / "random.packed"
            with output.progress() as bar:
                pack(images, path, shown(bar, f"pack {images.title}"))
            yield PackedData.open(path)


def job_of(
    args: argparse.Namespace, output: Output, bar: Progress, session: Session, images: Dataset | None, data: RunData
) -> tuple[Job, str]:
    """Return what is timed, and how its images are preprocessed, in words."""
    asked = Asked(data.scores, None if isinstance(data.images, RandomImages) else args.images)
    if data.feed is not None:
        given = FeedJob.of(session, data.feed, args.batch or stated_batch(session.net), shown(bar, "images"))
        return given, f"arrays, batch {given.batch}"
    if images is None or data.transform is None:
        batch = args.batch or next(iter(session.net.inputs.values())).shape[0]
        count = args.images or settings.RANDOM_IMAGES
        return FeedJob.made_up(session, batch, count, shown(bar, "images")), f"made-up values, batch {batch}"
    if args.online:
        if isinstance(images, PackedData):
            mend = "Name what it was packed from"
            raise SettingError("packed data is decoded already", where="--online", mend=mend)
        batch = args.batch or online_images(session, images)
        told = shown(bar, "images")
        return OnlineJob(session, images, data.transform, batch, asked, told), f"decoded on line, batch {batch}"
    assert isinstance(images, PackedData)
    if not isinstance(data.images, RandomImages):
        output.log(f"data: {images.path}")
    told = shown(bar, "chunks of images")
    job = PackedJob(session, images.path, data.transform, args.batch, told, asked)
    return job, f"packed data, batch {job.batch}" if job.batch else "packed data"
