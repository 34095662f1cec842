"""Remove layers whose parameters make them do nothing."""

from xdn.errors import ShapeError
from xdn.graph import Blob, Layer, Net
from xdn.layers.concat import Concat
from xdn.layers.flatten import Flatten
from xdn.layers.reshape import Reshape
from xdn.optimize.bypass import Bypass
from xdn.optimize.stage import stage


@stage
class EliminateIdentity(Bypass):
    """Remove identities: y = x.

    - Reshape and Flatten to the shape that the bottom has already, for every number of images;
    - Concat of a single bottom.
    """

    name = "eliminate-identity"
    after = ("eliminate-split",)

    def why_identity(self, net: Net, layer: Layer) -> str | None:
        """Match by type and shapes."""
        match layer.params:
            case Reshape() | Flatten() if _keeps_shape(layer, net.blobs[layer.bottoms[0]]):
                return f"its bottom has the shape {net.blobs[layer.bottoms[0]].shape} already"
            case Concat() if len(layer.bottoms) == 1:
                return "it concatenates a single bottom"
        return None


def _keeps_shape(layer: Layer, bottom: Blob) -> bool:
    if not bottom.shape:
        return False
    # Reshape { dim: 1 dim: -1 } keeps (1, C), but not (2, C).
    twice = Blob((2 * bottom.shape[0], *bottom.shape[1:]), bottom.dtype)
    try:
        return all(layer.params.infer([blob], 1) == (blob,) for blob in (bottom, twice))
    except ShapeError:
        return False
