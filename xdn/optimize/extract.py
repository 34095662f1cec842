"""Cut a part out of a net: the layers between some of its blobs, with their weights."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from xdn.errors import NetError, SettingError
from xdn.graph import Layer, Net
from xdn.graph.naming import free_name
from xdn.graph.verify import verify
from xdn.layers.input import Input
from xdn.registry import known_names

_BETWEEN, _AND = "..", ","
#: How far the values of a blob within a net spread, as a rule: layers after normalisation give such.
_SPREAD = 1.0


def extracted(net: Net, text: str) -> Net:
    """Return the part of `net` that a text names: ``a..b``, ``a,b..c``, ``..b``, ``a..``.

    Raises
    ------
    SettingError
        For a text of another form.
    NetError
        As `extract`.
    """
    first, between, last = text.partition(_BETWEEN)
    if not between or not (first or last):
        mend = "Say BLOB..BLOB; either side may be left out, and have several with commas"
        raise SettingError(f"{text!r} does not say from which blobs to which", mend=mend)
    return extract(net, *([name for name in side.split(_AND) if name] for side in (first, last)))


def extract(net: Net, starts: Sequence[str] = (), ends: Sequence[str] = ()) -> Net:
    """Return the layers that `ends` need of `starts`, with their weights.

    A start that a layer gives becomes an input, of its shape; one that is an input of the net keeps its transform.

    Parameters
    ----------
    net : Net
    starts : sequence of str
        Blobs; those that the caller gives where empty: the net's inputs, as far as they are needed.
    ends : sequence of str
        Blobs, the outputs; those of the net where empty.

    Raises
    ------
    NetError
        For a blob that the net does not have, a start that no end needs, an end that needs more than the starts, and
        where nothing is left to compute.
    """
    _check_known(net, [*starts, *ends])
    ends = tuple(dict.fromkeys(ends or net.outputs))
    layers, read = _needed(net, starts, ends)
    if unused := [name for name in starts if name not in read]:
        raise NetError(f"{_quoted(ends)} can be computed without {_quoted(unused)}")
    if starts and (more := [name for name in net.inputs if name in read and name not in starts]):
        mend = f"Start at these, too ({_AND.join([*more, *starts])}{_BETWEEN}), or where all paths meet"
        raise NetError(f"{_quoted(ends)} cannot be computed without {_quoted(more)}", mend=mend)
    if not layers:
        raise NetError(f"nothing is computed from {_quoted(starts)} to {_quoted(ends)}")
    part = net.replace(layers=(*_inputs(net, layers, [*starts, *net.inputs], read), *layers), outputs=ends)
    verify(part)
    return part


def extract_after(net: Net, known: Iterable[str], end: str) -> Net:
    """Return the layers that the blob `end` needs beside the blobs `known`; those of them that it needs are inputs."""
    known = list(known)
    _, read = _needed(net, known, [end])
    return extract(net, [name for name in known if name in read], [end])


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _check_known(net: Net, names: Iterable[str]) -> None:
    for name in names:
        if name not in net.blobs:
            raise NetError(f"the net has no blob {name!r}", mend=known_names(name, list(net.blobs)))


def _needed(net: Net, starts: Sequence[str], ends: Sequence[str]) -> tuple[list[Layer], set[str]]:
    """Return the layers, in their order, that give `ends` of `starts` and inputs; and all blobs that they take."""
    found, wanted, read = set[str](), list(ends), set[str]()
    while wanted:
        name = wanted.pop()
        read.add(name)
        layer = net.producers[name]
        if name not in starts and not layer.params.is_input and layer.name not in found:
            found.add(layer.name)
            wanted += layer.bottoms
    return [layer for layer in net.layers if layer.name in found], read


def _inputs(net: Net, layers: Sequence[Layer], names: Sequence[str], read: set[str]) -> list[Layer]:
    """Return an Input layer for each of the blobs `names` that is `read`, and no layer gives."""
    taken = {layer.name for layer in layers}
    found = []
    for name in dict.fromkeys(each for each in names if each in read):
        own, shape = net.producers[name].params, net.blobs[name].shape
        params = replace(own, shape=(shape,)) if isinstance(own, Input) else Input((shape,), spread=_SPREAD)
        found.append(Layer(free_name(name, taken), params, (), (name,)))
    return found
