"""Read a net: prototxt and caffemodel -> `Net`."""

from collections.abc import Sequence
from pathlib import Path

from xdn import settings
from xdn.errors import NetError, UnsupportedError, WeightsError, XdnError
from xdn.frontend import prototxt
from xdn.frontend.build import build
from xdn.frontend.caffemodel import read_caffemodel
from xdn.frontend.deploy import deployable
from xdn.frontend.image_shape import ImageShape, batch_of
from xdn.frontend.phase import filter_layers, net_state
from xdn.frontend.schema import Message
from xdn.frontend.upgrade import upgrade
from xdn.frontend.weights import assign_weights
from xdn.frontend.weights import random_weights as with_random_weights
from xdn.graph.net import Net


def find_weights(path: Path) -> Path:
    """Return the only .caffemodel beside the prototxt `path`.

    Raises
    ------
    WeightsError
        When there is none, or several; it names ``--weights`` and ``--random-weights``.
    """
    found = sorted(path.parent.glob("*.caffemodel"))
    if len(found) == 1:
        return found[0]
    what = f"several caffemodels lie here: {', '.join(p.name for p in found)}" if found else "no caffemodel lies here"
    mend = "Name one with --weights, or ask for --random-weights"
    raise WeightsError(what, where=str(path.parent), mend=mend)


def _located(error: XdnError, path: Path) -> XdnError:
    """Return `error` with the file's name before its place."""
    where = f"{path}: {error.where}" if error.where else str(path)
    return type(error)(error.what, where=where, mend=error.mend)


def net_from_message(
    message: Message,
    folder: Path | None = None,
    *,
    state: tuple[str | None, int, Sequence[str]] = ("TEST", 0, ()),
    input_shape: ImageShape | None = None,
) -> Net:
    """Return the deployable `Net` of a NetParameter in any of the formats, without weights.

    Parameters
    ----------
    message : NetParameter
    folder : Path, optional
        Where relative mean files are looked for.
    state : (phase, level, stages)
        Which layers take part.
    input_shape : (C, H, W), optional
        The images' shape, in place of what the file says.

    Raises
    ------
    NetError
        Also where no layer is left.
    """
    count = len(message.layer) + len(message.layers)
    if count > settings.MAX_LAYERS:
        raise NetError(f"the net has {count} layers; at most {settings.MAX_LAYERS} are read")
    current = upgrade(message)
    current = filter_layers(current, net_state(current, *state))
    net = build(deployable(current, folder, input_shape), folder, input_shape)
    if not net.layers:
        raise NetError("the net has no layers")
    return net


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
    input_shape: ImageShape | None = None,
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
    input_shape : (C, H, W), optional
        Shape of the images of the only input, in place of what the file says.

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
    try:
        net = net_from_message(message, path.parent, state=(phase, level, stages), input_shape=input_shape)
    except (NetError, UnsupportedError) as error:
        raise _located(error, path) from None
    if random_weights:
        return with_random_weights(net)
    if weights is None:
        return net
    weights = Path(weights)
    wanted = {layer.name for layer in net.layers}
    return assign_weights(net, read_caffemodel(weights, wanted), str(weights))
