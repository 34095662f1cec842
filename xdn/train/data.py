"""The images of a training, and those of its tests: found by what solver and net say, transformed as the net says."""

import logging
from dataclasses import dataclass, replace
from functools import partial
from math import prod

import numpy as np

from xdn import settings
from xdn.data import Dataset
from xdn.data.dataset import GREY
from xdn.data.folder import ImageFiles
from xdn.data.packed import PackedData
from xdn.data.pixels import PixelTransform
from xdn.data.source import Find, declared_size, default_data, find_data
from xdn.errors import DataError
from xdn.frontend import read_mean
from xdn.frontend.caffe.images.image_shape import mean_folders
from xdn.frontend.solver import Recipe
from xdn.graph import Array, Net, Transform
from xdn.layers.input import Input
from xdn.train.augment import Augmentation, TrainingImages

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class TestImages:
    """Images with the central crop and the transform of the net.

    Parameters
    ----------
    images : (N, H, W, C) u8
    labels : (N,) int32
    transform : PixelTransform
    """

    images: Array
    labels: Array
    transform: PixelTransform

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, start: int, stop: int) -> tuple[Array, Array]:
        """Return f32 (n, C, h, w) and int32 (n,)."""
        return self.transform.apply(self.images[start:stop]), self.labels[start:stop]


@dataclass(frozen=True, eq=False)
class Examples:
    """What a net is trained on and tested with.

    Parameters
    ----------
    train : TrainingImages
    test : TestImages
    name : str
        What they are, such as ``"CIFAR-10, 45000 images, tested on the 5000 held out"``.
    """

    train: TrainingImages
    test: TestImages
    name: str


def data_name(recipe: Recipe, net: Net) -> str | None:
    """Return the data set that the solver names, else the one that the net's input names, None where neither does."""
    return recipe.data or default_data(net)


def find_examples(recipe: Recipe, nets: tuple[Net, Net], *, batch: int, seed: int, find: Find = find_data) -> Examples:
    """Return the images of a training.

    Parameters
    ----------
    recipe : Recipe
        The solver's words on data and augmentation.
    nets : (Net, Net)
        The net of the TRAIN phase, whose transform training images get, and that of the TEST phase.
    batch, seed : int
        Images a batch, and where the order begins.
    find : callable
        Finds data, as `find_data` does.

    Raises
    ------
    DataError
        Where the data is not found, or does not fit the net.
    """
    training_net, test_net = nets
    name = data_name(recipe, training_net)
    find = partial(find, channels=input_shape(training_net)[0])
    training = find(name, usual_split="train", usual_size=declared_size(training_net))
    _check_classes(training_net, training)
    images, labels = _pixels(training), training.labels
    if recipe.holdout:
        kept = len(images) - recipe.holdout
        if kept < 1:
            raise DataError(f"{recipe.holdout} images are held out of {len(images)}; none is left to train on")
        test_images, test_labels, tested = images[kept:].copy(), labels[kept:], f"the {recipe.holdout} held out"
        _tell_one_sided(training.title, test_labels, labels)
        images, labels = images[:kept], labels[:kept]
    else:
        tests = recipe.test_data or data_name(recipe, test_net) or name
        test = _test_data(tests, training, partial(find, usual_size=declared_size(test_net)))
        test_images, test_labels, tested = _pixels(test), test.labels, _test_name(test, training)
    order = training.channel_order
    test_transform = pixel_transform(test_net, test_images.shape[1:], order)
    return Examples(
        _augmented(recipe, training_net, images, labels, order, batch, seed),
        TestImages(test_images, test_labels, test_transform),
        f"{_name(training)}, {len(images)} images, tested on {tested}",
    )


def _pixels(data: Dataset) -> Array:
    """Return all images; raise DataError where they need too much memory."""
    size_bytes = len(data) * prod(data.shape)
    if size_bytes > settings.MAX_TRAINING_BYTES:
        raise DataError(f"the images need {size_bytes} bytes; at most {settings.MAX_TRAINING_BYTES} are taken")
    return data.images()


def _tell_one_sided(title: str, held: Array, labels: Array) -> None:
    """Warn where held-out images lack classes: those of a folder come class by class, and the last are held out."""
    some, every = len(np.unique(held)), len(np.unique(labels))
    if some < every:
        log.warning(
            "%s: the %d images that are held out have %d of %d classes, as the last ones of a folder do; "
            "--test-data names others, and a list file has any order",
            title, len(held), some, every,
        )  # fmt: skip


def _test_data(name: str | None, training: Dataset, find: Find) -> Dataset:
    """Return the images of the tests; raise DataError where they are not as those that are trained on."""
    test = find(name, usual_split="test")
    if isinstance(training, PackedData) and test.origin == training.origin:
        mend = "Name the images of the tests with --test-data, or hold some out with --holdout"
        raise DataError("a packed file has no other images for the tests", where=training.origin, mend=mend)
    for what, theirs, own in (
        ("channels", test.channel_order, training.channel_order),
        # A list has as many classes as its labels tell of.
        ("classes", test.classes, training.classes[: len(test.classes)]),
    ):
        if theirs != own:
            found = f"{theirs}, not {own}"
            raise DataError(f"the images of the tests have other {what} than those of the training: {found}")
    return test


def _test_name(test: Dataset, training: Dataset) -> str:
    """Return how many images the tests have, and warn where they are those that are trained on."""
    if not isinstance(test, ImageFiles) or not isinstance(training, ImageFiles) or test.files != training.files:
        return f"{len(test)} test images"
    log.warning(
        "%s: the tests take the images that are trained on, and say nothing of others; --test-data names others, "
        "--holdout N keeps some",
        training.title,
    )
    return f"the same {len(test)} images"


def _name(data: Dataset) -> str:
    """Return what tells this data from others: title, size and order where they are not its own."""
    resized = f", resized to {data.preprocessing['resize']}" if "resize" in data.preprocessing else ""
    usual = "bgr" if data.origin else "rgb"
    order = "" if data.channel_order in (usual, GREY) else f", channels {data.channel_order}"
    return f"{data.title}{resized}{order}"


def _augmented(
    recipe: Recipe, net: Net, images: Array, labels: Array, order: str, batch: int, seed: int
) -> TrainingImages:
    transform = _transform(net)
    h, w = input_shape(net)[1:]
    side = transform.crop_size
    if (side, side) != (h, w) and (side or images.shape[1:3] != (h, w)):
        found = f"cut to {side}x{side}" if side else "of {}x{}".format(*images.shape[1:3])
        what = f"training images {found} pixels do not fit the net's input of {h}x{w}"
        raise DataError(what, mend=f"Resize image files with --size {h}x{w}, or cut them with --crop")
    augmentation = Augmentation((h, w), recipe.pad, recipe.pad_mode, recipe.mirror or transform.mirror)
    whole = pixel_transform(net, images.shape[1:], order, crop=False)
    return TrainingImages(images, labels, whole, augmentation, batch=batch, seed=seed)


def input_shape(net: Net) -> tuple[int, ...]:
    """Return (C, H, W) of the images that the net reads; raise DataError where it reads anything else."""
    shapes = [blob.shape[1:] for blob in net.inputs.values()]
    if len(shapes) != 1 or len(shapes[0]) != 3:
        raise DataError(f"images fill exactly one input (N, C, H, W); the net's inputs have the shapes {shapes}")
    return shapes[0]


def _transform(net: Net) -> Transform:
    params = net.input_layers[0].params
    return params.transform if isinstance(params, Input) else Transform()


def pixel_transform(net: Net, image_shape: tuple[int, ...], order: str = "", *, crop: bool = True) -> PixelTransform:
    """Return what the net does to images (H, W, C), with its crop or of the whole image."""
    transform = _transform(net) if crop else replace(_transform(net), crop_size=0)
    (h, w, c), (channels, *cropped) = image_shape, input_shape(net)
    height, width = cropped if transform.crop_size else (h, w)
    folders = mean_folders(net.folder)
    return PixelTransform.of(transform, (h, w, c), (channels, height, width), folders, read_mean, channel_order=order)


def _check_classes(net: Net, data: Dataset) -> None:
    scores = net.blobs[net.outputs[0]].shape
    if len(scores) < 2 or scores[1] < len(data.classes):
        found = f"{data.title} has {len(data.classes)} classes"
        raise DataError(f"the net's output {net.outputs[0]!r} has the shape {scores}; {found}")
