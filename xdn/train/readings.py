"""Which layers of a net learn one scale together: those that read the same values as the same integers."""

from collections.abc import Mapping
from dataclasses import replace

from xdn.graph import Layer, Net, Quantized, Reading
from xdn.optimize.quantize.choice import groups
from xdn.train.parameters import parameter_name


class Readings:
    """The readings of 8-bit integers in a net, by the scales that they learn.

    Readings of a blob by one scale, and of blobs between which layers hand values on, keep one scale: what is stored
    once is read by all of them (`xdn.optimize.quantize.storage`).

    Parameters
    ----------
    net : Net

    Attributes
    ----------
    scales : dict
        Name of a parameter -> the scale that it begins with, in the net's order.
    """

    def __init__(self, net: Net):
        self._net = net
        alike = groups(net) if any(layer.integers for layer in net.layers) else {}
        first: dict[tuple[str, Quantized], str] = {}
        self.scales: dict[str, float] = {}
        self._names: dict[str, list[str]] = {}
        for layer in net.layers:
            for place, (bottom, how) in enumerate(zip(layer.bottoms, layer.integers, strict=False)):
                # No weight is called so.
                name = first.setdefault((alike[bottom], how.alone), parameter_name(layer.name, f"int8-{place}"))
                self.scales.setdefault(name, how.scale)
                self._names.setdefault(layer.name, []).append(name)

    def of(self, layer: Layer) -> list[tuple[str, Quantized]]:
        """Return of each bottom that a layer reads as integers the name of its scale, and which integers."""
        return list(zip(self._names.get(layer.name, []), layer.integers, strict=True))

    def readers(self, name: str) -> list[Layer]:
        """Return the layers that read by a scale."""
        return [layer for layer in self._net.layers if name in self._names.get(layer.name, [])]

    def learned(self, layer: Layer, scales: Mapping[str, float]) -> tuple[Reading, ...]:
        """Return how a layer reads its bottoms by learned scales."""
        read = self.of(layer)
        return tuple(replace(how, scale=scales[name]) for name, how in read) if read else layer.quantized
