"""Post-fusion: say as one layer what ports of MobileNetV3 write as four."""

from xdn.graph import Layer, Net
from xdn.layers.hsigmoid import HSigmoid
from xdn.layers.hswish import HSwish
from xdn.optimize.edits import Edits, Fusion
from xdn.optimize.fuse.hard_sigmoid import spelled_around
from xdn.optimize.match import title
from xdn.optimize.stage import POST_FUSION, STAGES


@STAGES.register("fuse-hard-swish")
class FuseHardSwish(Fusion):
    """Make HSigmoid and HSwish of the layers that spell them.

    Plain Caffe has no word for them, so files write ::

        x -> Power (x + 3) -> ReLU6 -> Power (x / 6) -> v          HSigmoid
        x, v -> Eltwise PROD                                       HSwish

    or divide after the product. Of the former no bit changes, of the latter the rounding of two products; what is won
    are passes over the blobs, and that the convolution before them can apply them.
    """

    group = POST_FUSION
    after = ("fuse-residual",)

    def fuse(self, net: Net, layer: Layer, edits: Edits) -> None:
        """Start at every ReLU6 after a Power."""
        found = spelled_around(net, layer)
        if isinstance(found, str):
            edits.refuse(layer, f"stays: {found}")
        elif found:
            last = found.layers[-1]
            made = Layer(last.name, HSwish() if found.swish else HSigmoid(), (found.bottom,), last.tops)
            edits.made[last.name] = made
            edits.change(layer, f"part of {title(made)}", found.layers)
