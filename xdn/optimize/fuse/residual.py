"""Post-fusion: let the convolution before a sum add the residual itself."""

from xdn.graph import Epilogue, Layer, Net
from xdn.layers.convolution import Convolution
from xdn.layers.eltwise import Eltwise
from xdn.optimize.edits import Edits, Fusion
from xdn.optimize.match import reason_to_keep, title
from xdn.optimize.stage import POST_FUSION, STAGES


@STAGES.register("fuse-residual")
class FuseResidual(Fusion):
    """Add the residual in the convolution before an Eltwise SUM: y = (W * u + b) + r.

    Of the two blobs that are summed, the one computed later takes the sum where a convolution that nothing
    else reads computes it, else the earlier one; the other, the residual r, becomes the convolution's last
    bottom. The convolution takes the sum's place in the order of layers, so that r is there before it.
    Numerics: bias and taps first, then the residual; a convolution of 8-bit integers reads it in f32, as the sum did.
    """

    group = POST_FUSION

    def fuse(self, net: Net, layer: Layer, edits: Edits) -> None:
        """Take every plain sum of two blobs of which a convolution computes one."""
        if not isinstance(layer.params, Eltwise):
            return
        later_first = sorted(layer.bottoms, key=lambda blob: -net.layers.index(net.producers[blob]))
        reasons = [_no_plain_sum(layer) or _why_not(net, blob) or "" for blob in later_first]
        if all(reasons):
            edits.refuse(layer, f"stays: {'; '.join(dict.fromkeys(reasons))}")
            return
        taken = later_first.pop(reasons.index(""))
        producer = net.producers[taken]
        edits.made[layer.name] = producer.replace(
            bottoms=(*producer.bottoms, *later_first), tops=layer.tops, epilogue=Epilogue(residual=True)
        )
        edits.change(layer, f"summed by {title(producer)}, with the residual {later_first[0]!r}", [producer])


def _no_plain_sum(layer: Layer) -> str | None:
    """Return why an Eltwise is not y = a + b."""
    assert isinstance(layer.params, Eltwise)
    operation, coeff = layer.params.operation, layer.params.coeff
    if operation != "SUM" or any(each != 1 for each in coeff):
        return f"it is not a plain sum ({operation}{f', coeff {coeff}' if coeff else ''})"
    if len(layer.bottoms) != 2:
        return f"it sums {len(layer.bottoms)} blobs; a convolution adds one"
    if layer.quantized:
        return f"it reads its bottoms {'in bf16' if layer.reads_bf16 else 'as 8-bit integers'}"
    return None


def _why_not(net: Net, blob: str) -> str | None:
    """Return why the producer of a `blob` that is summed cannot do the sum."""
    producer = net.producers[blob]
    if not isinstance(producer.params, Convolution):
        return f"its bottom {blob!r} is computed by {title(producer)}, which is not a Convolution"
    if producer.reads_bf16:
        return f"{title(producer)} reads its bottoms in bf16, and would read the other one so"
    if producer.epilogue is not None:
        return f"{title(producer)} ends in a fused activation or sum already"
    return reason_to_keep(net, blob)
