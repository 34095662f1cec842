"""Remove Dropout, which only training needs."""

from xdn.graph import Layer, Net
from xdn.layers.dropout import Dropout
from xdn.optimize.bypass import Bypass
from xdn.optimize.stage import STAGES


@STAGES.register("eliminate-dropout")
class EliminateDropout(Bypass):
    """Remove Dropout: y = x in the TEST phase.

    Training scales what it keeps by 1 / (1 - ratio), so that nothing is left to do in the TEST phase
    (dropout_layer.cpp); with `scale_train: false` the TEST phase scales, and the layer stays. So does one whose bottom
    is rounded before it is read, as 8-bit integers or to bf16.
    """

    def why_identity(self, net: Net, layer: Layer) -> str | None:
        """Match every Dropout with the factor 1."""
        does_nothing = isinstance(layer.params, Dropout) and layer.params.factor == 1 and not layer.quantized
        return "Dropout does nothing in the TEST phase" if does_nothing else None
