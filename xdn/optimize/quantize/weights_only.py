"""Let the weights of layers be integers of few bits, while everything is computed in f32: no images are needed."""

from dataclasses import dataclass

from xdn.graph import Net, WeightsOnly
from xdn.graph.quantized import BITS
from xdn.graph.sharing import with_true_names
from xdn.layers.integer import with_integer_weights
from xdn.optimize.quantize.choice import Choice, check_names, is_product
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.prepare import in_f32


@dataclass(frozen=True, eq=False)
class RoundedWeights:
    """A net whose weights are integers times the scales of their filters, and how it came about.

    Parameters
    ----------
    net : Net
    choice : Choice
        The layers whose weights are rounded, and why others with filters keep f32.
    """

    net: Net
    choice: Choice


def with_rounded_weights(net: Net, bits: int, config: CalibrationConfig) -> RoundedWeights:
    """Return the net with weights of so many bits, 1 to 8, in all layers with filters; the first and the last have 8.

    Parameters
    ----------
    net : Net
        With weights, fused as it is going to run; integers that it reads already are forgotten, and that weights which
        are rounded were codebooks'. Layers that read bf16 stay as they are.
    bits : int
    config : CalibrationConfig
        Which layers keep f32 weights.

    Raises
    ------
    SettingError
        A layer that is to be kept in f32 is not there.
    WeightsError
        The weights of a layer are not finite, or too large.
    """
    net.require_weights()
    net = in_f32(net)
    check_names(net, config.keep_f32)
    names = [layer.name for layer in net.layers if layer.params.filter_count and is_product(net, layer)]
    ends = {*names[:1], *names[-1:]}
    kept = {}
    for name in names:
        if config.keeps(name):
            kept[name] = "it was asked for"
        elif net.layer(name).reads_bf16:
            kept[name] = "its line says so"
        elif config.keep_ends and name in ends:
            kept[name] = "the first and the last layer were to be kept"
    read = {name: WeightsOnly(BITS if name in ends else bits) for name in names if name not in kept}
    layers = (
        with_integer_weights(
            layer.replace(quantized=(read[layer.name],) * (1 + (layer.projection is not None)), block=0)
        )
        if layer.name in read
        else layer
        for layer in net.layers
    )
    return RoundedWeights(with_true_names(net.replace(layers=tuple(layers))), Choice(tuple(read), kept))
