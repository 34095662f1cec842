"""What files beside a net say of its images, where the net itself says nothing: the mean that everybody forgets."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from xdn import settings
from xdn.errors import XdnError
from xdn.files import is_file
from xdn.frontend.caffe.build import image_transform
from xdn.frontend.caffe.dialects.upgrade import upgrade
from xdn.frontend.caffe.images.image_shape import find_mean, mean_folders
from xdn.frontend.caffe.phase import filter_layers, net_state
from xdn.frontend.caffe.text import prototxt, schema
from xdn.frontend.textformat import read_text as fill
from xdn.graph import Net, Transform
from xdn.layers.input import Input

#: What stands in every prototxt that says something of images: the message, and V0's fields.
_SAYING = re.compile(r"transform_param|meanfile|mean_file|\bscale\s*:")
_MEANS = ("*mean*.binaryproto", "*mean*.npy")


@dataclass(frozen=True)
class Suggestion:
    """A transform that a net without one probably needs.

    Parameters
    ----------
    file : Path
        What suggests it.
    options : str
        The options that would apply it.
    """

    file: Path
    options: str


def suggested_transform(net: Net, path: Path) -> Suggestion | None:
    """Return what a file beside the prototxt `path` says of the images of `net`, None where the net has a transform.

    Asked in turn: the data layers of other prototxts that have at least half of the net's layers with weights, by name;
    a file that is called a mean.
    """
    inputs = [layer.params for layer in net.input_layers if isinstance(layer.params, Input)]
    if len(inputs) != 1 or not leaves_values(inputs[0].transform):
        return None
    for other in sorted(path.parent.glob("*.prototxt"))[: settings.MAX_SUGGESTING_FILES]:
        if other.name != path.name and (transform := _transform_of(other, net)) is not None:
            return Suggestion(other, _options(transform, path.parent))
    for pattern in _MEANS:
        for mean in sorted(path.parent.glob(pattern)):
            return Suggestion(mean, f"--mean-file {mean}")
    return None


def leaves_values(transform: Transform) -> bool:
    """Return whether `transform` leaves pixels as they are, 0..255, whatever it cuts out of an image."""
    return replace(transform, crop_size=0, mirror=False, channel_order="") == Transform()


def _transform_of(path: Path, net: Net) -> Transform | None:
    """Return the transform of the TEST phase's data in the prototxt `path`, None where it is none for `net`."""
    own = {layer.name for layer in net.layers if net.weight_shapes(layer)}
    try:
        if not is_file(path) or path.stat().st_size > settings.MAX_SUGGESTING_BYTES:
            return None
        text, message = prototxt.read_text(path), schema.new("NetParameter")
        # Reading a large net takes a tenth of a second; most say nothing of images.
        if not _SAYING.search(text):
            return None
        fill(text, message, str(path))
        every = upgrade(message)
        layers = filter_layers(every, net_state(every, "TEST")).layer
        if 2 * len(own & {layer.name for layer in layers}) < max(1, len(own)):
            return None
        found = [image_transform(layer) for layer in layers if layer.HasField("transform_param")]
    except XdnError:
        # Whatever this file is, nobody has asked for it.
        return None
    return next((transform for transform in found if not leaves_values(transform)), None)


def _options(transform: Transform, folder: Path) -> str:
    """Return the options by which commands take `transform`, without its crop."""
    here, name = [*mean_folders(folder), folder.parent], transform.mean_file
    said = {
        "--mean-file": name and str(find_mean(name, here) or find_mean(Path(name).name, here) or name),
        "--mean-value": _numbers(transform.mean_value),
        "--scale": f"{transform.scale:g}" if transform.scale != 1 else "",
        "--std": _numbers(transform.std),
        "--channel-order": transform.channel_order,
    }
    return " ".join(f"{option} {value}" for option, value in said.items() if value)


def _numbers(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)
