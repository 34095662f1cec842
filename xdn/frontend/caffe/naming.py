"""In-place tops: renamed to single assignment on reading, restored on writing.

In Caffe a layer may write its top over its bottom (`bottom: "conv1" top: "conv1"`). In the IR every blob is
written once: of the versions of a name the last keeps it, an earlier one is called ``name@layer`` after the
layer that writes it. An Input's top keeps its name in any case, since callers fill it by that name.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from xdn.errors import NetError
from xdn.frontend.caffe.text import Message
from xdn.graph import Net

MARK = "@"


@dataclass(frozen=True)
class Wiring:
    """How one layer hangs in the net.

    Parameters
    ----------
    name : str
        The layer's name.
    bottoms, tops : tuple of str
    is_input : bool
        Whether the caller fills the tops.
    """

    name: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    is_input: bool = False

    @classmethod
    def of(cls, layer: Message, is_input: bool) -> "Wiring":
        """Return how a LayerParameter hangs in its net."""
        return cls(layer.name, tuple(layer.bottom), tuple(layer.top), is_input)


def _written_twice(top: str, first: str, second: str) -> NetError:
    what = f"blob {top!r} is written by layer {first!r} and again by layer {second!r}"
    return NetError(what, mend="Rename one top, or give the layers include rules of different phases")


def single_assignment(layers: Sequence[Wiring]) -> list[Wiring]:
    """Return `layers` with every version of a blob under a name of its own, by the module's rule.

    Unknown bottoms are left as they are.

    Raises
    ------
    NetError
        When a blob is written twice other than in place (Caffe's Net::AppendTop), or a layer names a top twice.
    """
    last_writer = {top: index for index, layer in enumerate(layers) for top in layer.tops}
    taken = set(last_writer)
    current: dict[str, str] = {}
    writers: dict[str, str] = {}
    inputs = {top for layer in layers if layer.is_input for top in layer.tops}
    result = []
    #: Of each name, how many marks may make it free.
    marks: dict[str, Iterator[int]] = defaultdict(count)
    for index, layer in enumerate(layers):
        if len(set(layer.tops)) < len(layer.tops):
            raise _written_twice(Counter(layer.tops).most_common(1)[0][0], layer.name, layer.name)
        bottoms = tuple(current.get(bottom, bottom) for bottom in layer.bottoms)
        for position, top in enumerate(layer.tops):
            in_place = not layer.is_input and layer.bottoms[position : position + 1] == (top,)
            if top in writers and not in_place:
                raise _written_twice(top, writers[top], layer.name)
            keeps = layer.is_input or (last_writer[top] == index and top not in inputs)
            name = top if keeps else f"{top}{MARK}{layer.name}"
            if not keeps:
                name = next(free for number in marks[name] if (free := name + "'" * number) not in taken)
            taken.add(name)
            current[top], writers[top] = name, layer.name
        result.append(replace(layer, bottoms=bottoms, tops=tuple(current[top] for top in layer.tops)))
    return result


def _restored_names(net: Net) -> dict[str, str]:
    """Return blob -> the name under which it could stand in a file with in-place tops."""
    names = {top: top for layer in net.layers for top in layer.tops}
    last_reader = {bottom: index for index, layer in enumerate(net.layers) for bottom in layer.bottoms}
    inputs = {top for layer in net.input_layers for top in layer.tops}
    # Backwards, so that a chain of in-place layers takes the name that its last one keeps.
    for index in range(len(net.layers) - 1, -1, -1):
        layer = net.layers[index]
        if not (layer.params.elementwise and layer.bottoms and len(layer.tops) == 1):
            continue
        bottom, name = layer.bottoms[0], names[layer.tops[0]]
        free = last_reader[bottom] == index and layer.bottoms.count(bottom) == 1
        if free and bottom not in inputs and bottom not in net.outputs and bottom.startswith(name + MARK):
            names[bottom] = name
    return names


def same_graph(first: Sequence[Wiring], second: Sequence[Wiring]) -> bool:
    """Return whether two wirings differ in the blobs' names only."""
    forth: dict[str, str] = {}
    back: dict[str, str] = {}
    for a, b in zip(first, second, strict=True):
        pairs = zip((*a.bottoms, *a.tops), (*b.bottoms, *b.tops), strict=True)
        if any(forth.setdefault(x, y) != y or back.setdefault(y, x) != x for x, y in pairs):
            return False
    return True


def restore_in_place(net: Net) -> list[Wiring]:
    """Return the wirings of `net` with in-place tops where its names show that they once were in place.

    An elementwise layer gets its bottom's place when nobody reads the bottom later and it is neither an input nor
    an output. What is returned gives, read again, the same graph; where it would not, the net's own names are kept.
    """
    own = [Wiring(layer.name, layer.bottoms, layer.tops, layer.params.is_input) for layer in net.layers]
    names = _restored_names(net)
    found = [replace(w, bottoms=tuple(names[b] for b in w.bottoms), tops=tuple(names[t] for t in w.tops)) for w in own]
    try:
        again = single_assignment(found)
    except NetError:
        return own
    return found if same_graph(own, again) else own
