"""In which numbers layers are to read their bottoms so that a net takes least time, conversions of blobs counted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import chain

from xdn.graph import Layer, Net
from xdn.graph.cost import layer_cost
from xdn.layers.input import Input
from xdn.layers.quantize import Quantize
from xdn.layers.relu import ReLU
from xdn.optimize.quantize.choice import groups, selects
from xdn.optimize.quantize.instruments import Instruments

#: What layers may read, the most exact first.
F32, BF16, INT8 = "f32", "bf16", "int8"
#: The names of layers that read the same numbers.
Unit = tuple[str, ...]
#: What a product of them takes where nothing measures it, one of f32 being 1.
_RATES = {F32: 1.0, BF16: 0.5, INT8: 0.25}
#: So many choices for the first layers, the fastest, are followed. In nets of few branches no more can differ.
_BEAM = 256


@dataclass(frozen=True)
class Times:
    """What the layers of a net take for an image.

    Parameters
    ----------
    layers : mapping
        Numbers -> layer's name -> seconds where all layers that can read these; multiply-accumulates of f32 where
        nothing measures seconds.
    conversions : mapping
        Numbers -> what it takes to make one of them of an f32 value.
    measured : bool
        Whether they are seconds.
    """

    layers: Mapping[str, Mapping[str, float]]
    conversions: Mapping[str, float] = field(default_factory=dict)
    measured: bool = True

    def of(self, names: Iterable[str], numbers: str) -> float:
        """Return what layers take together; one that a session fuses to another takes nothing of its own."""
        return sum(self.layers[numbers].get(name, 0.0) for name in names)


def times_of(nets: Mapping[str, Net], instruments: Instruments) -> Times:
    """Return what layers take; `nets` are one net, its layers reading the numbers that it is called by."""
    net = nets[F32]
    if instruments.seconds is None:
        macs = {layer.name: layer_cost(net, layer).macs for layer in net.layers if not layer.params.is_input}
        layers = {each: {name: _RATES[each] * count for name, count in macs.items()} for each in nets}
        return Times(layers, measured=False)
    largest = max(net.blobs.values(), key=lambda blob: blob.image_size)
    *found, taken = instruments.seconds((*nets.values(), _conversions(largest.shape)))
    conversions = {numbers: taken.get(numbers, 0.0) / largest.image_size for numbers in (BF16, INT8)}
    return Times(dict(zip(nets, found, strict=True)), conversions)


def _conversions(shape: tuple[int, ...]) -> Net:
    """Return a net whose layers make bf16, and 8-bit integers, of a blob, and are called by them."""
    ways = {BF16: Quantize(bf16=True), INT8: Quantize(scale=1.0)}
    made = (Layer(name, params, ("x",), (name,)) for name, params in ways.items())
    return Net("conversions", (Layer("data", Input(shape=(shape,)), (), ("data",)), _relu(), *made))


def _relu() -> Layer:
    """Return what makes the blob: of an input a session makes integers as it reads it."""
    return Layer("x", ReLU(), ("data",), ("x",))


def fastest(net: Net, times: Times, units: Mapping[Unit, Sequence[str]]) -> dict[Unit, str]:
    """Return which numbers each unit reads where the whole net takes least time.

    Beside what layers take, a blob takes what its conversions do, about as `xdn.optimize.quantize.storage` makes them:
    where all its readers read the numbers that its maker reads, it is stored so; otherwise it is f32, and there is a
    conversion for each of the numbers that it is read as. Those of the net's inputs cost nothing. Of equals the first
    numbers are taken.

    Layers are looked at from first to last. Beginnings of the net in which the same numbers were chosen around the
    blobs that later layers read, or give, too, go on alike, so that only the fastest of them is followed.

    Parameters
    ----------
    net : Net
        In f32.
    times : Times
    units : mapping
        Layers that read the same numbers -> those that they can read. All others that compute read f32.
    """
    order = _in_order(net, units)
    blobs = _Blobs(net, times, order)
    begun: dict[_State, tuple[float, tuple[str, ...]]] = {frozenset(): (0.0, ())}
    for place, unit in enumerate(order):
        grown: dict[_State, tuple[float, tuple[str, ...]]] = {}
        for state, (taken, chosen) in begun.items():
            for numbers in units.get(unit, (F32,)):
                after, more = blobs.after(state, place, numbers)
                whole = taken + more + times.of(unit, numbers)
                if after not in grown or whole < grown[after][0]:
                    grown[after] = whole, (*chosen, numbers)
        begun = dict(nsmallest(_BEAM, grown.items(), key=lambda each: each[1][0]))
    ((_, chosen),) = begun.values()
    return {unit: numbers for unit, numbers in zip(order, chosen, strict=True) if unit in units}


def _in_order(net: Net, units: Iterable[Unit]) -> list[Unit]:
    """Return the units, and each other layer that computes as one, in the order of their first layers."""
    unit_of = {name: unit for unit in units for name in unit}
    computing = (layer.name for layer in net.layers if not (layer.params.is_input or selects(net, layer)))
    return list(dict.fromkeys(unit_of.get(name, (name,)) for name in computing))


@dataclass(frozen=True)
class _Chosen:
    """What was chosen so far around blobs between which layers hand values on.

    Parameters
    ----------
    made : tuple of (str, int)
        Which numbers each of their makers reads, and how many values of an image it gives.
    read : frozenset of (str, str)
        Which of them is read, and as which numbers.
    """

    made: tuple[tuple[str, int], ...] = ()
    read: frozenset[tuple[str, str]] = frozenset()


#: Of blobs that are made or read later, too: their group's name, what was chosen.
_State = frozenset[tuple[str, _Chosen]]


class _Blobs:
    """The blobs of a net, and what their conversions take; blobs between which values are handed on are one group.

    Parameters
    ----------
    net : Net
    times : Times
    order : sequence of Unit
        In which layers are looked at.
    """

    def __init__(self, net: Net, times: Times, order: Sequence[Unit]):
        self._times, of = times, groups(net)
        self._size = {name: blob.image_size for name, blob in net.blobs.items()}
        self._outputs: dict[str, set[str]] = defaultdict(set)
        for name in net.outputs:
            self._outputs[of[name]].add(name)
        self._handing: dict[str, list[str]] = defaultdict(list)
        for layer in net.layers:
            if not layer.params.is_input and selects(net, layer):
                self._handing[of[layer.tops[0]]].append(layer.name)
        #: For each place in the order: group -> those of its blobs that are read, and made, there.
        self._read = [_grouped(of, (blob for name in unit for blob in net.layer(name).bottoms)) for unit in order]
        self._made = [_grouped(of, (blob for name in unit for blob in net.layer(name).tops)) for unit in order]
        self._last: dict[str, int] = {}
        for place, both in enumerate(zip(self._read, self._made, strict=True)):
            self._last |= dict.fromkeys(chain(*both), place)

    def after(self, state: _State, place: int, numbers: str) -> tuple[_State, float]:
        """Return what is chosen once the layers at `place` read such numbers, and what blobs take that are done."""
        chosen, taken = dict(state), 0.0
        read, made = self._read[place], self._made[place]
        for group in dict.fromkeys((*made, *read)):
            known = chosen.pop(group, _Chosen(read=frozenset((name, F32) for name in self._outputs[group])))
            known = _Chosen(
                (*known.made, *((numbers, self._size[name]) for name in made.get(group, ()))),
                known.read | {(name, numbers) for name in read.get(group, ())},
            )
            if self._last[group] == place:
                taken += self._taken(group, known)
            else:
                chosen[group] = known
        return frozenset(chosen.items()), taken

    def _taken(self, group: str, known: _Chosen) -> float:
        """Return what the conversions of a group take, and the layers that hand its values on."""
        wanted, makers = {numbers for _, numbers in known.read}, {numbers for numbers, _ in known.made}
        (stored,) = wanted if len(wanted) == 1 and wanted <= makers else {F32}
        if stored == F32:
            made = [(numbers, self._size[name]) for name, numbers in known.read if numbers != F32 and makers]
        else:
            made = [(stored, size) for numbers, size in known.made if numbers != stored]
        converted = sum(size * self._times.conversions.get(numbers, 0.0) for numbers, size in made)
        return converted + self._times.of(self._handing[group], stored)


def _grouped(of: Mapping[str, str], blobs: Iterable[str]) -> dict[str, list[str]]:
    """Return group -> those of the blobs that belong to it, each once."""
    found: dict[str, list[str]] = defaultdict(list)
    for blob in dict.fromkeys(blobs):
        found[of[blob]].append(blob)
    return found
