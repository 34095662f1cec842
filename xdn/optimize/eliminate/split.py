"""Remove Split, since any number of layers may read one blob."""

from xdn.graph import Layer, Net
from xdn.layers.split import Split
from xdn.optimize.bypass import Bypass
from xdn.optimize.stage import STAGES


@STAGES.register("eliminate-split")
class EliminateSplit(Bypass):
    """Remove Split: y_i = x for every top.

    Caffe inserts it where gradients of several readers must be summed (insert_splits.cpp); inference
    reads the one blob as often as it likes.
    """

    def why_identity(self, net: Net, layer: Layer) -> str | None:
        """Match every Split."""
        return "its readers can read its bottom" if isinstance(layer.params, Split) else None
