"""The shape of the images that a data layer gives, which its layer in the file mostly does not say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xdn.errors import NetError, XdnError
from xdn.files import is_file
from xdn.frontend.caffe.images.mean_file import read_mean
from xdn.frontend.caffe.text import Message, place_of
from xdn.frontend.formats import ImageShape

#: Data sets whose name in `source` tells the size of their images.
_BY_SOURCE: dict[str, ImageShape] = {
    "cifar": (3, 32, 32),
    "svhn": (3, 32, 32),
    "mnist": (1, 28, 28),
}


def mean_folders(folder: Path | None) -> list[Path]:
    """Return where a relative mean file is looked for: beside the prototxt, then in the working folder."""
    return [*([folder] if folder is not None else []), Path.cwd()]


def find_mean(name: str, folders: Sequence[Path]) -> Path | None:
    """Return the mean file called `name` in the first of `folders` that has it, None where none has."""
    candidates = (folder / name for folder in folders)
    return next((path for path in candidates if is_file(path)), None)


def source_of(layer: Message) -> str:
    """Return the name of the data set that a data layer reads, empty where it names none."""
    return str(_of_data(layer, "source", ""))


def resize_of(layer: Message) -> tuple[int, ...]:
    """Return height and width to which an ImageData layer resizes its images, nothing where it does not say both."""
    param = layer.image_data_param
    return (int(param.new_height), int(param.new_width)) if param.new_height and param.new_width else ()


def batch_of(layer: Message) -> int:
    """Return the batch that a data layer names, 0 where it names none."""
    return int(_of_data(layer, "batch_size", 0)) or next(iter(layer.memory_data_param.dim), 0)


def _of_data(layer: Message, name: str, default: Any) -> Any:
    """Return the field `name` of the first of a data layer's own messages that may have it."""
    params = [value for field, value in layer.ListFields() if field.name.endswith("data_param")]
    return next((getattr(param, name) for param in params if hasattr(param, name)), default)


def _channels(layer: Message) -> int:
    transform, images = layer.transform_param, layer.image_data_param
    # is_color is true where it is absent.
    if transform.force_gray or (images.HasField("is_color") and not images.is_color):
        return 1
    return max(3, len(transform.mean_value))


def _from_mean(layer: Message, folder: Path | None) -> ImageShape | None:
    name = layer.transform_param.mean_file
    path = find_mean(name, mean_folders(folder)) if name else None
    if path is None:
        return None
    try:
        shape = read_mean(path).shape
    except XdnError:
        # Whoever needs the pixels reports a damaged mean; here it only tells no shape.
        return None
    # One number a channel is a mean of images of any size.
    return None if shape[1:] == (1, 1) else shape


def crop_of(transform: Message) -> tuple[int, int] | None:
    """Return (height, width) of the crop that a TransformationParameter asks for, SSD's two sides included."""
    h, w = transform.crop_h or transform.crop_size, transform.crop_w or transform.crop_size
    return (h, w) if h and w else None


def _declared(layer: Message) -> ImageShape | None:
    """Return the shape that the layer itself says, None where it does not."""
    memory, transform, from_memory = layer.memory_data_param, layer.transform_param, layer.HasField("memory_data_param")
    channels = memory.channels if from_memory else _channels(layer)
    if crop := crop_of(transform):
        return channels, *crop
    if memory.dim:  # Greentea's, of which the first is the batch.
        return tuple(memory.dim[1:])
    if from_memory:
        return channels, memory.height, memory.width
    sizes = [(p.new_height, p.new_width) for p in (layer.image_data_param, layer.video_data_param)]
    # MobileNet-YOLO's fork states several sizes, of which training draws one; a test takes the first.
    sizes += [(p.height, p.width) for p in transform.resize_param]
    return next(((channels, h, w) for h, w in sizes if h and w), None)


def _film_length(layer: Message) -> int | None:
    """Return how many images a film of C3D has, 0 where its data layer does not say; None of a layer of images.

    SSD calls one VideoData that gives images.
    """
    length = layer.video_data_param.new_length or layer.image_data_param.new_length
    return length if length or layer.type.startswith("VIDEO_") else None


def image_shape(layer: Message, folder: Path | None) -> ImageShape:
    """Return (C, H, W) of the images that the data layer `layer` gives, (C, D, H, W) of films.

    Asked in turn: the crop (with 3 channels, 1 where the layer says grey), the layer's own sizes, the mean image,
    and the name of the data set. Of films also the layer's `new_length`.

    Parameters
    ----------
    layer : LayerParameter
    folder : Path, optional
        Where the prototxt lies; the mean image is looked for there.

    Raises
    ------
    NetError
        Naming ``--input-shape``, where nothing tells the shape.
    """
    shape = _declared(layer) or _from_mean(layer, folder)
    length = _film_length(layer)
    if length is not None and (shape is None or not length):
        what = "neither new_length nor a crop size tells the shape of the images"
        raise NetError(what, where=place_of(layer), mend="Say it with --input-shape C,D,H,W")
    if shape is not None:
        return shape if length is None else (shape[0], length, *shape[1:])
    source = source_of(layer).lower()
    for name, known in _BY_SOURCE.items():
        if name in source:
            return known
    what = "neither a crop size, a mean file nor the data source tells the shape of the images"
    mend = "Say it with --input-shape C,H,W"
    if layer.type == "HDF5Data":
        what = "nothing but the data itself tells the shape of the images or features"
        mend = "Say it with --input-shape, without the batch: 784, or 3,32,32"
    raise NetError(what, where=place_of(layer), mend=mend)
