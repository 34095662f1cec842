"""Make a training net deployable: data layers become inputs; labels, losses and measures go.

What Caffe users do by hand when they write a deploy.prototxt:

- A data layer becomes an Input that carries the layer's transform and the name of its data set.
- Labels and everything computed from them go, and so do losses and measures, which need them.
- A softmax loss becomes the Softmax that it contains, so that the net gives probabilities.
- Of several losses the one with the greatest weight stays; branches that only feed lesser ones (GoogLeNet's
  auxiliary classifiers) or a Silence layer go too, unless nothing would be left: a detector whose boxes Silence reads.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xdn.frontend.caffe.data_layers import Told, input_layer
from xdn.frontend.caffe.dialects.python_layers import PYTHON, is_known_python
from xdn.frontend.caffe.naming import Wiring, single_assignment
from xdn.frontend.caffe.text import Message, schema, with_layers
from xdn.frontend.formats import InputShapes
from xdn.graph.naming import free_name
from xdn.layers.base import LAYERS

#: Data layers whose tops after the first are labels.
_LABELLED = ("Data", "ImageData", "MemoryData", "WindowData")
#: Data layers whose tops are whatever the file says.
_FREE = ("HDF5Data", "DummyData")
#: Losses that contain a softmax: Caffe's, and that of C3D over voxels.
_LOSSES = ("SoftmaxWithLoss", "VOXEL_SOFTMAX_LOSS")
_MEASURES = re.compile(r"loss|accuracy|evaluat|^eval|iou$|^warpctc$", re.IGNORECASE)
#: What labels pass on their way to several losses.
_RESHAPING = ("Slice", "Split", "Reshape", "Flatten")
_SILENT = ("Silence", "HDF5Output")
#: What data layers of forks are called.
_SOURCES = re.compile(r"data|input|reader|image|video", re.IGNORECASE)


def is_data(layer: Message) -> bool:
    """Return whether `layer` is a data layer: Caffe's, or what looks like one of a fork or one written in Python."""
    if layer.type in (*_LABELLED, *_FREE):
        return True
    is_source = layer.top and not layer.bottom and layer.type not in LAYERS
    return bool(is_source) and (layer.type == PYTHON or bool(_SOURCES.search(layer.type)))


def _is_measure(layer: Message) -> bool:
    """Return whether `layer` is a loss or a measure of quality, Caffe's or a fork's: it compares with labels.

    It is called one, or what it gives has a weight in the sum that training makes small.
    """
    if layer.type in LAYERS or is_known_python(layer):
        return False
    if layer.type == PYTHON and _MEASURES.search(f"{layer.python_param.module} {layer.python_param.layer}"):
        return True
    return any(layer.loss_weight) or bool(_MEASURES.search(layer.type.replace("_", "")))


def _gives_measures(layer: Message) -> bool:
    """Return whether `layer`, of a type that XDN lacks, reads, and gives nothing or what is called a measure."""
    if not layer.bottom or layer.type in LAYERS or layer.type in ("", *_SILENT):
        return False
    return all(_MEASURES.search(top.replace("_", "")) for top in layer.top)


@dataclass
class _Analysis:
    """The layers of a net, their wirings under single assignment, and what becomes of them."""

    layers: Sequence[Message]
    wirings: Sequence[Wiring]
    dropped: set[int] = field(default_factory=set)
    #: Softmax losses that become a Softmax.
    heads: list[int] = field(default_factory=list)
    #: Dropped layers whose inputs have no other purpose.
    aimless: set[int] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    #: Losses and measures of quality.
    measures: set[int] = field(default_factory=set)

    def readers(self) -> dict[str, list[tuple[int, int]]]:
        """Return blob -> (layer, position among its bottoms) of each reading."""
        found: dict[str, list[tuple[int, int]]] = {}
        for index, wiring in enumerate(self.wirings):
            for position, bottom in enumerate(wiring.bottoms):
                found.setdefault(bottom, []).append((index, position))
        return found

    def find_measures(self) -> None:
        """Enter losses and measures: what is one by itself, and strange layers by their place.

        These end the net, and are losses or measures by what they give; Python layers also where they compare what was
        computed, their first bottom, with what comes from data, others where a loss or a measure compares with it too.
        """
        readers, given = self.readers(), set[str]()
        strangers, compared_with = list[tuple[int, set[str]]](), set[str]()
        for index, (layer, wiring) in enumerate(zip(self.layers, self.wirings, strict=True)):
            if is_data(layer) or (layer.type in _RESHAPING and given.issuperset(wiring.bottoms)):
                given.update(wiring.tops)
            ends = readers.keys().isdisjoint(wiring.tops) and not is_known_python(layer)
            compared = given.intersection(wiring.bottoms) if given.isdisjoint(wiring.bottoms[:1]) else set[str]()
            if _is_measure(layer) or (ends and (_gives_measures(layer) or (layer.type == PYTHON and compared))):
                self.measures.add(index)
                compared_with |= compared
            elif ends and layer.type not in LAYERS:
                strangers.append((index, compared))
        self.measures.update(index for index, compared in strangers if compared & compared_with)

    def find_labels(self) -> None:
        """Enter the tops of data layers that are labels."""
        readers = self.readers()
        for layer, wiring in zip(self.layers, self.wirings, strict=True):
            if not is_data(layer):
                continue
            for position, top in enumerate(wiring.tops):
                compared = self._compared(top, readers)
                if (position > 0 and layer.type in _LABELLED) or (compared and (top in readers or position > 0)):
                    self.labels.add(top)

    def _compared(self, blob: str, readers: Mapping[str, list[tuple[int, int]]]) -> bool:
        """Return whether a blob goes nowhere but to measures, after what they measure; at once or cut into parts."""
        waiting = [blob]
        while waiting:
            for index, position in readers.get(waiting.pop(), []):
                layer, wiring = self.layers[index], self.wirings[index]
                if layer.type in _RESHAPING and len(wiring.bottoms) == 1:
                    waiting.extend(wiring.tops)
                elif not (index in self.measures and position > 0) and layer.type not in _SILENT:
                    return False
        return True

    def drop_measures(self) -> None:
        """Drop losses, measures, and whatever else hangs on a label; collect the softmax losses."""
        gone = set(self.labels)
        for index, (layer, wiring) in enumerate(zip(self.layers, self.wirings, strict=True)):
            if layer.type in _LOSSES and wiring.bottoms and wiring.bottoms[0] not in gone:
                self.heads.append(index)
            measures = index in self.measures
            if measures or layer.type in _SILENT or any(bottom in gone for bottom in wiring.bottoms):
                self.dropped.add(index)
                gone.update(wiring.tops)
                if layer.type in _SILENT:
                    self.aimless.add(index)

    def choose_heads(self) -> None:
        """Keep the softmax losses of the greatest weight, one a blob; the others' branches have no purpose."""
        weights = {index: (*self.layers[index].loss_weight, 1.0)[0] for index in self.heads}
        greatest = max(weights.values(), default=0.0)
        read: set[str] = set()
        chosen = []
        for index in self.heads:
            blob = self.wirings[index].bottoms[0]
            if weights[index] < greatest:
                self.aimless.add(index)
            elif blob not in read:
                read.add(blob)
                chosen.append(index)
        # Where the net has the Softmax already, the loss adds nothing.
        have: set[str] = set()
        for index, (layer, wiring) in enumerate(zip(self.layers, self.wirings, strict=True)):
            if layer.type == "Softmax" and index not in self.dropped:
                have.update(wiring.bottoms[:1])
        self.heads = [index for index in chosen if self.wirings[index].bottoms[0] not in have]

    def drop_branches(self) -> None:
        """Drop the layers whose every reader was dropped, at least one of them for having no purpose."""
        readers = self.readers()
        unread = self.dropped - set(self.heads)
        for index in range(len(self.layers) - 1, -1, -1):
            if index in self.dropped or is_data(self.layers[index]):
                continue
            found = {i for top in self.wirings[index].tops for i, _ in readers.get(top, [])}
            if found <= unread and found & self.aimless:
                self.dropped.add(index)
                unread.add(index)
                self.aimless.add(index)


def _softmax_layer(loss: Message, taken: set[str]) -> Message:
    """Return the Softmax that the loss layer `loss` contains, under a name not in `taken`.

    In happynear's fork its `normalize_type` may ask for a Normalize instead.
    """
    name = free_name("prob" if "prob" not in taken else f"{loss.name}_prob", taken)
    kind = "Softmax" if loss.softmax_param.normalize_type in ("", "Softmax") else "Normalize"
    made = schema.new("LayerParameter", name=name, type=kind, bottom=loss.bottom[:1], top=[name])
    if loss.HasField("softmax_param"):
        made.softmax_param.CopyFrom(loss.softmax_param)
    return made


def _analysed(layers: Sequence[Message], wirings: Sequence[Wiring]) -> _Analysis:
    """Return what becomes of the layers; where all of them would go, what only Silence reads is what the net gives."""
    for silent_has_purpose in (False, True):
        analysis = _Analysis(layers, wirings)
        analysis.find_measures()
        analysis.find_labels()
        analysis.drop_measures()
        if silent_has_purpose:
            analysis.aimless.clear()
        analysis.choose_heads()
        analysis.drop_branches()
        if any(not is_data(layers[i]) for i in range(len(layers)) if i not in analysis.dropped):
            break
    return analysis


def deployable(
    net: Message, folder: Path | None = None, input_shape: InputShapes | None = None, *, strict: bool = True
) -> Message:
    """Return `net` (current format, layers of one phase) without what only training needs, by the module's rules.

    Parameters
    ----------
    net : NetParameter
    folder : Path, optional
        Where the prototxt lies; a mean image there tells the input's shape.
    input_shape : (C, H, W), or name -> such shapes, optional
        The shape of the only input's images, or of some inputs; what the file says otherwise.
    strict : bool
        Refuse data layers whose images' shape nothing tells; otherwise their inputs have none.

    Raises
    ------
    NetError
        Where a blob is written twice, or nothing tells the shape of a data layer's images.
    """
    layers = list(net.layer)
    wirings = [Wiring.of(layer, is_data(layer) or layer.type == "Input") for layer in layers]
    analysis = _analysed(layers, single_assignment(wirings))

    made = []
    left = [la for index, la in enumerate(layers) if index not in analysis.dropped]
    taken = {name for la in left for name in (la.name, *la.top)}
    heads = set(analysis.heads)
    readers: dict[str, list[Message]] = {}
    for layer in left:
        for bottom in layer.bottom:
            readers.setdefault(bottom, []).append(layer)
    told = Told(input_shape, folder, readers, strict)
    for index, (layer, wiring) in enumerate(zip(layers, analysis.wirings, strict=True)):
        if index in heads:
            made.append(_softmax_layer(layer, taken))
        elif is_data(layer) and index not in analysis.dropped:
            used = [position for position, top in enumerate(wiring.tops) if top not in analysis.labels]
            if used:
                made.append(input_layer(layer, used, told))
        elif index not in analysis.dropped:
            made.append(layer)
    return with_layers(net, "layer", made)
