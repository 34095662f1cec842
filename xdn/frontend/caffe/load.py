"""Read a net: prototxt and caffemodel -> `Net`."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from xdn import settings
from xdn.errors import NetError, UnsupportedError, WeightsError, listed
from xdn.files import is_file
from xdn.frontend.caffe.build import build, sketch
from xdn.frontend.caffe.deploy import deployable, is_data
from xdn.frontend.caffe.dialects.forks import plain_caffe, refuse_python
from xdn.frontend.caffe.dialects.upgrade import upgrade
from xdn.frontend.caffe.images.image_shape import InputShapes, batch_of
from xdn.frontend.caffe.phase import filter_layers, net_state
from xdn.frontend.caffe.text import prototxt
from xdn.frontend.caffe.text.schema import Message
from xdn.frontend.caffe.unread import check_unread
from xdn.frontend.caffe.weights.assign import RANDOM_SEED, assign_weights
from xdn.frontend.caffe.weights.assign import random_weights as with_random_weights
from xdn.frontend.caffe.weights.caffemodel import read_caffemodel
from xdn.graph.net import Net
from xdn.graph.summary import NetSummary, summarize

log = logging.getLogger(__name__)

_NONE_HERE = "no caffemodel lies here"
_STATE = "If it has more in another phase or stage, say so (xdn-run --phase, xdn-run --net-stage)"
#: Phase, level and stages: which layers take part.
State = tuple[str | None, int, Sequence[str]]


def find_weights(path: Path) -> Path:
    """Return the caffemodel beside the prototxt `path`: the only one, or of several the one with its stem.

    Those in HDF5 (.caffemodel.h5) count where there is no other, or none of the others decides.

    Raises
    ------
    WeightsError
        When there is none, or several of which none has the stem; it names ``--weights`` and ``--random-weights``.
    ParseError
        When `path` is not a net at all, such as a solver.
    """
    kinds = (".caffemodel", ".caffemodel.h5")
    found = next((found for kind in kinds if (found := sorted(path.parent.glob(f"*{kind}")))), [])
    if len(found) == 1:
        return found[0]
    for kind in kinds:
        if is_file(own := path.with_name(f"{path.stem}{kind}")):
            return own
    prototxt.read(path)
    names = ", ".join(each.name for each in found)
    what = f"several caffemodels lie here: {names}; none is {path.stem}.caffemodel" if found else _NONE_HERE
    mend = "Name one with --weights, or ask for --random-weights"
    raise WeightsError(what, where=str(path.parent), mend=mend)


@contextmanager
def _located(path: Path) -> Iterator[None]:
    """Put the file's name before the place of an error of the net."""
    try:
        yield
    except (NetError, UnsupportedError) as error:
        where = f"{path}: {error.where}" if error.where else str(path)
        raise type(error)(error.what, where=where, mend=error.mend) from None


def _add_data(net: Message, every: Message) -> None:
    """Put before the layers of `net` the data layers of `every` layer that it reads, but that another phase has."""
    given = {top for layer in net.layer for top in layer.top}
    missing = {bottom for layer in net.layer for bottom in layer.bottom} - given
    found = []
    for layer in every.layer:
        if is_data(layer) and missing.intersection(layer.top) and not given.intersection(layer.top):
            found.append(layer)
            given.update(layer.top)
    if found:
        rest = list(net.layer)
        net.ClearField("layer")
        net.layer.extend([*found, *rest])


def _name_once(net: Message) -> None:
    """Give a layer whose name another has already, which Caffe allows, one of its own; weights go to the first."""
    taken = {layer.name for layer in net.layer}
    seen: set[str] = set()
    numbers: dict[str, int] = {}
    for layer in net.layer:
        if layer.name in seen:
            number = numbers.get(layer.name, 2)
            while f"{layer.name}_{number}" in taken:
                number += 1
            numbers[layer.name] = number
            log.warning("two layers are called %r; the second becomes %r", layer.name, f"{layer.name}_{number}")
            layer.name = f"{layer.name}_{number}"
            taken.add(layer.name)
        seen.add(layer.name)


def net_from_message(
    message: Message,
    folder: Path | None = None,
    *,
    state: State = ("TEST", 0, ()),
    input_shape: InputShapes | None = None,
    strict: bool = True,
) -> Net:
    """Return the deployable `Net` of a NetParameter in any of the formats, without weights.

    Parameters
    ----------
    message : NetParameter
    folder : Path, optional
        Where relative mean files are looked for.
    state : (phase, level, stages)
        Which layers take part.
    input_shape : (C, H, W), or name -> such shapes, optional
        The shape of the only input's images, or of some inputs, in place of what the file says.
    strict : bool
        Refuse layers of types that XDN lacks. Otherwise the net may have such layers, and is not verified: it is good
        for a summary only.

    Raises
    ------
    NetError
        Also where no layer is left.
    """
    count = len(message.layer) + len(message.layers)
    if count > settings.MAX_LAYERS:
        raise NetError(f"the net has {count} layers; at most {settings.MAX_LAYERS} are read")
    every = upgrade(message)
    current = filter_layers(every, net_state(every, *state))
    _add_data(current, every)
    _name_once(current)
    computing = [layer for layer in current.layer if not is_data(layer) and layer.type != "Input"]
    if current.layer and not computing:
        named = listed([f"{layer.name!r} ({layer.type})" for layer in current.layer])
        raise NetError(f"there is nothing to compute: the net only has data: {named}", mend=_STATE)
    current = deployable(current, folder, input_shape)
    if computing and all(layer.type == "Input" for layer in current.layer):
        named = listed([f"{layer.name!r} ({layer.type})" for layer in computing])
        raise NetError(f"nothing is left to compute: every other layer reads labels or is a measure: {named}")
    plain_caffe(current)
    check_unread(current)
    if strict:
        refuse_python(current)
    net = (build if strict else sketch)(current, folder, input_shape)
    if not net.layers:
        raise NetError("the net has no layers")
    return net


def summary(
    path: Path,
    *,
    phase: str = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
    input_shape: InputShapes | None = None,
) -> NetSummary:
    """Return the summary of the net in the prototxt `path`, which may have layers of types that XDN lacks.

    Parameters and errors are those of `load`, but an unknown type is none (V0's types, which are few, excepted). The
    net itself is not given away: with unknown layers it cannot be run, optimized or written.
    """
    message = prototxt.read(path)
    with _located(path):
        return summarize(
            net_from_message(message, path.parent, state=(phase, level, stages), input_shape=input_shape, strict=False)
        )


def declared_batch(path: Path, phase: str = "TRAIN") -> int:
    """Return how many images a batch has by the data layer of `phase` in the prototxt `path`, 0 where none says it."""
    current = upgrade(prototxt.read(path))
    current = filter_layers(current, net_state(current, phase))
    return next((batch for batch in map(batch_of, current.layer) if batch), 0)


def load(
    path: Path,
    weights: Path | None = None,
    *,
    phase: str = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
    random_weights: bool = False,
    input_shape: InputShapes | None = None,
    partial_weights: bool = False,
    seed: int = RANDOM_SEED,
) -> Net:
    """Read the net in the prototxt `path`, and its weights where a caffemodel is named.

    Training nets are made deployable: one phase's layers, data layers turned to inputs, losses dropped.

    Parameters
    ----------
    path : Path
        The prototxt, in the current or the V1 format.
    weights : Path, optional
        The caffemodel. Without it the net has no weights, which is enough to look at it.
    phase, level, stages
        The state that include and exclude rules are asked about.
    random_weights : bool
        Fill seeded random weights; excludes `weights`.
    input_shape : tuple of int, or mapping, optional
        Shape of the only input without the batch, such as (C, H, W) of images, in place of what the file says; or
        input name -> shape, of some inputs.
    partial_weights : bool
        Take the weights that fit: layers for which the file has none are filled by their fillers, layers that the net
        does not have are left out, however many; a warning names both.
    seed : int
        Of random weights and of fillers.

    Raises
    ------
    ParseError
        With file:line:column, or file and byte offset.
    UnsupportedError
        For a layer type that XDN does not have.
    NetError, ShapeError
        Where the graph is wrong, or nothing tells the input's shape.
    WeightsError
        Where the weights do not belong to the net.
    """
    path = Path(path)
    if weights is not None and random_weights:
        raise WeightsError("both weights and random weights are asked for", mend="Ask for one of them")
    message = prototxt.read(path)
    state = (phase, level, stages)
    with _located(path):
        net = net_from_message(message, path.parent, state=state, input_shape=input_shape)
    if random_weights:
        return with_random_weights(net, seed)
    if weights is None:
        return net
    weights = Path(weights)
    stored = read_caffemodel(weights, {layer.name for layer in net.layers})
    said = _said(message, state)
    return assign_weights(net, stored, str(weights), said=said, partial=partial_weights, seed=seed)


def _said(message: Message, state: State) -> dict[str, Message]:
    """Return name -> LayerParameter of all layers of a net's text; of several with one name, that of `state`."""
    every = upgrade(message)
    taking_part = filter_layers(every, net_state(every, *state)).layer
    return {layer.name: layer for layers in (every.layer, reversed(taking_part)) for layer in layers}
