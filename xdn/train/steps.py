"""The order of computation for some blobs of a net: which layers, which of them together, what is forgotten when."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from xdn.graph import Layer, Net
from xdn.train.torch_layers.base import TORCH_LAYERS, Compute


@dataclass(frozen=True, eq=False)
class Step:
    """One call of PyTorch.

    Parameters
    ----------
    layers : tuple of Layer
        The layer that is computed, and the one that it absorbs.
    compute : callable
        See `xdn.train.torch_layers.base.Compute`.
    fused : bool
        Whether the layer does not compute with f32 alone, or something is fused to it; it is then computed alone, into
        new memory that nothing overwrites.
    overwrites : bool
        Whether it may overwrite its first bottom.
    tops : tuple of str
        Blobs that get the values.
    last : tuple of str
        Blobs that nothing reads after this step.
    """

    layers: tuple[Layer, ...]
    compute: Compute
    fused: bool
    overwrites: bool
    tops: tuple[str, ...]
    last: tuple[str, ...]


def needed_layers(net: Net, wanted: Collection[str]) -> list[Layer]:
    """Return the layers, inputs left out, that the blobs `wanted` depend on, in the net's order."""
    needed = set(wanted)
    found = []
    for layer in reversed(net.layers):
        if needed.intersection(layer.tops) and not layer.params.is_input:
            needed.update(layer.bottoms)
            found.append(layer)
    return found[::-1]


def steps_for(net: Net, wanted: Collection[str]) -> tuple[Step, ...]:
    """Return the steps that compute the blobs `wanted`.

    A layer is absorbed where it is the only reader of a blob that is not wanted; a bottom is overwritten where it
    is new memory, not wanted, and read by nobody else.
    """
    layers = needed_layers(net, wanted)
    unread = Counter(bottom for layer in layers for bottom in layer.bottoms)
    private = {name for name, count in unread.items() if count == 1 and name not in wanted}
    following = {bottom: layer for layer in layers for bottom in layer.bottoms}
    fresh: set[str] = set()
    absorbed: set[str] = set()
    steps = []
    for layer in layers:
        if layer.name in absorbed:
            continue
        entry = TORCH_LAYERS[layer.type]
        parts: tuple[Layer, ...] = (layer,)
        fused = _is_fused(layer)
        if entry.absorbs and not fused and layer.tops[0] in private:
            follower = following[layer.tops[0]]
            if not _is_fused(follower) and entry.absorbs(layer.params, follower.params, net.bottom_blobs(follower)):
                parts = (layer, follower)
                absorbed.add(follower.name)
        tops = parts[-1].tops
        unread.subtract(layer.bottoms)
        last = tuple(name for name in dict.fromkeys((*layer.bottoms, *tops)) if not unread[name] and name not in wanted)
        overwrites = bool(layer.bottoms) and not fused and layer.bottoms[0] in fresh & private
        steps.append(Step(parts, entry.compute, fused, overwrites, tops, last))
        if entry.fresh and not fused:
            fresh.update(tops)
    return tuple(steps)


def _is_fused(layer: Layer) -> bool:
    """Return whether a layer does not compute with f32 alone, or something is fused to it."""
    return bool(layer.quantized) or layer.epilogue is not None
