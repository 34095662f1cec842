"""Post-fusion: store blobs as the 8-bit integers, or the bf16, that their readers read, by whoever makes them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from xdn.graph import Layer, Net, Quantized, Reading, reading_of
from xdn.graph.naming import free_name
from xdn.layers.pooling import Pooling
from xdn.layers.quantize import Quantize
from xdn.layers.split import Split
from xdn.optimize.match import names
from xdn.optimize.quantize.bf16 import ReadBf16
from xdn.optimize.quantize.bits import in_full_bits
from xdn.optimize.stage import POST_FUSION, STAGES, Note, Rewrite, Stage

#: Blob -> how each reading takes it, None as f32.
_Readings = dict[str, set[Reading | None]]


@STAGES.register("quantized-storage")
class QuantizedStorage(Stage):
    """Store blobs in 8 bits, or bf16, where all readers read them alike; no result changes.

    A layer that reads 8-bit integers reads q = stored(x) of a blob x, the integers nearest to x, and so does one that
    reads bf16. Where all readers of x do, the integers by one scale, q is stored in its place:

    - by the layer that computes x, where it reads 8-bit integers, or bf16, itself: its last step is then stored(y);
    - layers that only move values, and maxima, commute with stored(): they read and give q, where some bottom is stored
      so. The average over windows of one element, with which strides move, becomes their maximum;
    - what a ReLU takes off, u8 has the integer 0 for: where its top is read so, nothing is left of it.

    Elsewhere a layer Quantize makes q of x: where layers of another kind or the caller give x, where readers disagree,
    and of outputs of the net, which stay f32. The blob q is called after x, ``conv1/u8`` or ``conv1/bf16``. What is
    read in fewer bits is clipped before (`xdn.optimize.quantize.bits`).
    """

    group = POST_FUSION
    in_files = False
    after = (*ReadBf16.after, "read-bf16")

    def apply(self, net: Net) -> Rewrite:
        """Ask how blobs are read from the outputs to the inputs, then store from the inputs to the outputs."""
        if not any(layer.quantized for layer in net.layers):
            return Rewrite(net)
        net = in_full_bits(net)
        return _Storing(net, _readings(net)).rewrite()


def _readings(net: Net) -> _Readings:
    """Return how each blob is read; a layer that hands values on reads as its tops are read."""
    found: _Readings = defaultdict(set)
    for name in net.outputs:
        found[name].add(None)
    for layer in reversed(net.layers):
        passed = _passed(net, layer, found)
        for place, bottom in enumerate(layer.bottoms):
            found[bottom].add(layer.quantized[place] if place < len(layer.quantized) else passed)
    return found


def _agreed(readings: _Readings, blobs: Iterable[str]) -> Reading | None:
    """Return how all readers of some blobs read them; None where some read f32, or they differ."""
    how = set().union(*(readings[blob] for blob in blobs))
    return how.pop() if len(how) == 1 else None


def _passed(net: Net, layer: Layer, readings: _Readings) -> Reading | None:
    """Return as what the layer would hand its bottoms on, None where it does not, or its readers differ."""
    if layer.quantized or not layer.bottoms or layer.epilogue is not None:
        return None
    agreed = _agreed(readings, layer.tops)
    cuts = isinstance(agreed, Quantized) and layer.params.only_cuts_off(agreed)
    return agreed if cuts or layer.params.selects_only(net.bottom_blobs(layer), len(layer.tops)) else None


class _Storing:
    """Rebuilds the layers around what is stored."""

    def __init__(self, net: Net, readings: _Readings):
        self._net, self._readings = net, readings
        self._taken = set(net.blobs) | {layer.name for layer in net.layers}
        #: As what each blob is stored, None as f32.
        self._held: dict[str, Reading | None] = {}
        self._made: dict[tuple[str, Reading], Layer] = {}
        self._changes: list[Note] = []
        self._refusals: list[Note] = []

    def rewrite(self) -> Rewrite:
        """Return the new net; a Quantize stands right after the layer whose top it reads."""
        rebuilt = [self._rebuilt(layer) for layer in self._net.layers]
        after: dict[str, list[Layer]] = defaultdict(list)
        for made in self._made.values():
            after[self._net.producers[made.bottoms[0]].name].append(made)
        layers = tuple(each for layer in rebuilt for each in (layer, *after[layer.name]))
        net = self._net.replace(layers=layers) if self._changes else self._net
        return Rewrite(net, tuple(self._changes), tuple(self._refusals))

    def _rebuilt(self, layer: Layer) -> Layer:
        passed = _passed(self._net, layer, self._readings)
        if layer.quantized:
            layer = self._storing(self._reading(layer, layer.quantized))
        elif passed is not None and any(self._held[blob] == passed for blob in layer.bottoms):
            self._held |= dict.fromkeys(layer.tops, passed)
            layer = self._selecting(self._reading(layer, (passed,) * len(layer.bottoms)), passed)
        else:
            blobs = self._net.top_blobs(layer)
            self._held |= {top: reading_of(blob) for top, blob in zip(layer.tops, blobs, strict=True)}
        return layer

    def _storing(self, layer: Layer) -> Layer:
        """Return a layer that reads integers, or bf16, with its tops stored as all readers read them."""
        wanted = (_agreed(self._readings, [top]) for top in layer.tops)
        stored = tuple(how if isinstance(how, type(layer.quantized[0])) else None for how in wanted)
        self._held |= dict(zip(layer.tops, stored, strict=True))
        for top, how in zip(layer.tops, stored, strict=True):
            if how is None:
                self._refusals.append(Note(layer.name, f"stores {top!r} as f32: {self._why_real(top)}"))
        stored = stored if any(stored) else ()
        if stored == layer.stored:
            return layer
        said = ", ".join(f"{top!r} as {how}" for top, how in zip(layer.tops, stored, strict=True) if how)
        self._changes.append(Note(layer.name, f"stores {said}"))
        return layer.replace(stored=stored)

    def _selecting(self, layer: Layer, how: Reading) -> Layer:
        """Return a layer that hands on what is stored."""
        if reading_of(self._net.blobs[layer.tops[0]]) != how:
            self._changes.append(Note(layer.name, f"hands on {how}"))
        if isinstance(layer.params, Pooling) and layer.params.pool == "AVE":
            return layer.replace(params=replace(layer.params, pool="MAX"))
        if isinstance(how, Quantized) and layer.params.only_cuts_off(how):
            return layer.replace(params=Split())
        return layer

    def _reading(self, layer: Layer, read: tuple[Reading, ...]) -> Layer:
        """Return a layer that reads its first bottoms from where they are stored so."""
        blobs = [self._stored(layer, *each) for each in zip(layer.bottoms, read, strict=False)]
        bottoms = (*blobs, *layer.bottoms[len(blobs) :])
        return layer if bottoms == layer.bottoms else layer.replace(bottoms=bottoms)

    def _stored(self, reader: Layer, blob: str, how: Reading) -> str:
        """Return the blob that holds `blob` as it is read; a Quantize makes it where no layer stores it."""
        if self._held[blob] == how:
            return blob
        if (blob, how) not in self._made:
            name = free_name(f"{blob}/{how.element.name}", self._taken)
            self._made[blob, how] = Layer(name, Quantize.to(how), (blob,), (name,))
            self._changes.append(Note(reader.name, f"reads {blob!r} as {how}: {self._why_real(blob)}"))
        return self._made[blob, how].tops[0]

    def _why_real(self, blob: str) -> str:
        """Return why a blob stays f32."""
        readers = self._net.consumers[blob]
        if blob in self._net.outputs:
            return "it is an output of the net"
        if _agreed(self._readings, [blob]) is not None:
            maker = self._net.producers[blob]
            return f"{maker.name!r} {'stores other values' if maker.quantized else 'computes in f32'}"
        if None in self._readings[blob]:
            return f"it is read as f32 by {names([each for each in readers if not each.quantized] or readers)}"
        return f"it is read in different ways, by {names(readers)}" if readers else "nothing reads it"
