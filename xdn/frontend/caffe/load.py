"""Caffe's frontend: prototxt and caffemodel -> `Net`."""

import logging
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from xdn import settings
from xdn.errors import NetError, UnsupportedError, WeightsError, listed, placed
from xdn.files import checked_size, is_file
from xdn.frontend.caffe.build import build, sketch
from xdn.frontend.caffe.deploy import deployable, is_data
from xdn.frontend.caffe.dialects.detectnet import labels_apart
from xdn.frontend.caffe.dialects.forks import plain_caffe
from xdn.frontend.caffe.dialects.python_layers import refuse_python
from xdn.frontend.caffe.dialects.upgrade import upgrade
from xdn.frontend.caffe.images.image_shape import batch_of
from xdn.frontend.caffe.phase import filter_layers, net_state
from xdn.frontend.caffe.text import Message, prototxt
from xdn.frontend.caffe.text.tolerance import check_unread
from xdn.frontend.caffe.weights.assign import assign_weights
from xdn.frontend.caffe.weights.caffemodel import read_caffemodel
from xdn.frontend.caffe.writer import save
from xdn.frontend.formats import AS_IT_STANDS, FRONTENDS, Frontend, Reading
from xdn.graph import Net
from xdn.graph.summary import NetSummary, summarize
from xdn.layers.denseblock import unfolded

log = logging.getLogger(__name__)

#: Measures and losses whose first bottom has a score for each class, whatever the phase.
_OVER_CLASSES = ("Accuracy", "SoftmaxWithLoss", "MultinomialLogisticLoss", "InfogainLoss", "HingeLoss")
_STATE = "If it has more in another phase or stage, say so (xdn-run --phase, xdn-run --net-stage)"


def _add_data(net: Message, every: Message) -> None:
    """Put before the layers of `net` the data layers of `every` layer that it reads, but that another phase has."""
    given = {top for layer in net.layer for top in layer.top}
    missing = {bottom for layer in net.layer for bottom in layer.bottom} - given
    found = []
    for layer in every.layer:
        if is_data(layer) and missing.intersection(layer.top) and not given.intersection(layer.top):
            found.append(layer)
            given.update(layer.top)
    for layer in reversed(found):
        net.layer.insert(0, layer)


def _name_once(net: Message) -> None:
    """Give a layer whose name another has already, which Caffe allows, one of its own; weights go to the first."""
    taken = {layer.name for layer in net.layer}
    seen: set[str] = set()
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(2))
    for layer in net.layer:
        if layer.name in seen:
            name = next(free for number in numbers[layer.name] if (free := f"{layer.name}_{number}") not in taken)
            log.warning("two layers are called %r; the second becomes %r", layer.name, name)
            layer.name = name
            taken.add(name)
        seen.add(layer.name)


def net_from_message(
    message: Message, folder: Path | None = None, reading: Reading = AS_IT_STANDS, *, strict: bool = True
) -> Net:
    """Return the deployable `Net` of a NetParameter in any of the formats, without weights.

    Parameters
    ----------
    message : NetParameter
    folder : Path, optional
        Where relative mean files are looked for.
    reading : Reading
        Which layers take part, and the inputs' shapes.
    strict : bool
        Refuse layers of types that XDN lacks, words of forks that it does not understand, and inputs of unknown shapes.
        Otherwise the net may have all of these, and is not verified: it is good for a summary only.

    Raises
    ------
    NetError
        Also where no layer is left.
    """
    size = len(message.layer) + len(message.layers)
    if size > settings.MAX_LAYERS:
        raise NetError(f"the net has {size} layers; at most {settings.MAX_LAYERS} are read")
    every = upgrade(message)
    current = _taking_part(every, reading)
    _add_data(current, every)
    _name_once(current)
    computing = [layer for layer in current.layer if not is_data(layer) and layer.type != "Input"]
    if current.layer and not computing:
        named = listed([f"{layer.name!r} ({layer.type})" for layer in current.layer])
        raise NetError(f"there is nothing to compute: the net only has data: {named}", mend=_STATE)
    current = deployable(labels_apart(current), folder, reading.input_shape, strict=strict)
    if computing and all(layer.type == "Input" for layer in current.layer):
        named = listed([f"{layer.name!r} ({layer.type})" for layer in computing])
        raise NetError(f"nothing is left to compute: every other layer reads labels or is a measure: {named}")
    plain_caffe(current, strict)
    check_unread(current, strict)
    if strict:
        refuse_python(current)
    net = (build if strict else sketch)(current, folder, reading.input_shape)
    if not net.layers:
        raise NetError("the net has no layers")
    return net


def _taking_part(every: Message, reading: Reading) -> Message:
    """Return the net of the layers of `every` layer that take part."""
    return filter_layers(every, net_state(every, reading.phase, reading.level, reading.stages))


def _said(message: Message, reading: Reading) -> dict[str, Message]:
    """Return name -> LayerParameter of all layers of a net's text; of several with one name, that which takes part."""
    every = upgrade(message)
    taking_part = reversed(_taking_part(every, reading).layer)
    return {layer.name: layer for layers in (every.layer, taking_part) for layer in layers}


@FRONTENDS.register(".prototxt")
class Caffe(Frontend):
    """Caffe: a prototxt in any of its formats, and weights in a caffemodel or in HDF5."""

    options = ("phase", "level", "stages", "input_shape", "partial_weights")
    title = "caffe"
    suffixes = (".prototxt", ".caffemodel")

    def read(self, path: Path, weights: Path | None, reading: Reading) -> Net:
        """Return the net in the prototxt `path`, with the weights of the caffemodel `weights`; see `Frontend.read`."""
        message = prototxt.read(path)
        with placed(str(path), NetError, UnsupportedError):
            net = net_from_message(message, path.parent, reading)
        if weights is None:
            return unfolded(net)
        stored = read_caffemodel(weights, {layer.name for layer in net.layers})
        net = assign_weights(net, stored, str(weights), said=_said(message, reading), reading=reading)
        return unfolded(net)

    def write(self, net: Net, folder: Path, stem: str) -> tuple[Path, ...]:
        """Write a prototxt and a caffemodel; see `Frontend.write`. What layers read is no output there: a warning."""
        if inner := [name for name in net.outputs if net.consumers[name]]:
            log.warning("a prototxt does not say that blobs are outputs which layers read: %s", listed(inner))
        path, weights = (folder / f"{stem}{suffix}" for suffix in self.suffixes)
        save(net, path, weights)
        return path, weights

    def summary(self, path: Path, reading: Reading) -> NetSummary:
        """Return the summary of the net in `path`, whatever it lacks of what would be needed to run it."""
        message = prototxt.read(path, strict=False)
        with placed(str(path), NetError, UnsupportedError):
            return summarize(net_from_message(message, path.parent, reading, strict=False))

    def find_weights(self, path: Path) -> Path:
        """Return the caffemodel beside the prototxt `path`: the only one, or of several the one with its stem.

        Those in HDF5 (.caffemodel.h5) count where there is no other, or none of the others decides.

        Raises
        ------
        WeightsError
            When there is none, or several of which none has the stem; it names ``--weights`` and ``--random-weights``.
        ParseError
            When `path` is not a net at all, such as a solver.
        """
        checked_size(path, settings.MAX_PROTOTXT_BYTES)
        kinds = (".caffemodel", ".caffemodel.h5")
        found = next((found for kind in kinds if (found := sorted(path.parent.glob(f"*{kind}")))), [])
        if len(found) == 1:
            return found[0]
        for kind in kinds:
            if is_file(own := path.with_name(f"{path.stem}{kind}")):
                return own
        prototxt.read(path)
        names = ", ".join(each.name for each in found)
        several = f"several caffemodels lie here: {names}; none is {path.stem}.caffemodel"
        what = several if found else "no caffemodel lies here"
        mend = "Name one with --weights, or ask for --random-weights"
        raise WeightsError(what, where=str(path.parent), mend=mend)

    def compared_with_labels(self, path: Path) -> tuple[str, ...]:
        """Return the blobs that Accuracy or a loss over classes reads, of whatever phase; in order, each once."""
        layers = upgrade(prototxt.read(path)).layer
        return tuple(dict.fromkeys(layer.bottom[0] for layer in layers if layer.type in _OVER_CLASSES and layer.bottom))

    def declared_batch(self, path: Path, phase: str) -> int:
        """Return the batch of the data layer of `phase`, 0 where none says it."""
        layers = _taking_part(upgrade(prototxt.read(path)), Reading(phase=phase)).layer
        return next((batch for batch in map(batch_of, layers) if batch), 0)
