"""What a stage does to the layers of a net, collected place by place."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field

from xdn.graph import Layer, Net
from xdn.optimize.stage import Note, Rewrite, Stage


@dataclass
class Edits:
    """What becomes of layers, and the reasons.

    Parameters
    ----------
    made : dict
        Layer's name -> the layer that takes its place.
    removed : set of str
        Names of layers that go; those in whose place another was made do not.
    changes, refusals : list of Note
    """

    made: dict[str, Layer] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    changes: list[Note] = field(default_factory=list)
    refusals: list[Note] = field(default_factory=list)

    def change(self, layer: Layer, text: str, removed: Iterable[Layer] = ()) -> None:
        """Say what happens to `layer`, and which layers go."""
        self.changes.append(Note(layer.name, text))
        self.removed |= {each.name for each in removed}

    def refuse(self, layer: Layer, text: str) -> None:
        """Say why `layer`, which looked like a match, stays as it is."""
        self.refusals.append(Note(layer.name, text))

    def rewrite(self, net: Net) -> Rewrite:
        """Return the edited net; the very `net` where nothing has changed."""
        if self.changes:
            gone = self.removed - self.made.keys()
            kept = (layer for layer in net.layers if layer.name not in gone)
            net = net.replace(layers=tuple(self.made.get(layer.name, layer) for layer in kept))
        return Rewrite(net, tuple(self.changes), tuple(self.refusals))


class Fusion(Stage):
    """Base of the stages that look at one layer after another, and fuse it with others where they can."""

    def apply(self, net: Net) -> Rewrite:
        """Look at every layer, in order."""
        edits = Edits()
        for layer in net.layers:
            self.fuse(net, layer, edits)
        return edits.rewrite(net)

    @abstractmethod
    def fuse(self, net: Net, layer: Layer, edits: Edits) -> None:
        """Add what becomes of `layer`, where it is one of those that the stage looks for, or why it stays."""
