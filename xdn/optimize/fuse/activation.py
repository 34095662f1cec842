"""Post-fusion: apply the ReLU in the convolution or inner product before it."""

from dataclasses import replace

from xdn.graph import Epilogue, Layer, Net
from xdn.layers.convolution import Convolution
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.relu import ReLU
from xdn.optimize.match import edit, reason_to_keep, title
from xdn.optimize.stage import POST_FUSION, Note, Rewrite, Stage, stage


@stage
class FuseActivation(Stage):
    """Apply the ReLU in the Convolution or InnerProduct before it: y = relu(W * u + b [+ r]).

    Numerics: bias and taps first, then a fused residual, then the activation, on the accumulators before
    the only store.
    """

    name = "fuse-activation"
    group = POST_FUSION
    after = ("fuse-residual",)

    def apply(self, net: Net) -> Rewrite:
        """Take every ReLU whose bottom nothing else needs."""
        fused: dict[str, Layer] = {}
        removed: set[str] = set()
        changes, refusals = [], []
        for layer in net.layers:
            if not isinstance(layer.params, ReLU):
                continue
            producer = net.producers[layer.bottoms[0]]
            reason = _why_not(net, layer, producer)
            if reason:
                refusals.append(Note(layer.name, f"stays: {reason}"))
                continue
            epilogue = replace(
                producer.epilogue or Epilogue(), activation="ReLU", negative_slope=layer.params.negative_slope
            )
            fused[producer.name] = producer.replace(tops=layer.tops, epilogue=epilogue)
            removed.add(layer.name)
            changes.append(Note(layer.name, f"applied by {title(producer)}"))
        return Rewrite(edit(net, fused, removed), tuple(changes), tuple(refusals))


def _why_not(net: Net, layer: Layer, producer: Layer) -> str | None:
    """Return why `producer` cannot apply the ReLU `layer`."""
    if layer.epilogue is not None:
        return "it ends in a fused activation or sum"
    if not isinstance(producer.params, (Convolution, InnerProduct)):
        return f"its bottom is computed by {title(producer)}, which is no Convolution or InnerProduct"
    if producer.epilogue is not None and producer.epilogue.activation:
        return f"{title(producer)} ends in a fused activation already"
    return reason_to_keep(net, layer.bottoms[0])
