"""Post-fusion: say as one layer the functions that files write as several."""

from xdn.graph import Layer, Net
from xdn.optimize.edits import Edits, Fusion
from xdn.optimize.fuse.spelling import Spelling, spelled_around
from xdn.optimize.match import title
from xdn.optimize.stage import POST_FUSION, STAGES


@STAGES.register("fuse-hard-swish")
class FuseHardSwish(Fusion):
    """Make HSigmoid, HSwish, Swish and Gelu of the layers that spell them.

    Plain Caffe has no word for them, nor has ONNX for some, so files write ::

        x -> Power (x + 3) -> ReLU6 -> Power (x / 6) -> v          HSigmoid
        x, v -> Eltwise PROD                                       HSwish
        x -> Sigmoid -> v; x, v -> Eltwise PROD                    Swish
        x -> Power (x * sqrt(1/2)) -> Erf -> Power (x + 1) -> v
        x, v -> Eltwise PROD -> Power (x / 2)                      Gelu

    or divide after the product, or halve before it. Where they are in this order no bit of the first two changes, of
    the others the rounding of some products; what is won are passes over the blobs, and that the convolution before
    them can apply all but Gelu.
    """

    group = POST_FUSION
    after = ("fuse-residual",)

    def fuse(self, net: Net, layer: Layer, edits: Edits) -> None:
        """Start at every ReLU6, Sigmoid and Erf."""
        found = spelled_around(net, layer)
        if isinstance(found, Spelling):
            last = found.layers[-1]
            made = Layer(last.name, found.params, (found.bottom,), last.tops)
            edits.made[last.name] = made
            edits.change(layer, f"part of {title(made)}", found.layers)
        elif found is not None:
            edits.refuse(layer, f"stays: {found}")
