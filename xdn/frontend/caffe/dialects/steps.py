"""Layers put in the place of one layer, in the text of a net."""

from collections.abc import Callable

from xdn.frontend.caffe.text import Message, schema, with_layers
from xdn.graph.naming import free_name


def replaced(
    net: Message, concerned: Callable[[Message], bool], layers: Callable[[Message, set[str]], list[Message]]
) -> None:
    """Put `layers` in the place of each layer of the NetParameter `net` that is `concerned`.

    They are made from the layer and the names that are taken, to which those of new layers and blobs are added.
    """
    if not any(map(concerned, net.layer)):
        return
    taken = {name for layer in net.layer for name in (layer.name, *layer.top)}
    made = [each for layer in net.layer for each in (layers(layer, taken) if concerned(layer) else [layer])]
    net.CopyFrom(with_layers(net, "layer", made))


class Steps:
    """Layers of one top each, whose names begin with that of a layer and are free.

    Parameters
    ----------
    name : str
        Of the layer.
    taken : set of str
        Names that no layer may have; those of the steps are added.
    """

    def __init__(self, name: str, taken: set[str]) -> None:
        self.made: list[Message] = []
        self._name, self._taken = name, taken

    def add(self, word: str, kind: str, *bottoms: str) -> Message:
        """Return a layer of type `kind`, the next in `made`; its top has its name, which ends with `word`."""
        name = free_name(f"{self._name}_{word}", self._taken)
        self.made.append(schema.new("LayerParameter", name=name, type=kind, bottom=bottoms, top=[name]))
        return self.made[-1]
