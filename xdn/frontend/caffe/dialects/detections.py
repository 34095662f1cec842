"""DetectionOutput whose bottoms nobody joined, as Synopsys' Caffe takes them: said with Permute, Flatten and Concat.

Its bottoms are the confidences of `nbottom` maps, then as many locations, then all priors, in one blob or a blob a map.
What stands before an SSD's Flatten and Concat may be left out, too: with `no_permute` confidences are (N, classes,
ratios, H * W) and locations (N, ratios * 4, H, W), and with `ratio_permute` a map's priors stand ratio by ratio, in
planes (classes, ratios * H * W) and (4, ratios * H * W). The source is Synopsys' detection_output_layer.cpp, which
reads the first image's values for every image of a batch; here each image has its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.dialects.steps import Steps, replaced
from xdn.frontend.caffe.text import Message, place_of, values_of

#: Maps, and ratios of each, where nothing is stated.
_MAPS, _RATIOS = 6, (3, 6, 6, 6, 6, 6)
_SWITCHES = ("ratio_permute", "no_permute")
_RATIO_FIELDS = tuple(f"ratio{i}" for i in range(len(_RATIOS)))
_TFLITE = ("tflite_detection", "tflite_use_regular_nms", "max_classes_per_detection", "scale_xywh")


def detections_joined(net: Message) -> None:
    """Join the bottoms of each DetectionOutput of the NetParameter `net` that has those of several maps."""
    replaced(net, lambda layer: layer.type == "DetectionOutput", _joined)


def _joined(layer: Message, taken: set[str]) -> list[Message]:
    """Return the layers that a DetectionOutput is; the last is itself, with three bottoms."""
    param = layer.detection_output_param
    stated = values_of(param)
    if stated.get("tflite_detection"):
        raise UnsupportedError("tflite_detection decodes boxes by a rule of its own", where=place_of(layer))
    maps = stated.get("nbottom", _MAPS)
    for name in ("nbottom", *_SWITCHES, *_RATIO_FIELDS, *_TFLITE):
        param.ClearField(name)
    if len(layer.bottom) < maps:
        # The bottoms are joined, and what the other fields say is not read.
        return [layer]
    how = [name for name in _SWITCHES if stated.get(name)]
    _check(layer, maps, how)
    steps = _Joining(layer.name, taken)
    classes, bottoms = param.num_classes, list(layer.bottom)
    confidences, locations, priors = bottoms[:maps], bottoms[maps : 2 * maps], bottoms[2 * maps :]
    if how == ["no_permute"]:
        confidences = [steps.turned(blob) for blob in confidences]
        locations = [steps.channels_last(blob) for blob in locations]
    elif how:
        ratios = _ratios(layer, maps, stated)
        confidences = [steps.parted(*each, classes) for each in zip(confidences, ratios, strict=True)]
        locations = [steps.parted(*each, 4) for each in zip(locations, ratios, strict=True)]
    rows = [steps.concat([steps.flat(blob) for blob in blobs], axis=1) for blobs in (locations, confidences)]
    rows.append(steps.concat(priors, axis=2) if len(priors) > 1 else priors[0])
    layer.ClearField("bottom")
    layer.bottom.extend(rows)
    return [*steps.made, layer]


def _check(layer: Message, maps: int, how: Sequence[str]) -> None:
    """Raise a typed error where the bottoms are not those of `maps` maps, or stand in an order that is unknown."""
    given, where = len(layer.bottom), place_of(layer)
    if maps < 1 or given not in (2 * maps + 1, 3 * maps):
        what = f"{given} bottoms and nbottom {maps}; it takes so many confidences, so many locations, and priors"
        raise NetError(what, where=where)
    if len(how) > 1:
        raise NetError("no_permute and ratio_permute; give one", where=where)
    if how and given == 3 * maps:
        raise UnsupportedError(f"{how[0]} with the priors of each map apart", where=where, mend="Concatenate them")


def _ratios(layer: Message, maps: int, stated: Mapping[str, Any]) -> list[int]:
    """Return the ratios of each map with `ratio_permute`."""
    if maps > len(_RATIOS) or not stated.get("share_location", True):
        what = f"ratio_permute with more than {len(_RATIOS)} maps, or with share_location: false"
        raise UnsupportedError(what, where=place_of(layer))
    ratios = [stated.get(name, usual) for name, usual in zip(_RATIO_FIELDS, _RATIOS, strict=True)][:maps]
    if min(ratios) < 1:
        raise NetError(f"ratios {ratios}; each is 1 or more", where=place_of(layer))
    return ratios


class _Joining(Steps):
    """Layers before a DetectionOutput; each method adds some, and returns their top."""

    def _permuted(self, blob: str, *order: int) -> str:
        layer = self.add("permuted", "Permute", blob)
        layer.permute_param.order.extend(order)
        return str(layer.name)

    def channels_last(self, blob: str) -> str:
        """(N, ratios * 4, H, W) -> (N, H, W, ratios * 4)."""
        return self._permuted(blob, 0, 2, 3, 1)

    def turned(self, blob: str) -> str:
        """(N, planes, ratios, H * W) -> (N, H * W, ratios, planes)."""
        return self._permuted(blob, 0, 3, 2, 1)

    def parted(self, blob: str, ratios: int, planes: int) -> str:
        """(N, ...) of planes, each ratio by ratio -> (N, H * W, ratios, planes)."""
        layer = self.add("ratios", "Reshape", blob)
        layer.reshape_param.shape.dim.extend((0, planes, ratios, -1))
        return self.turned(layer.name)

    def flat(self, blob: str) -> str:
        """(N, ...) -> (N, M)."""
        return str(self.add("flat", "Flatten", blob).name)

    def concat(self, blobs: Sequence[str], axis: int) -> str:
        """Return blobs, one after the other along `axis`."""
        layer = self.add("joined", "Concat", *blobs)
        layer.concat_param.axis = axis
        return str(layer.name)
