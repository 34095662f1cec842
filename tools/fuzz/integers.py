"""Random nets whose layers read 8-bit integers or bf16, or round weights, computed by sessions and their references."""

from collections.abc import Mapping, Sequence

import numpy as np

from xdn import Session
from xdn.errors import UnsupportedError
from xdn.graph import Bf16, Layer, Net, Quantized, WeightsOnly
from xdn.graph.quantized import BITS
from xdn.graph.reading import why_no_bf16, why_real
from xdn.kernels.core.layout import SCHEDULES
from xdn.optimize import POST_FUSION, STAGES, apply_stages, stage_names
from xdn.optimize.check import Arrays, reference
from xdn.optimize.execution import check_execution

#: Of so many layers that can read 8-bit integers one computes in f32; of so many readings one is by another scale.
_IN_F32, _OTHERWISE = 5, 6


def reading_integers(net: Net, feed: Arrays, rng: np.random.Generator) -> Net:
    """Return the net, some of whose layers read integers that cover what their bottoms hold for `feed`."""
    sized = net.reshape({name: array.shape for name, array in feed.items()})
    values = reference(sized, feed)

    def scale(blob: str) -> Quantized:
        low, high = float(values[blob].min()), float(values[blob].max())
        largest = max(-low, high, 1e-3) * (0.5 if rng.integers(_OTHERWISE) == 0 else 1.0)
        return Quantized(largest / (127 if low < 0 else 255), low < 0)

    def read(layer: Layer) -> Layer:
        blobs = [sized.blobs[name] for name in layer.bottoms]
        if layer.params.is_input or why_real(layer, blobs) is not None or rng.integers(_IN_F32) == 0:
            return layer
        return layer.replace(quantized=tuple(map(scale, layer.bottoms)))

    return net.replace(layers=tuple(map(read, net.layers)))


def reading_bf16(net: Net, feed: Arrays, rng: np.random.Generator) -> Net:
    """Return the net, some of whose layers read bf16 in place of what they read."""
    sized = net.reshape({name: array.shape for name, array in feed.items()})

    def read(layer: Layer) -> Layer:
        blobs = [sized.blobs[name] for name in layer.bottoms]
        if layer.params.is_input or why_no_bf16(layer, blobs) is not None or rng.integers(2):
            return layer
        return layer.replace(quantized=(Bf16(),) * len(layer.bottoms))

    return net.replace(layers=tuple(map(read, net.layers)))


def rounding_weights(net: Net, rng: np.random.Generator) -> Net:
    """Return the net, some of whose layers that have filters and read f32 have weights of few bits."""

    def rounded(layer: Layer) -> Layer:
        if layer.quantized or not layer.params.filter_count or rng.integers(2):
            return layer
        own = 1 + (layer.projection is not None)
        return layer.replace(quantized=(WeightsOnly(int(rng.integers(1, BITS + 1))),) * own)

    return net.replace(layers=tuple(map(rounded, net.layers)))


def check_integers(net: Net, feed: Arrays, threads: int, seed: int) -> None:
    """Compute a net in both schedules, as it is or fused; raise CheckError where integers, or what follows, differ.

    Every other net has layers that read bf16, too, and those that read f32 may round their weights.
    """
    rng = np.random.default_rng(seed)
    if rng.integers(2):
        net = apply_stages(net, [name for name in stage_names(POST_FUSION) if STAGES[name].in_files])
    net = reading_integers(net, feed, rng)
    if rng.integers(2):
        net = reading_bf16(net, feed, rng)
    net = rounding_weights(net, rng)
    if not any(layer.quantized for layer in net.layers):
        return

    def execute(net: Net, inputs: Arrays, blobs: Sequence[str], /) -> Mapping[str, Arrays]:
        found = {}
        for schedule in SCHEDULES:
            session = Session(net, schedule=schedule, threads=threads)
            names = [name for name in blobs if name in session.net.blobs]
            found[schedule] = dict(zip(names, session.run(names, inputs), strict=True))
        return found

    sized = net.reshape({name: array.shape for name, array in feed.items()})
    skipped = check_execution(net, feed, reference(sized, feed), execute).skipped
    if skipped and "not finite" not in skipped:
        raise UnsupportedError(skipped)
