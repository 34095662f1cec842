"""Post-fusion: let the convolution that adds a projection shortcut compute the projection too."""

from dataclasses import replace

from xdn.graph import Layer, Net
from xdn.graph.epilogue import prefixed
from xdn.layers.convolution import Convolution
from xdn.optimize.edits import Edits, Fusion
from xdn.optimize.match import reason_to_keep, title
from xdn.optimize.stage import POST_FUSION, STAGES


@STAGES.register("fuse-projection")
class FuseProjection(Fusion):
    """Compute a projection shortcut in the convolution that adds it: y = f((b + d) + W * u + V * s).

    The residual r = V * s + d of a fused sum is computed by a Convolution that nothing else reads: the layer that
    adds r takes V and d over, its last bottom becomes s, and r is never stored. Both are 1x1 convolutions, as at the
    end of a bottleneck block: a larger one may take fewer multiplications alone (Winograd). In a block of two 3x3
    convolutions whose shortcut stands last in the file it is the block's second one that gives r.

    Numerics: the sum of both biases first, then the layer's own taps, then the projection's, then the activation.
    """

    group = POST_FUSION
    after = ("fuse-residual", "fuse-activation", "eliminate-unread")

    def fuse(self, net: Net, layer: Layer, edits: Edits) -> None:
        """Take every fused residual that a plain convolution computes."""
        if layer.epilogue is None or layer.residual is None:
            return
        projection = net.producers[layer.residual]
        reason = _why_not(net, layer, projection)
        if reason:
            edits.refuse(layer, f"keeps its residual {layer.residual!r}: {reason}")
            return
        edits.made[layer.name] = layer.replace(
            bottoms=(*layer.own_bottoms, *projection.bottoms),
            weights={**layer.weights, **prefixed(projection.weights)},
            epilogue=replace(layer.epilogue, residual=False, projection=projection.params),
            quantized=layer.quantized + projection.quantized,
        )
        edits.change(projection, f"computed by {title(layer)}, which adds it", [projection])


def _why_not(net: Net, layer: Layer, projection: Layer) -> str | None:
    """Return why `layer` cannot compute the `projection` whose top it adds."""
    for each in (layer, projection):
        if not isinstance(each.params, Convolution):
            return f"{title(each)} is not a Convolution"
        if each.params.group != 1:
            return f"{title(each)} has {each.params.group} groups"
        if set(each.params.window_over(net.bottom_blobs(each)[0]).kernel) != {1}:
            return f"{title(each)} is not a 1x1 convolution"
    if len(layer.quantized) == len(layer.bottoms):
        return f"{title(layer)} reads it as {layer.reads}"
    if bool(layer.quantized) != bool(projection.quantized):
        real, whole = (layer, projection) if projection.quantized else (projection, layer)
        return f"{title(whole)} reads {whole.reads}, {title(real)} {real.reads}"
    if projection.epilogue is not None:
        return f"{title(projection)} ends in a fused activation or sum"
    for each in (layer, projection):
        if any(each.shared):
            return f"the weights of {title(each)} are shared by name"
        if "weight" not in each.weights:
            return f"the weights of {title(each)} were not read"
    return reason_to_keep(net, projection.tops[0])
