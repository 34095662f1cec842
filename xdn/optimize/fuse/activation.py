"""Post-fusion: apply the activation in the layer of filters before it."""

from dataclasses import replace

from xdn.graph import Epilogue, Layer, Net
from xdn.layers.filters import Filters
from xdn.layers.innerproduct import InnerProduct
from xdn.optimize.edits import Edits, Fusion
from xdn.optimize.match import reason_to_keep, title
from xdn.optimize.stage import POST_FUSION, STAGES


@STAGES.register("fuse-activation")
class FuseActivation(Fusion):
    """Apply the activation in the Convolution, Deconvolution or InnerProduct before it: y = f(W * u + b [+ r]).

    f is a layer type that is `fusable`, such as ReLU or Sigmoid; the layer takes over PReLU's slope as one more weight.
    A layer that reads 8-bit integers takes those only that round no value more than once (`same_bits`).

    Numerics: bias and taps first, then a fused residual, then the activation, on the accumulators before
    the only store.
    """

    group = POST_FUSION
    after = ("fuse-residual", "fuse-hard-swish")

    def fuse(self, net: Net, layer: Layer, edits: Edits) -> None:
        """Take every activation whose bottom nothing else needs."""
        if not layer.params.fusable:
            return
        producer = net.producers[layer.bottoms[0]]
        reason = _why_not(net, layer, producer)
        if reason:
            edits.refuse(layer, f"stays: {reason}")
            return
        epilogue = replace(producer.epilogue or Epilogue(), activation=layer.params)
        weights = {**producer.weights, **layer.weights}
        edits.made[producer.name] = producer.replace(tops=layer.tops, weights=weights, epilogue=epilogue)
        edits.change(layer, f"applied by {title(producer)}", [layer])


def _why_not(net: Net, layer: Layer, producer: Layer) -> str | None:
    """Return why `producer` cannot apply the activation `layer`."""
    if layer.epilogue is not None:
        return "it ends in a fused activation or sum"
    if not isinstance(producer.params, (Filters, InnerProduct)):
        return f"its bottom is computed by {title(producer)}, which has no filters"
    if layer.quantized:
        return "it reads 8-bit integers, or bf16, made of what it would be applied to"
    if producer.integers and not layer.params.same_bits:
        return f"{title(producer)} reads 8-bit integers, and takes only what has the same bits on all processors"
    if producer.epilogue is not None and producer.epilogue.activation:
        return f"{title(producer)} ends in a fused activation already"
    if any(layer.shared):
        return "its weights are shared by name"
    if net.weight_shapes(layer) and not (layer.weights and producer.weights):
        return f"its weights, or those of {title(producer)}, were not read"
    return reason_to_keep(net, layer.bottoms[0])
