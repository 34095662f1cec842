"""What is done to an input's images, which ONNX has no field for: JSON in a model's metadata, an entry an input."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from xdn.errors import ParseError
from xdn.graph import Net, Transform
from xdn.layers.input import Input
from xdn.record import Reader

#: What stands before the input's name in the key of its entry.
_KEY = "xdn.images."


@dataclass(frozen=True)
class Images:
    """What an Input layer says of its images, beside their shape; the fields are those of `xdn.layers.input.Input`."""

    transform: Transform = field(default_factory=Transform)
    source: str = ""
    resize: tuple[int, ...] = ()


def images_said(net: Net) -> dict[str, str]:
    """Return the entries of a model's metadata that say what is done to the images of its inputs; {} of nothing."""
    found: dict[str, str] = {}
    for layer in net.input_layers:
        if isinstance(layer.params, Input):
            own = Images(layer.params.transform, layer.params.source, layer.params.resize)
            found |= {f"{_KEY}{top}": json.dumps(asdict(own)) for top in layer.tops if own != Images()}
    return found


def images_of(metadata: Mapping[str, str], name: str) -> Images:
    """Return what the metadata of a model say of the images of the input `name`.

    Raises
    ------
    ParseError
        Where its entry is not one that `images_said` gives.
    """
    key = f"{_KEY}{name}"
    if key not in metadata:
        return Images()
    try:
        document = json.loads(metadata[key])
    except (ValueError, RecursionError) as error:
        raise ParseError(f"this is not JSON: {error}", where=f"metadata {key!r}") from error
    said = Reader(ParseError).read(Images, document, f"metadata {key!r}")
    if len(said.resize) not in (0, 2) or min(said.resize, default=1) < 1 or said.transform.crop_size < 0:
        raise ParseError("images of negative sizes, or of other than two", where=f"metadata {key!r}")
    return said
