"""Data layers become Input layers: with the transform, the name of the data set, and the shape of its images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xdn import settings
from xdn.errors import NetError, listed
from xdn.frontend.caffe.images.image_shape import image_shape, resize_of, source_of
from xdn.frontend.caffe.text import Message, place_of, schema
from xdn.frontend.formats import ImageShape, InputShapes, said_shape

#: Which top of an ImageSegData has the images' sizes.
_SIZES = 2


def _one(values: Sequence[Any], position: int) -> Sequence[Any]:
    """Return the value at `position`, the first one where there are fewer, in a list; an empty one where none is."""
    return values[position : position + 1] or values[:1]


def _joined(shape: ImageShape, cutters: Sequence[Message]) -> ImageShape:
    """Return `shape`, of which the channels are only supposed, with as many as the layers need that read it.

    Pairs of images are joined along the channels, and a Slice cuts them apart: then it says how many there are.
    """
    for layer in cutters:
        points, parts = layer.slice_param.slice_point, len(layer.top)
        along = layer.slice_param.axis if layer.slice_param.HasField("axis") else layer.slice_param.slice_dim or 1
        if layer.type != "Slice" or along != 1:
            continue
        if points and points[-1] >= shape[0]:
            return (points[-1] + points[0], *shape[1:])
        if not points and shape[0] % parts:
            return (shape[0] * parts, *shape[1:])
    return shape


@dataclass(frozen=True)
class Told:
    """What tells the shapes of inputs, but for their layers: what the caller says, a folder of means, who reads them.

    Parameters
    ----------
    said : tuple of int, or mapping, optional
        The shape of the only input's images, or of some inputs.
    folder : Path, optional
        Where the prototxt lies.
    readers : mapping
        Blob -> the layers that read it.
    strict : bool
        Refuse images of unknown shapes; otherwise an input has no shape at all.
    """

    said: InputShapes | None
    folder: Path | None
    readers: Mapping[str, Sequence[Message]]
    strict: bool = True

    def images(self, layer: Message, top: str) -> ImageShape:
        """Return the shape of the images in a top of a data layer of which the caller says nothing."""
        shape = image_shape(layer, self.folder)
        return shape if layer.HasField("memory_data_param") else _joined(shape, self.readers.get(top, ()))


def _gives_sizes(layer: Message, position: int) -> bool:
    """Return whether a top is the third of DeepLab's ImageSegData: each image's height and width before padding."""
    return layer.type.replace("_", "").upper() == "IMAGESEGDATA" and position == _SIZES


def _input_shapes(layer: Message, tops: Sequence[int], told: Told) -> Message:
    """Return the InputParameter for the tops at positions `tops` of the data layer `layer`."""
    given = told.said
    param = schema.new("InputParameter")
    dummy = layer.dummy_data_param
    for position in tops:
        said = said_shape(given, layer.top[position], len(tops) == 1)
        if said is None and layer.type == "DummyData":
            old = [_one(values, position) for values in (dummy.num, dummy.channels, dummy.height, dummy.width)]
            shapes = _one(dummy.shape, position)
            dims = shapes[0].dim if shapes else [extent for extents in old for extent in extents]
            if len(dims) > settings.MAX_BLOB_AXES:
                what = f"a blob has {len(dims)} axes; at most {settings.MAX_BLOB_AXES} are allowed"
                raise NetError(what, where=place_of(layer))
            param.shape.add().dim.extend(dims)
        elif said is None and _gives_sizes(layer, position):
            param.shape.add().dim.extend((1, 1, 1, 2))
        elif said is None and sum(not _gives_sizes(layer, each) for each in tops) > 1:
            names = [layer.top[each] for each in tops if said_shape(given, layer.top[each], alone=False) is None]
            mend = "Say each with --input-shape NAME=C,H,W, or write Input layers with their shapes instead"
            count = f"{len(names)} inputs of unknown shapes" if len(names) > 1 else "an input of unknown shape"
            raise NetError(f"{count}: {listed(names)}", where=place_of(layer), mend=mend)
        else:
            param.shape.add().dim.extend((1, *(said or told.images(layer, layer.top[position]))))
    return param


def _shapes_or_none(layer: Message, tops: Sequence[int], told: Told) -> Message:
    """Return the InputParameter as `_input_shapes`, without shapes where nothing tells them and nobody insists."""
    try:
        return _input_shapes(layer, tops, told)
    except NetError:
        if told.strict:
            raise
        return schema.new("InputParameter")


def input_layer(layer: Message, tops: Sequence[int], told: Told) -> Message:
    """Return the Input that takes the place of the data layer `layer` and gives its tops at the positions `tops`."""
    kept = {name: getattr(layer, name) for name in ("transform_param", "xdn_param") if layer.HasField(name)}
    names, shapes = [layer.top[position] for position in tops], _shapes_or_none(layer, tops, told)
    made = schema.new("LayerParameter", name=layer.name, type="Input", top=names, input_param=shapes, **kept)
    if source := source_of(layer):
        made.data_param.source = source
    if resize := resize_of(layer):
        made.image_data_param.new_height, made.image_data_param.new_width = resize
    return made
