"""Post-fusion: say as one layer what encoders write as two products with a softmax between them."""

from typing import NamedTuple, TypeVar

from xdn.errors import ShapeError
from xdn.graph import Layer, LayerParams, Net
from xdn.graph.net import infer
from xdn.layers.dotproductattention import DotProductAttention
from xdn.layers.eltwise import Eltwise
from xdn.layers.matmul import MatMul
from xdn.layers.permute import Permute
from xdn.layers.power import Power
from xdn.layers.softmax import Softmax
from xdn.layers.tile import Tile
from xdn.optimize.edits import Edits, Fusion
from xdn.optimize.eliminate.dead import EliminateDead
from xdn.optimize.match import is_plain, only_reader, reason_to_keep, title
from xdn.optimize.stage import POST_FUSION, STAGES, Rewrite

#: How steps and heads change places.
_TURNED = (0, 2, 1, 3)
#: How they do where a matrix is transposed, too.
_TRANSPOSED = (0, 2, 3, 1)
#: Steps from which on vectors of steps are full enough.
_LEAST_STEPS = 8

Params = TypeVar("Params", bound=LayerParams)


@STAGES.register("fuse-attention")
class FuseAttention(Fusion):
    """Make DotProductAttention of the layers that it is written as.

    ::

        q, v -> Permute (N, H, T, D); k -> Permute (N, H, D, S)
        q, k -> MatMul -> Power (times a factor) -> Eltwise SUM (a mask, the same for all) -> Softmax -> p
        p, v -> MatMul -> Permute (N, T, H, D)

    Factors of queries, keys and scores become one, which rounds once instead of several times. What is won are the
    Permutes, and that the scores of a few steps stay in a core's cache.
    """

    group = POST_FUSION
    after = ("eliminate-moves",)

    def apply(self, net: Net) -> Rewrite:
        """Look at every layer, and remove those that nothing reads any more."""
        done = super().apply(net)
        return Rewrite(EliminateDead().apply(done.net).net, done.changes, done.refusals) if done.changes else done

    def fuse(self, net: Net, layer: Layer, edits: Edits) -> None:
        """Start at every Softmax along the last of four axes."""
        softmax = _params(layer, Softmax)
        if softmax is None or len((blob := net.blobs[layer.bottoms[0]]).shape) != 4 or blob.axis(softmax.axis) != 3:
            return
        product = only_reader(net, layer.tops[0])
        if product is None or _params(product, MatMul) is None:
            return
        found = _around(net, layer, product)
        if isinstance(found, str):
            edits.refuse(layer, f"stays: {found}")
        else:
            edits.made[found.name] = found
            edits.change(layer, f"part of {title(found)}")


class _Scores(NamedTuple):
    """What a softmax is of: the product of two blobs, times a factor, and a mask that is added."""

    product: Layer
    factor: float
    mask: str | None


def _around(net: Net, softmax: Layer, product: Layer) -> Layer | str:
    """Return the DotProductAttention that a Softmax is part of, with the product after it, or why there is none."""
    last = only_reader(net, product.tops[0])
    if last is None or product.bottoms[0] != softmax.tops[0] or not _is_turned(last, _TURNED):
        return f"after {title(product)} steps and heads do not change places"
    scores = _scores(net, softmax.bottoms[0])
    if scores is None:
        return "it is not of a product of two blobs, with or without a factor and a mask"
    first, second = (_params(each, MatMul) for each in (scores.product, product))
    assert first is not None
    if first.transpose_a or second != MatMul():
        return "a product transposes what it is not to transpose"
    queries = _source(net, scores.product.bottoms[0], _TURNED)
    keys = _source(net, scores.product.bottoms[1], _TURNED if first.transpose_b else _TRANSPOSED)
    values = _source(net, product.bottoms[1], _TURNED)
    if queries is None or keys is None or values is None or values[1] != 1:
        return "the steps of queries, keys and values do not come before their heads"
    if net.blobs[queries[0]].shape[1] < _LEAST_STEPS:
        return f"there are fewer than {_LEAST_STEPS} steps"
    params = DotProductAttention(scale=scores.factor * queries[1] * keys[1])
    bottoms = (queries[0], keys[0], values[0], *([scores.mask] if scores.mask else []))
    made = Layer(last.name, params, bottoms, last.tops)
    try:
        infer(made, net.blobs)
    except ShapeError:
        return "queries, keys and values are not of the same images and heads"
    return made


def _scores(net: Net, blob: str) -> _Scores | None:
    """Return the product that a blob is, which nothing else reads, times a factor and with a mask; None of others."""
    mask, layer = None, net.producers[blob]
    if (added := _params(layer, Eltwise)) is not None:
        masks = {name: _mask(net, name) for name in layer.bottoms}
        masked = [name for name, found in masks.items() if found is not None]
        if added.operation != "SUM" or any(each != 1 for each in added.coeff) or len(masks) != 2 or len(masked) != 1:
            return None
        mask = masks[masked[0]]
        if reason_to_keep(net, blob):
            return None
        (blob,) = set(layer.bottoms) - set(masked)
    source, factor = _times(net, blob)
    if reason_to_keep(net, blob) or reason_to_keep(net, source):
        return None
    product = net.producers[source]
    return None if _params(product, MatMul) is None else _Scores(product, factor, mask)


def _mask(net: Net, blob: str) -> str | None:
    """Return what Tiles repeat for all heads and steps, a blob (N, 1, 1, S) of several; None of others."""
    images, *_, keys = net.blobs[blob].shape
    while net.blobs[blob].shape != (images, 1, 1, keys):
        layer = net.producers[blob]
        if _params(layer, Tile) is None:
            return None
        blob = layer.bottoms[0]
    return blob


def _source(net: Net, blob: str, order: tuple[int, ...]) -> tuple[str, float] | None:
    """Return what a Permute of an order makes a blob of, and the factor of Powers after it; None of others."""
    turned, factor = _times(net, blob)
    layer = net.producers[turned]
    return (layer.bottoms[0], factor) if _is_turned(layer, order) else None


def _times(net: Net, blob: str) -> tuple[str, float]:
    """Return a blob without the factor that Powers multiply it with, and that factor."""
    factor = 1.0
    while (power := _params(layer := net.producers[blob], Power)) and power.power == 1 and power.shift == 0:
        blob, factor = layer.bottoms[0], factor * power.scale
    return blob, factor


def _is_turned(layer: Layer, order: tuple[int, ...]) -> bool:
    params = _params(layer, Permute)
    return params is not None and params.order == order


def _params(layer: Layer, kind: type[Params]) -> Params | None:
    """Return the parameters of a layer of a type that computes in f32, and to which nothing is fused."""
    return layer.params if is_plain(layer) and isinstance(layer.params, kind) else None
