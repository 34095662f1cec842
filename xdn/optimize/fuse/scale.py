"""Merge BatchNorm, BN, Scale and Bias that follow one another into a single Scale."""

import numpy as np

from xdn.graph import Layer, Net
from xdn.layers.bn import BN
from xdn.layers.scale import Scale
from xdn.optimize.fuse.affine import AFFINE_LAYERS, Affine, Chain, channel_affine, follow
from xdn.optimize.match import edit, title
from xdn.optimize.stage import STAGES, Note, Rewrite, Stage


@STAGES.register("fuse-scale")
class FuseScale(Stage):
    """Merge neighbours of BatchNorm, BN, Scale and Bias where no convolution takes them in.

    y = a2 * (a1 * x + d1) + d2 = (a2 * a1) * x + (a2 * d1 + d2), a single Scale with bias, as before the
    convolutions of DenseNet. Computed in float64 and rounded to f32 once. One such layer alone stays, unless plain
    Caffe has no word for it: BN, and a BatchNorm with scale and bias inside, become a Scale too.
    """

    after = ("fuse-batch-norm",)

    def apply(self, net: Net) -> Rewrite:
        """Start at every affine layer that no earlier one has taken in."""
        merged: dict[str, Layer] = {}
        removed: set[str] = set()
        changes, refusals = [], []
        for layer in net.layers:
            if not isinstance(layer.params, AFFINE_LAYERS) or layer.name in removed or layer.name in merged:
                continue
            chain = follow(net, layer.tops[0])
            found = _merge(net, layer, chain)
            if isinstance(found, Layer):
                # The last one becomes the Scale, so that it stands where its readers expect it.
                merged[found.name] = found
                removed |= {each.name for each in (layer, *chain.layers)} - {found.name}
                others = ", ".join(map(title, chain.layers))
                changes.append(Note(layer.name, f"merged with {others}" if others else "said as a Scale"))
            elif found:
                before = f" before {title(chain.layers[0])}" if chain.layers else ""
                refusals.append(Note(layer.name, f"stays{before}: {found}"))
            if chain.refusal:
                reader, reason = chain.refusal
                refusals.append(Note(reader.name, f"stays after {title(layer)}: {reason}"))
        return Rewrite(edit(net, merged, removed), tuple(changes), tuple(refusals))


def _is_foreign(layer: Layer) -> bool:
    """Return whether plain Caffe has no word for the layer."""
    return isinstance(layer.params, BN) or getattr(layer.params, "scale_bias", False)


def _merge(net: Net, layer: Layer, chain: Chain) -> Layer | str | None:
    """Return the Scale that `layer` and the chain after it make, why there is none, or None without a chain."""
    if chain.affine is None and not _is_foreign(layer):
        return None
    first = channel_affine(net, layer)
    if not isinstance(first, Affine):
        return first
    total = first if chain.affine is None else first.then(chain.affine)
    with np.errstate(over="ignore"):
        weights = {"scale": total.factor.astype(np.float32), "bias": total.shift.astype(np.float32)}
    if not all(np.isfinite(array).all() for array in weights.values()):
        return "the merged factors are not finite in f32"
    last = (layer, *chain.layers)[-1]
    return Layer(last.name, Scale(bias_term=True), layer.bottoms, last.tops, weights)
