"""The images of a training, and those of its tests: found by what solver and net say, transformed as the net says."""

from dataclasses import dataclass, replace
from pathlib import Path

from xdn.data import Dataset, find_dataset
from xdn.data.dataset import trained_for
from xdn.data.pixels import PixelTransform
from xdn.errors import DataError
from xdn.frontend import read_binaryproto
from xdn.frontend.image_shape import mean_folders
from xdn.frontend.solver import Recipe
from xdn.graph.layer import Array
from xdn.graph.net import Net
from xdn.graph.transform import Transform
from xdn.layers.input import Input
from xdn.train.augment import Augmentation, TrainingImages


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
    return recipe.data or trained_for(net)


def find_examples(
    recipe: Recipe, nets: tuple[Net, Net], *, batch: int, seed: int, folder: Path | None = None
) -> Examples:
    """Return the images of a training.

    Parameters
    ----------
    recipe : Recipe
        The solver's words on data and augmentation.
    nets : (Net, Net)
        The net of the TRAIN phase, whose transform training images get, and that of the TEST phase.
    batch, seed : int
        Images a batch, and where the order begins.
    folder : Path, optional
        Where data sets are kept.

    Raises
    ------
    DataError
        Where the data is not found, or does not fit the net.
    """
    training_net, test_net = nets
    name = data_name(recipe, training_net)
    training = find_dataset(name, "train", folder)
    images, labels = training.images(0, len(training)), training.labels
    _check_classes(training_net, training)
    if recipe.holdout:
        kept = len(images) - recipe.holdout
        if kept < 1:
            raise DataError(f"{recipe.holdout} images are held out of {len(images)}; none is left to train on")
        test_images, test_labels, tested = images[kept:].copy(), labels[kept:], f"the {recipe.holdout} held out"
        images, labels = images[:kept], labels[:kept]
    else:
        test = find_dataset(name, "test", folder)
        test_images, test_labels, tested = test.images(0, len(test)), test.labels, f"{len(test)} test images"
    order = training.channel_order
    test_transform = _pixel_transform(test_net, _transform(test_net), test_images.shape[1:], order)
    return Examples(
        _augmented(recipe, training_net, images, labels, order, batch, seed),
        TestImages(test_images, test_labels, test_transform),
        f"{training.title}, {len(images)} images, tested on {tested}",
    )


def _augmented(
    recipe: Recipe, net: Net, images: Array, labels: Array, order: str, batch: int, seed: int
) -> TrainingImages:
    transform = _transform(net)
    h, w = input_shape(net)[1:]
    side = transform.crop_size
    if (side, side) != (h, w) and (side or images.shape[1:3] != (h, w)):
        found = f"cut to {side}x{side}" if side else "of {}x{}".format(*images.shape[1:3])
        raise DataError(f"training images {found} pixels do not fit the net's input of {h}x{w}")
    augmentation = Augmentation((h, w), recipe.pad, recipe.pad_mode, recipe.mirror or transform.mirror)
    whole = whole_transform(net, images.shape[1:], order)
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


def whole_transform(net: Net, image_shape: tuple[int, ...], order: str = "") -> PixelTransform:
    """Return what the net does to images (H, W, C), without the crop."""
    return _pixel_transform(net, replace(_transform(net), crop_size=0), image_shape, order)


def _pixel_transform(net: Net, transform: Transform, image_shape: tuple[int, ...], order: str) -> PixelTransform:
    """Return `transform` on images (H, W, C): of the net's input where it crops, else of the whole image."""
    h, w, c = image_shape
    wanted = input_shape(net) if transform.crop_size else (input_shape(net)[0], h, w)
    folders = mean_folders(net.folder)
    return PixelTransform.of(
        transform, (h, w, c), (wanted[0], wanted[1], wanted[2]), folders, read_binaryproto, channel_order=order
    )


def _check_classes(net: Net, data: Dataset) -> None:
    scores = net.blobs[net.outputs[0]].shape
    if len(scores) < 2 or scores[1] < len(data.classes):
        raise DataError(
            f"the net's output {net.outputs[0]!r} has the shape {scores}; {data.title} has {len(data.classes)} classes"
        )
