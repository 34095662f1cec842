"""Merge BatchNorm, BN, Scale, Bias and linear Powers that follow one another into a single Scale."""

import numpy as np

from xdn.element import real
from xdn.graph import Layer, Net
from xdn.layers.bn import BN
from xdn.layers.power import Power
from xdn.layers.scale import Scale
from xdn.optimize.edits import Edits, Fusion
from xdn.optimize.fuse.affine import Affine, Chain, channel_affine, follow, is_affine
from xdn.optimize.match import title
from xdn.optimize.stage import STAGES


@STAGES.register("fuse-scale")
class FuseScale(Fusion):
    """Merge neighbours of BatchNorm, BN, Scale, Bias and linear Powers where no convolution takes them in.

    y = a2 * (a1 * x + d1) + d2 = (a2 * a1) * x + (a2 * d1 + d2), a single Scale with bias, as before the
    convolutions of DenseNet; of Powers alone a Power. Computed in float64 and rounded to f32 once. One such layer alone
    stays, unless plain Caffe has no word for it: BN, and a BatchNorm with scale and bias inside, become a Scale too.
    """

    after = ("fuse-batch-norm",)

    def fuse(self, net: Net, layer: Layer, edits: Edits) -> None:
        """Start at every affine layer that no earlier one has taken in."""
        if layer.name in edits.removed or not is_affine(net, layer):
            return
        chain = follow(net, layer, edits)
        found = _merge(net, layer, chain)
        if isinstance(found, Layer):
            # The last one becomes the Scale, so that it stands where its readers expect it.
            edits.made[found.name] = found
            others = ", ".join(map(title, chain.layers))
            text = f"merged with {others}" if others else "said as a Scale"
            edits.change(layer, text, (layer, *chain.layers))
        elif found:
            before = f" before {title(chain.layers[0])}" if chain.layers else ""
            edits.refuse(layer, f"stays{before}: {found}")


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
        weights = {"scale": total.factor.astype(real), "bias": total.shift.astype(real)}
    if not all(np.isfinite(array).all() for array in weights.values()):
        return "the merged factors are not finite in f32"
    merged = (layer, *chain.layers)
    last = merged[-1]
    if all(isinstance(each.params, Power) for each in merged):
        factor, shift = (float(array[0]) for array in weights.values())
        return Layer(last.name, Power(scale=factor, shift=shift), layer.bottoms, last.tops)
    return Layer(last.name, Scale(bias_term=True), layer.bottoms, last.tops, weights)
