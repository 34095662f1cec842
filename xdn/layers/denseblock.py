"""DenseBlock: a whole block of a DenseNet as one layer, and the plain layers that it stands for."""

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from xdn import settings
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, Layer, LayerParams, Net, WeightAxes, Weights
from xdn.layers.base import CaffeLayer, Field, Message, fillers, layer_type, one_bottom, proto
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.concat import Concat
from xdn.layers.convolution import Convolution
from xdn.layers.relu import ReLU

#: What a BatchNorm has for each transition, in the order of the file.
_NORMAL = ("scale", "bias", "mean", "variance")
#: Weights a transition, without a bottleneck and with one.
_PLAIN, _BOTTLENECK = 5, 10
#: What pieces call the block's bottom.
BOTTOM = ""
#: A bottleneck has so many times as many channels as the block grows by.
_WIDER = 4


class Piece(NamedTuple):
    """One of the layers that a block stands for.

    Parameters
    ----------
    name : str
        Within the block.
    params : LayerParams
    reads : tuple of str
        Names of pieces, or `BOTTOM`.
    weights : mapping
        Name of the piece's weight -> that of the block's.
    """

    name: str
    params: LayerParams
    reads: tuple[str, ...]
    weights: dict[str, str]


@layer_type("DenseBlock")
class DenseBlock(CaffeLayer):
    """DenseBlock: `numTransition` times BatchNorm, ReLU and a 3x3 convolution, whose result joins what it read.

    With `use_BC` a 1x1 convolution to four times `growthRate` channels, BatchNorm and ReLU come before the 3x3 one
    (Huang et al. 2017). Its filters are turned around, as cuDNN's CUDNN_CONVOLUTION has it. The number of channels that
    the block reads is the bottom's. Nets are read with the layers that it stands for in its place (`unfolded`). The
    source is DenseBlock_layer.cpp of Tongcheng's fork, which caffe_ocr took over.
    """

    message = Message("DenseBlockParameter", "denseblock_param", 2064)
    unused = {
        "initChannel": Field(2, "int32"),
        **fillers(Filter_Filler=10, BN_Scaler_Filler=11, BN_Bias_Filler=12),
        "gpuIdx": Field(15, "int32"),
        "use_dropout": Field(16, "bool"),
        "dropout_amount": Field(17, "float"),
        "BC_ultra_space_efficient": Field(19, "bool"),
        "workspace_MB": Field(20, "int32"),
        "moving_average_fraction": Field(21, "float"),
    }

    # The file's own spelling.
    numTransition: int = proto(1, "int32", default=40)  # noqa: N815
    growthRate: int = proto(3, "int32", default=12)  # noqa: N815
    pad_h: int = proto(4, "int32", default=1)
    pad_w: int = proto(5, "int32", default=1)
    conv_verticalStride: int = proto(6, "int32", default=1)  # noqa: N815
    conv_horizentalStride: int = proto(7, "int32", default=1)  # noqa: N815
    filter_H: int = proto(8, "int32", default=3)  # noqa: N815
    filter_W: int = proto(9, "int32", default=3)  # noqa: N815
    use_BC: bool = proto(18, "bool", default=False)  # noqa: N815

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) -> (N, C + numTransition * growthRate, H, W)."""
        n, c, *sizes = one_bottom(bottoms, 4).shape
        if self.numTransition < 1 or self.growthRate < 1:
            what = f"numTransition {self.numTransition} and growthRate {self.growthRate}; both must be positive"
            raise ShapeError(what)
        if self.numTransition > settings.MAX_LAYERS:
            raise ShapeError(f"numTransition is {self.numTransition}; at most {settings.MAX_LAYERS} are allowed")
        window = (self.filter_H, self.filter_W, self.pad_h, self.pad_w)
        if window != (3, 3, 1, 1) or (self.conv_verticalStride, self.conv_horizentalStride) != (1, 1):
            what = f"filters of {window[:2]} with padding {window[2:]}, or a stride"
            raise UnsupportedError(f"{what}; the layer joins what 3x3 filters with padding 1 give")
        top = Blob((n, c + self.numTransition * self.growthRate, *sizes))
        # A blob's bounds hold for the largest weight too: no file can ask for more memory than a blob may.
        Blob((self.growthRate, max(top.shape[1], _WIDER * self.growthRate), 3, 3))
        Blob((_WIDER * self.growthRate, top.shape[1]))
        return (top,)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """For all transitions the filters, then scales, biases, means, variances; the same of bottlenecks; a factor."""
        k, first = self.growthRate, bottoms[0].shape[1]
        read = [first + number * k for number in range(self.numTransition)]
        wide = [_WIDER * k] * self.numTransition
        found: dict[str, WeightAxes] = {}
        for number, c in enumerate(wide if self.use_BC else read):
            found[f"{number}.filter"] = (k, c, 3, 3)
        found |= {f"{number}.{name}": (1, c, 1, 1) for name in _NORMAL for number, c in enumerate(read)}
        if self.use_BC:
            found |= {f"{number}.wide.filter": (_WIDER * k, c, 1, 1) for number, c in enumerate(read)}
            found |= {f"{number}.wide.{name}": (1, c, 1, 1) for name in _NORMAL for number, c in enumerate(wide)}
        return found | {"scale_factor": (1,)}

    def params_for(self, count: int) -> "DenseBlock | None":
        """Ten weights a transition, and the factor, are those with bottlenecks; five those without."""
        for use, each in ((False, _PLAIN), (True, _BOTTLENECK)):
            if count == each * self.numTransition + 1:
                return replace(self, use_BC=use)
        return None

    def pieces(self) -> Iterator[Piece]:
        """Give the layers that the block stands for, in order; the last one's top is the block's."""
        joined = BOTTOM
        for number in range(self.numTransition):
            own = f"{number}"
            yield from _normal(own, joined)
            if self.use_BC:
                filters = _WIDER * self.growthRate
                yield _convolution(f"{own}.wide", f"{own}.relu", num_output=filters, kernel_size=(1,))
                yield from _normal(f"{own}.wide", f"{own}.wide.filter")
            read = f"{own}.wide.relu" if self.use_BC else f"{own}.relu"
            yield _convolution(own, read, num_output=self.growthRate, kernel_size=(3,), pad=(1,))
            yield Piece(f"{own}.join", Concat(), (joined, f"{own}.filter"), {})
            joined = f"{own}.join"

    def weights_of(self, piece: Piece, weights: Weights) -> dict[str, Array]:
        """Return the weights of a piece, whose filters are not turned around, out of those of the block."""
        found = {name: weights[source] for name, source in piece.weights.items()}
        if "weight" in found:
            return {"weight": np.ascontiguousarray(found["weight"][:, :, ::-1, ::-1])}
        return {name: array.reshape(-1) for name, array in found.items()}

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """One piece after another."""
        blobs = {BOTTOM: bottoms[0]}
        for piece in self.pieces():
            read = [blobs[name] for name in piece.reads]
            (blobs[piece.name],) = piece.params.reference(read, self.weights_of(piece, weights), 1)
        return (blobs[piece.name],)

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """Those of the convolutions."""
        places = tops[0].size // tops[0].shape[1]
        return places * sum(prod(shape) for name, shape in self.weight_shapes(bottoms).items() if "filter" in name)

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """All that the pieces give, three times what is joined, and the patches of a 3x3 window."""
        c, shape = bottoms[0].shape[1], tops[0].shape
        widest = _WIDER * self.growthRate if self.use_BC else shape[1]
        kept = 3 * sum(c + number * self.growthRate for number in range(self.numTransition + 1))
        return tops[0].bytes // shape[1] * (kept + 2 * 9 * widest)

    def why_fixed(self, bottoms: Blobs) -> str:
        """Say how many layers it is."""
        return f"is {self.numTransition} transitions in one layer"


def _normal(own: str, read: str) -> Iterator[Piece]:
    """Give a BatchNorm that is learned and kept, and the ReLU after it."""
    weights = {"mean": f"{own}.mean", "variance": f"{own}.variance", "scale_factor": "scale_factor"}
    weights |= {"scale": f"{own}.scale", "bias": f"{own}.bias"}
    yield Piece(f"{own}.normal", BatchNorm(scale_bias=True), (read,), weights)
    yield Piece(f"{own}.relu", ReLU(), (f"{own}.normal",), {})


def _convolution(own: str, read: str, **fields: Any) -> Piece:
    """Return a convolution without a bias."""
    return Piece(f"{own}.filter", Convolution(bias_term=False, **fields), (read,), {"weight": f"{own}.filter"})


def unfolded(net: Net) -> Net:
    """Return the net with the layers that its DenseBlocks stand for in their place."""
    if not any(isinstance(layer.params, DenseBlock) for layer in net.layers):
        return net
    return net.replace(layers=tuple(each for layer in net.layers for each in _unfolded(layer)))


def _unfolded(layer: Layer) -> Iterator[Layer]:
    """Give the layers that a DenseBlock stands for, or the very layer where it is another."""
    block = layer.params
    if not isinstance(block, DenseBlock):
        yield layer
        return
    pieces = list(block.pieces())
    blobs = {piece.name: f"{layer.name}/{piece.name}" for piece in pieces}
    blobs |= {BOTTOM: layer.bottoms[0], pieces[-1].name: layer.tops[0]}
    for piece in pieces:
        read, weights = tuple(blobs[name] for name in piece.reads), {}
        if layer.weights:
            weights = block.weights_of(piece, layer.weights)
        yield Layer(f"{layer.name}/{piece.name}", piece.params, read, (blobs[piece.name],), weights)
