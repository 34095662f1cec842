"""Crops whose offsets are nowhere stated: those of the forks of FCN, where the way to each bottom tells them.

V1's CROP, and AutoCrop and FCNCrop of other forks, lay the first bottom over the second by what both were computed
from: every layer on the way from the nearest blob that they share maps a place (h, w) of its top to one of its bottom,
and the offset is by how much the two ways differ. The source is crop_layer.cpp of J. Long's Caffe; the maps are those
of coord_map.py, which Caffe has for the same purpose.

In the current format a Crop without `crop_param` is plain Caffe's, which starts at 0. There a warning tells what the
forks of FCN and HED, whose files look alike, would take.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.text import Message, fields_of, place_of
from xdn.graph import LayerParams
from xdn.layers.base import LAYERS, CaffeLayer, ShapeKeeper
from xdn.layers.concat import Concat
from xdn.layers.crop import Crop
from xdn.layers.filters import Windowed
from xdn.layers.lrn import LRN
from xdn.layers.pooling import Pooling
from xdn.layers.split import Split
from xdn.layers.window import Window

log = logging.getLogger(__name__)

_ALIGNED = ("CROP", "AutoCrop", "FCNCrop")
_MEND = "Write a Crop with its offset: crop_param { axis: 2 offset: 19 }"
#: Layers that leave every place where it is, beside those that say so of themselves.
_IN_PLACE = (Concat, LRN, ShapeKeeper, Split)
#: No way is longer, no scale is beyond this one or below one by it, no shift beyond.
_LONGEST, _GREATEST = 1 << 9, 1 << 20


@dataclass(frozen=True)
class _Map:
    """How places of one blob lie in another along an axis: x becomes scale * x + shift."""

    scale: Fraction = Fraction(1)
    shift: Fraction = Fraction(0)

    def after(self, first: "_Map") -> "_Map":
        """Return the map that applies `first`, then this one."""
        return _Map(self.scale * first.scale, self.scale * first.shift + self.shift)

    def inverse(self) -> "_Map":
        return _Map(1 / self.scale, -self.shift / self.scale)


#: One map an axis: height and width.
_Maps = tuple[_Map, _Map]
_SAME: _Maps = (_Map(), _Map())


def aligned_apart(net: Message) -> None:
    """Give the crops of the NetParameter `net` that state no offsets those that their bottoms' ways tell."""
    givers: dict[str, Message] = {}
    for layer in net.layer:
        for top in set(layer.top) - set(layer.bottom):
            givers.setdefault(top, layer)
    for layer in net.layer:
        if layer.type in _ALIGNED:
            offsets = _offsets(layer, givers)
            layer.type = "Crop"
            layer.crop_param.axis = 2
            layer.crop_param.offset.extend(offsets)
        elif layer.type == "Crop" and not layer.HasField("crop_param"):
            _tell(layer, givers)


def _tell(layer: Message, givers: dict[str, Message]) -> None:
    """Log a warning where a fork of FCN would not start at 0."""
    try:
        offsets = _offsets(layer, givers)
    except (NetError, UnsupportedError):
        return
    if any(offsets):
        stated = " ".join(f"offset: {offset}" for offset in offsets)
        what = (
            f"it starts at 0, as Caffe's; forks of FCN and HED start where its bottoms meet: crop_param {{ {stated} }}"
        )
        log.warning("%s: no crop_param: %s", place_of(layer), what)


def _offsets(layer: Message, givers: dict[str, Message]) -> list[int]:
    """Return the offset along height and width."""
    where = place_of(layer)
    if len(layer.bottom) != 2:
        raise NetError(f"{len(layer.bottom)} bottoms; it takes a blob, and one of the size that is wanted", where=where)
    first, second = (_way(bottom, givers) for bottom in layer.bottom)
    shared = next((blob for blob in second if blob in first), None)
    if shared is None:
        raise NetError("nothing tells where its bottoms meet: they share no blob", where=where, mend=_MEND)
    ours, theirs = (_composed(_until(way, shared), where) for way in (first, second))
    offsets = [-each.after(other.inverse()).shift for each, other in zip(theirs, ours, strict=True)]
    scales = [each.scale / other.scale for each, other in zip(theirs, ours, strict=True)]
    if set(scales) != {Fraction(1)} or any(offset < 0 or offset.denominator > 1 for offset in offsets):
        shifts = " and ".join(f"{float(offset):g}" for offset in offsets)
        what = f"its bottoms begin {shifts} places apart, one {float(scales[0]):g} times as dense as the other"
        raise NetError(f"{what}: no crop lays them over each other", where=where, mend=_MEND)
    return [int(offset) for offset in offsets]


def _way(blob: str, givers: dict[str, Message]) -> dict[str, Message | None]:
    """Return the blobs on the way back from `blob`, by first bottoms, each with the layer that gives it."""
    way: dict[str, Message | None] = {}
    while blob not in way and len(way) < _LONGEST:
        giver = givers.get(blob)
        if giver is None or not giver.bottom:
            way[blob] = None
            break
        way[blob] = giver
        blob = giver.bottom[0]
    return way


def _until(way: dict[str, Message | None], shared: str) -> Iterable[Message]:
    """Yield the layers of a way, the last first, up to the blob `shared`."""
    for blob, giver in way.items():
        if blob == shared or giver is None:
            return
        yield giver


def _composed(layers: Iterable[Message], where: str) -> _Maps:
    """Return how places of the blob that the way begins with lie in the top of its last layer."""
    found = _SAME
    for layer in layers:
        height, width = (ours.after(its) for ours, its in zip(found, _maps(layer, where), strict=True))
        found = (height, width)
        if not all(each.scale * _GREATEST >= 1 and max(each.scale, abs(each.shift)) <= _GREATEST for each in found):
            raise UnsupportedError("the ways to its bottoms scale beyond all bounds", where=where, mend=_MEND)
    return found


def _maps(layer: Message, where: str) -> _Maps:
    """Return how places of a layer's first bottom lie in its top."""
    cls = LAYERS.get(layer.type) or CaffeLayer
    if issubclass(cls, Crop):
        offsets = list(layer.crop_param.offset) or [0]
        height, width = (_Map(shift=Fraction(-offset)) for offset in (offsets[0], offsets[-1]))
        return height, width
    if window := _window(layer, cls):
        return _of_window(window, 0), _of_window(window, 1)
    stays = cls.always_keeps_positions or cls.keeps_positions is not LayerParams.keeps_positions
    if stays or cls.elementwise or issubclass(cls, _IN_PLACE):
        return _SAME
    what = f"the offset depends on layer {layer.name!r} ({layer.type}), of which no map of places is known"
    raise UnsupportedError(what, where=where, mend=_MEND)


def _window(layer: Message, cls: type[CaffeLayer]) -> Window | None:
    """Return the window that a layer slides over images, None where it has none of a fixed size."""
    if issubclass(cls, Windowed):
        return cls(**fields_of(layer.convolution_param, cls)).window(2)
    if issubclass(cls, Pooling) and not layer.pooling_param.global_pooling:
        return Pooling(**fields_of(layer.pooling_param, Pooling)).window((1 << 20, 1 << 20))
    return None


def _of_window(window: Window, axis: int) -> _Map:
    """Return where the middle of a window lies: of a place in the bottom the place in the top."""
    middle = Fraction(window.extent[axis] - 1, 2) - window.pad[axis]
    stride = Fraction(window.stride[axis])
    return _Map(stride, middle) if window.transposed else _Map(stride, middle).inverse()
