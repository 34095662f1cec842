"""Remove layers that no output of the net depends on."""

from xdn.graph import Net
from xdn.optimize.match import edit
from xdn.optimize.stage import STAGES, Note, Rewrite, Stage


@STAGES.register("eliminate-dead")
class EliminateDead(Stage):
    """Remove dead layers: those from which no path leads to an output of the net.

    Input layers stay, since callers name their blobs.
    """

    after = ("eliminate-dropout", "eliminate-split", "eliminate-identity")

    def apply(self, net: Net) -> Rewrite:
        """Walk from the outputs to the inputs and drop what is not met."""
        needed = set(net.outputs)
        dead = []
        for layer in reversed(net.layers):
            if layer.params.is_input or needed & set(layer.tops):
                needed |= set(layer.bottoms)
            else:
                dead.append(layer.name)
        changes = tuple(Note(name, "removed: no output of the net depends on it") for name in reversed(dead))
        return Rewrite(edit(net, {}, set(dead)), changes)
