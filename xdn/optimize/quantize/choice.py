"""Which layers of a net are to read 8-bit integers, and why the others are not."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from xdn.errors import SettingError
from xdn.graph import ChannelRule, Layer, Net, Quantized
from xdn.graph.reading import why_real
from xdn.layers.function import Activation
from xdn.optimize.match import reason_to_keep, sharers
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.registry import known_names

#: Stands for any integers where it is asked only whether a layer can read some: of signed ones most products fit.
_ANY = Quantized(1.0, signed=True)


@dataclass(frozen=True)
class Choice:
    """What is quantized.

    Parameters
    ----------
    layers : tuple of str
        The layers that are to read 8-bit integers, in the net's order.
    kept : mapping
        Layer's name -> why it computes in f32, of those that compute anything.
    """

    layers: tuple[str, ...]
    kept: Mapping[str, str] = field(default_factory=dict)

    def without(self, kept: Mapping[str, str]) -> "Choice":
        """Return the choice with some more layers kept in f32, for the reasons given."""
        return Choice(tuple(name for name in self.layers if name not in kept), {**self.kept, **kept})


def chosen(net: Net, config: CalibrationConfig) -> Choice:
    """Return which layers of a fused net are quantized.

    All that multiply with weights are, and those of the others whose bottoms are there as 8-bit integers anyway: to
    make some for them alone would cost more than it saves. Of the activations that layers of integers do not take,
    those are that some layer reads as 8-bit integers: for others f32 is as fast, and exacter. BatchNorm, Scale and
    their like stay in f32 where they follow a layer with weights that gives them f32: of a net that is not fused, to be
    trained so, they round nothing.

    Raises
    ------
    SettingError
        A name or pattern of `keep_f32` meets no layer.
    """
    check_names(net, config.keep_f32)
    multiplying = [layer.name for layer in net.layers if is_product(net, layer)]
    ends = {multiplying[0], multiplying[-1]} if config.keep_ends and multiplying else set()
    kept: dict[str, str] = {}
    for layer in net.layers:
        if not layer.params.is_input and not selects(net, layer):
            if config.keeps(layer.name):
                kept[layer.name] = "it was asked for"
            elif layer.reads_bf16:
                kept[layer.name] = "its line says so"
            elif layer.name in ends:
                kept[layer.name] = "the first and the last layer were to be kept"
            elif (reason := why_f32(net, layer, [_ANY] * len(layer.bottoms))) is not None:
                kept[layer.name] = reason
            elif _follows_product(net, layer):
                kept[layer.name] = "it belongs to the layer with weights before it, which gives f32"
    able = [layer for layer in net.layers if not (layer.params.is_input or selects(net, layer) or layer.name in kept)]
    while reasons := _unsuited(net, able):
        able = [layer for layer in able if layer.name not in reasons]
        kept |= reasons
    return Choice(tuple(layer.name for layer in able), kept)


def _follows_product(net: Net, layer: Layer) -> bool:
    """Return whether a layer is an affine of channels after a layer with weights, or after another such, alone."""
    # Here, since it needs SciPy, and reports, which read what was chosen, do not.
    from xdn.optimize.fuse.affine import is_affine

    while is_affine(net, layer) and len(layer.bottoms) == 1 and reason_to_keep(net, layer.bottoms[0]) is None:
        layer = net.producers[layer.bottoms[0]]
        if is_product(net, layer):
            return True
    return False


def _unsuited(net: Net, layers: Sequence[Layer]) -> dict[str, str]:
    """Return name -> why not, of the layers that would not be quantized where no others than `layers` are."""
    names = {layer.name for layer in layers}
    products = {layer.name for layer in layers if is_product(net, layer)}
    read, held = read_by(net, names), read_by(net, products)
    found = {}
    for layer in net.layers:
        there = held.issuperset(layer.bottoms)
        function = isinstance(layer.params, Activation) and not layer.params.same_bits
        if layer.name not in names:
            if there and selects(net, layer):
                held.update(layer.tops)
        elif not there and layer.name not in products:
            found[layer.name] = "not all of its bottoms are 8-bit integers anyway"
        elif function and read.isdisjoint(layer.tops):
            found[layer.name] = "no layer reads what it gives as 8-bit integers"
        else:
            held.update(layer.tops)
    return found


def read_by(net: Net, names: Set[str]) -> set[str]:
    """Return the blobs that some of the layers called so read, through layers that hand values on."""
    found: set[str] = set()
    for layer in reversed(net.layers):
        if layer.name in names or (selects(net, layer) and not found.isdisjoint(layer.tops)):
            found.update(layer.bottoms)
    return found


def is_product(net: Net, layer: Layer) -> bool:
    """Return whether a layer multiplies values with weights, and sums up."""
    return not layer.params.is_input and layer.params.products(net.bottom_blobs(layer)) > 0


def selects(net: Net, layer: Layer) -> bool:
    """Return whether a layer hands values on, so that it reads what its bottoms hold, whatever it is."""
    return not layer.params.is_input and layer.params.selects_only(net.bottom_blobs(layer), len(layer.tops))


def has_own_filters(net: Net, layer: Layer) -> bool:
    """Return whether the channels of a layer's top are its filters, which it shares with no other layer."""
    if layer.params.is_input or sharers(net, layer):
        return False
    return layer.params.channel_rule_for(net.bottom_blobs(layer)) is ChannelRule.FILTERS


def why_f32(net: Net, layer: Layer, read: Sequence[Quantized]) -> str | None:
    """Return why a layer cannot read its bottoms as these integers; None where it can."""
    return why_real(layer, [net.blobs[name] for name in layer.bottoms], read)


def groups(net: Net) -> dict[str, str]:
    """Return blob -> a name that all blobs have in common between which layers hand values on.

    Such are a blob, what a pool takes of it, and a Concat of both: each is stored as its readers read the integers,
    so that all of them need one scale.
    """
    found = {blob: blob for blob in net.blobs}

    def first(blob: str) -> str:
        while found[blob] != blob:
            blob = found[blob] = found[found[blob]]
        return blob

    for layer in net.layers:
        if selects(net, layer):
            for blob in (*layer.bottoms, *layer.tops):
                found[first(blob)] = first(layer.bottoms[0])
    return {blob: first(blob) for blob in found}


def check_names(net: Net, patterns: Iterable[str]) -> None:
    """Raise SettingError for the first name or pattern that meets no layer."""
    names = [layer.name for layer in net.layers if not layer.params.is_input]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise SettingError(
                f"no layer is called {pattern!r} once the net is fused", mend=known_names(pattern, names)
            )
