"""Take layers out that hand their bottom on unchanged; outputs and inputs of the net keep their names."""

from abc import abstractmethod

from xdn.graph import Layer, Net
from xdn.optimize.edits import Edits
from xdn.optimize.stage import Rewrite, Stage


class Bypass(Stage):
    """Base of the stages that remove layers whose every top equals their first bottom."""

    @abstractmethod
    def why_identity(self, net: Net, layer: Layer) -> str | None:
        """Return why all tops of `layer` equal its only bottom; None where they do not."""

    def apply(self, net: Net) -> Rewrite:
        """Remove the layers; their readers read the bottom instead."""
        new_names: dict[str, str] = {}
        edits = Edits()
        for layer in net.layers:
            reason = self.why_identity(net, layer)
            if reason is None:
                continue
            found = _new_names(net, layer, new_names)
            if isinstance(found, str):
                edits.refuse(layer, found)
                continue
            new_names |= found
            edits.change(layer, f"removed: {reason}", [layer])
        for layer in net.layers:
            bottoms, tops = (tuple(_follow(name, new_names) for name in names) for names in (layer.bottoms, layer.tops))
            if layer.name not in edits.removed and (bottoms, tops) != (layer.bottoms, layer.tops):
                edits.made[layer.name] = layer.replace(bottoms=bottoms, tops=tops)
        return edits.rewrite(net)


def _follow(name: str, new_names: dict[str, str]) -> str:
    while name in new_names:
        name = new_names[name]
    return name


def _new_names(net: Net, layer: Layer, so_far: dict[str, str]) -> dict[str, str] | str:
    """Return the names that blobs take when `layer` goes, or why it cannot go.

    The blob that stays takes the last name where it may, since that is the one that files with in-place layers
    know it by.
    """
    bottom = _follow(layer.bottoms[0], so_far)
    outputs = [top for top in layer.tops if top in net.outputs]
    last = outputs or list(layer.tops)
    if len(last) == 1 and bottom not in net.inputs and bottom not in net.outputs:
        return {top: bottom for top in layer.tops if top != last[0]} | {bottom: last[0]}
    if not outputs:
        return dict.fromkeys(layer.tops, bottom)
    if len(outputs) > 1:
        return f"its tops {', '.join(map(repr, outputs))} are outputs of the net, which one blob cannot be"
    if bottom in net.outputs:
        return f"its bottom {bottom!r} and its top {outputs[0]!r} are both outputs of the net"
    return f"its bottom {bottom!r} is an input and its top {outputs[0]!r} an output of the net"
