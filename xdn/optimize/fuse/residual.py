"""Post-fusion: let the convolution before a sum add the residual itself."""

from xdn.graph import Epilogue, Layer, Net
from xdn.layers.convolution import Convolution
from xdn.layers.eltwise import Eltwise
from xdn.optimize.match import edit, reason_to_keep, title
from xdn.optimize.stage import POST_FUSION, STAGES, Note, Rewrite, Stage


@STAGES.register("fuse-residual")
class FuseResidual(Stage):
    """Add the residual in the convolution before an Eltwise SUM: y = (W * u + b) + r.

    Of the two blobs that are summed, the one computed later takes the sum where a convolution that nothing
    else reads computes it, else the earlier one; the other, the residual r, becomes the convolution's last
    bottom. The convolution takes the sum's place in the order of layers, so that r is there before it.
    Numerics: bias and taps first, then the residual.
    """

    group = POST_FUSION

    def apply(self, net: Net) -> Rewrite:
        """Take every plain sum of two blobs of which a convolution computes one."""
        place = {layer.name: i for i, layer in enumerate(net.layers)}
        fused: dict[str, Layer] = {}
        removed: set[str] = set()
        changes, refusals = [], []
        for layer in net.layers:
            if not isinstance(layer.params, Eltwise):
                continue
            later_first = sorted(layer.bottoms, key=lambda blob: -place[net.producers[blob].name])
            reasons = _why_not(net, layer, later_first)
            if all(reasons):
                refusals.append(Note(layer.name, f"stays: {'; '.join(dict.fromkeys(reasons))}"))
                continue
            taken = later_first.pop(reasons.index(""))
            producer = net.producers[taken]
            fused[layer.name] = producer.replace(
                bottoms=(*producer.bottoms, *later_first), tops=layer.tops, epilogue=Epilogue(residual=True)
            )
            removed.add(producer.name)
            changes.append(Note(layer.name, f"summed by {title(producer)}, with the residual {later_first[0]!r}"))
        return Rewrite(edit(net, fused, removed), tuple(changes), tuple(refusals))


def _no_plain_sum(layer: Layer) -> str | None:
    """Return why the Eltwise `layer` is not y = a + b."""
    assert isinstance(layer.params, Eltwise)
    operation, coeff = layer.params.operation, layer.params.coeff
    if operation != "SUM" or any(each != 1 for each in coeff):
        return f"it is not a plain sum ({operation}{f', coeff {coeff}' if coeff else ''})"
    if len(layer.bottoms) != 2:
        return f"it sums {len(layer.bottoms)} blobs; a convolution adds one"
    return None


def _why_not(net: Net, layer: Layer, blobs: list[str]) -> list[str]:
    """Return, for each bottom of `layer`, why its producer cannot do the sum; "" where it can."""
    reason = _no_plain_sum(layer)
    return [reason or _why_no_producer(net, blob) or "" for blob in blobs]


def _why_no_producer(net: Net, blob: str) -> str | None:
    producer = net.producers[blob]
    if not isinstance(producer.params, Convolution):
        return f"its bottom {blob!r} is computed by {title(producer)}, which is not a Convolution"
    if producer.epilogue is not None:
        return f"{title(producer)} ends in a fused activation or sum already"
    return reason_to_keep(net, blob)
