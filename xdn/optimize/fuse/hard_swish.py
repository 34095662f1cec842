"""Post-fusion: say as one layer what ports of MobileNetV3 write as four."""

from xdn.element import real
from xdn.graph import Layer, Net
from xdn.layers.eltwise import Eltwise
from xdn.layers.hsigmoid import HSigmoid
from xdn.layers.hswish import HSwish
from xdn.layers.power import Power
from xdn.layers.relu6 import ReLU6
from xdn.optimize.edits import Edits, Fusion
from xdn.optimize.match import reason_to_keep, title
from xdn.optimize.stage import POST_FUSION, STAGES


@STAGES.register("fuse-hard-swish")
class FuseHardSwish(Fusion):
    """Make HSigmoid and HSwish of the layers that spell them.

    Plain Caffe has no word for them, so files write ::

        x -> Power (x + 3) -> ReLU6 -> Power (x / 6) -> v          HSigmoid
        x, v -> Eltwise PROD                                       HSwish

    The operations are the same, so no bit changes; what is won are passes over the blobs, and that the convolution
    before them can apply them.
    """

    group = POST_FUSION
    after = ("fuse-residual",)

    def fuse(self, net: Net, layer: Layer, edits: Edits) -> None:
        """Start at every ReLU6 between two Powers."""
        if not isinstance(layer.params, ReLU6) or layer.epilogue is not None or layer.quantized:
            return
        found = _around(net, layer)
        if isinstance(found, str):
            edits.refuse(layer, f"stays: {found}")
            return
        shift, divide = found
        product = _product(net, shift.bottoms[0], divide.tops[0])
        last = product or divide
        made = Layer(last.name, HSwish() if product else HSigmoid(), shift.bottoms, last.tops)
        edits.made[last.name] = made
        edits.change(layer, f"part of {title(made)}", (shift, layer, divide))


def _around(net: Net, clip: Layer) -> tuple[Layer, Layer] | str:
    """Return the Powers before and after a ReLU6 that make it a hard sigmoid, or why there are none."""
    shift = net.producers[clip.bottoms[0]]
    if not _is_power(shift, 1, 3):
        return f"its bottom is computed by {title(shift)}, which does not add 3"
    readers = net.consumers[clip.tops[0]]
    if len(readers) != 1 or not _is_power(readers[0], 1 / 6, 0):
        return "no Power after it divides by 6"
    for blob in (clip.bottoms[0], clip.tops[0]):
        if (reason := reason_to_keep(net, blob)) is not None:
            return reason
    return shift, readers[0]


def _is_power(layer: Layer, scale: float, shift: float) -> bool:
    params = layer.params
    if not isinstance(params, Power) or layer.epilogue is not None or layer.quantized:
        return False
    same_scale = real(params.scale) == real(scale)
    return params.power == 1 and bool(same_scale) and params.shift == shift


def _product(net: Net, x: str, factor: str) -> Layer | None:
    """Return the layer that multiplies x by its hard sigmoid, where nothing else reads that."""
    reader = net.consumers[factor][0] if reason_to_keep(net, factor) is None and net.consumers[factor] else None
    if reader is None or not isinstance(reader.params, Eltwise) or reader.epilogue is not None or reader.quantized:
        return None
    return reader if reader.params.operation == "PROD" and sorted(reader.bottoms) == sorted((x, factor)) else None
