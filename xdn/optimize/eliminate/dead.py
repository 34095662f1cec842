"""Remove layers that no output of the net depends on."""

from xdn.graph import Layer, Net
from xdn.optimize.edits import Edits
from xdn.optimize.stage import STAGES, Rewrite, Stage


@STAGES.register("eliminate-dead")
class EliminateDead(Stage):
    """Remove dead layers: those from which no path leads to an output of the net.

    Input layers stay, since callers name their blobs.
    """

    after = ("eliminate-dropout", "eliminate-split", "eliminate-identity")

    def apply(self, net: Net) -> Rewrite:
        """Walk from the outputs to the inputs and drop what is not met."""
        needed = set(net.outputs)
        dead: list[Layer] = []
        for layer in reversed(net.layers):
            if layer.params.is_input or needed & set(layer.tops):
                needed |= set(layer.bottoms)
            else:
                dead.append(layer)
        edits = Edits()
        for layer in reversed(dead):
            edits.change(layer, "removed: no output of the net depends on it", [layer])
        return edits.rewrite(net)
