"""On request: let layers read their bottoms in bf16."""

from collections.abc import Sequence

from xdn.graph import Bf16, Layer, Net
from xdn.graph.reading import why_no_bf16
from xdn.optimize.quantize.bits import in_real_weights
from xdn.optimize.quantize.choice import is_product, read_by, selects
from xdn.optimize.stage import READING, STAGES, Note, Rewrite, Stage


@STAGES.register("read-bf16")
class ReadBf16(Stage):
    """Let layers read their bottoms, and their filters, in bf16: all that multiply with weights, and those between.

    A layer that multiplies computes x * w of x and w rounded to bf16, whose products are exact, and sums up in f32; of
    weights that are integers times scales w are the values.
    Others that can read bf16 do where their bottoms are there in bf16 anyway. Layers that say already how they read
    their bottoms, in bf16 or as 8-bit integers, stay as they are. What is fused before is rounded less often.
    """

    group = READING
    after = (
        "fuse-attention",
        "fuse-residual",
        "fuse-hard-swish",
        "fuse-activation",
        "eliminate-unread",
        "fuse-projection",
    )

    def apply(self, net: Net) -> Rewrite:
        """Mark the layers, from the first to the last."""
        net = in_real_weights(net)
        refusals = {layer.name: why for layer in net.layers if (why := _why_not(net, layer)) is not None}
        unasked = [each for each in net.layers if not (each.params.is_input or selects(net, each))]
        able = [layer for layer in unasked if layer.name not in refusals]
        taken = _fed(net, able)
        refusals |= {each.name: "not all of its bottoms are in bf16 anyway" for each in able if each.name not in taken}
        layers = (
            layer.replace(quantized=(Bf16(),) * len(layer.bottoms)) if layer.name in taken else layer
            for layer in net.layers
        )
        made = net.replace(layers=tuple(layers)) if taken else net
        changes = tuple(Note(layer.name, "reads bf16") for layer in able if layer.name in taken)
        return Rewrite(made, changes, tuple(Note(name, f"does not read bf16: {why}") for name, why in refusals.items()))


def _why_not(net: Net, layer: Layer) -> str | None:
    """Return why a layer that computes cannot be marked."""
    if layer.params.is_input or selects(net, layer):
        return None
    if layer.quantized:
        return "it reads bf16 already" if layer.reads_bf16 else "it reads 8-bit integers"
    return why_no_bf16(layer, [net.blobs[name] for name in layer.bottoms])


def _fed(net: Net, able: Sequence[Layer]) -> set[str]:
    """Return the names of those layers that multiply with weights, or find all their bottoms in bf16 anyway.

    A blob is there in bf16 where such a layer gives it, or one with weights reads it; layers between hand it on.
    """
    products = {layer.name for layer in able if is_product(net, layer)}
    names, taken = {layer.name for layer in able}, set(products)
    held = read_by(net, products)
    for layer in net.layers:
        fed = layer.name in products or held.issuperset(layer.bottoms)
        if fed and layer.name in names:
            taken.add(layer.name)
        if fed and (layer.name in names or selects(net, layer)):
            held.update(layer.tops)
    return taken
