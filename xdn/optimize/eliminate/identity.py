"""Remove layers whose parameters make them do nothing."""

from contextlib import suppress
from weakref import WeakKeyDictionary

from xdn.errors import NetError, ShapeError, UnsupportedError
from xdn.graph import Blob, Layer, Net
from xdn.graph.net import infer
from xdn.layers.concat import Concat
from xdn.layers.flatten import Flatten
from xdn.layers.reshape import Reshape
from xdn.optimize.bypass import Bypass
from xdn.optimize.stage import STAGES


@STAGES.register("eliminate-identity")
class EliminateIdentity(Bypass):
    """Remove identities: y = x.

    - Reshape and Flatten to the shape that the bottom has already, for every number and size of images;
    - Concat of a single bottom.
    """

    after = ("eliminate-split",)

    def why_identity(self, net: Net, layer: Layer) -> str | None:
        """Match by type and shapes."""
        match layer.params:
            case Reshape() | Flatten() if _keeps_shape(net, layer):
                return f"its bottom has the shape {net.blobs[layer.bottoms[0]].shape} already"
            case Concat() if len(layer.bottoms) == 1:
                return "it concatenates a single bottom"
        return None


def _keeps_shape(net: Net, layer: Layer) -> bool:
    """Return whether the layer keeps the bottom's shape, also of more images and of larger ones.

    Reshape { dim: 1 dim: -1 } keeps (1, C), but not (2, C); { dim: 0 dim: -1 dim: 1 } keeps (N, C, 1), not (N, C, 2).
    """
    bottom = net.blobs[layer.bottoms[0]]
    if not bottom.shape:
        return False
    twice = Blob((2 * bottom.shape[0], *bottom.shape[1:]), bottom.element)
    try:
        kept = all(layer.params.infer([blob], 1) == (blob,) for blob in (bottom, twice))
    except ShapeError:
        return False
    pairs = ((known.get(layer.bottoms[0]), known.get(layer.tops[0])) for known in larger(net))
    return kept and all(top is None or top == known for known, top in pairs)


#: Net -> what `larger` found: every layer of a net asks for it.
_LARGER: WeakKeyDictionary[Net, tuple[dict[str, Blob], ...]] = WeakKeyDictionary()


def larger(net: Net) -> tuple[dict[str, Blob], ...]:
    """Return the blobs for images that are twice as large along one axis, for each axis; without what takes no such."""
    if net not in _LARGER:
        _LARGER[net] = tuple(
            _known(net.reshape({name: (*blob.shape[:axis], 2 * blob.shape[axis], *blob.shape[axis + 1 :])}))
            for name, blob in net.inputs.items()
            for axis in range(2, len(blob.shape))
        )
    return _LARGER[net]


def _known(net: Net) -> dict[str, Blob]:
    """Return the blobs of all layers that take their bottoms."""
    known: dict[str, Blob] = {}
    for layer in net.layers:
        # A layer after one that takes no such bottom lacks its own.
        with suppress(NetError, UnsupportedError):
            known.update(zip(layer.tops, infer(layer, known), strict=True))
    return known
