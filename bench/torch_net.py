"""A `Net` as a PyTorch module."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xdn.errors import UnsupportedError
from xdn.graph import Layer, Net, Shape
from xdn.layers.function import Function


@dataclass(frozen=True)
class Site:
    """One layer of the net: its parameters, and the shape of one image of its first bottom."""

    params: Any
    image_shape: Shape


#: (the layer, its weights by name, its bottoms) -> its top.
Run = Callable[[Site, dict[str, Tensor], Sequence[Tensor]], Tensor]
RUNS: dict[str, Run] = {}


def runs(*types: str) -> Callable[[Run], Run]:
    """Enter what runs these layer types."""

    def enter(run: Run) -> Run:
        RUNS.update(dict.fromkeys(types, run))
        return run

    return enter


@runs("Convolution")
def _convolution(site: Site, weights: dict[str, Tensor], bottoms: Sequence[Tensor]) -> Tensor:
    w = site.params.window(2)
    bias = weights.get("bias")
    return F.conv2d(bottoms[0], weights["weight"], bias, w.stride, w.pad, w.dilation, site.params.group)


@runs("InnerProduct")
def _inner_product(site: Site, weights: dict[str, Tensor], bottoms: Sequence[Tensor]) -> Tensor:
    weight = weights["weight"].T if site.params.transpose else weights["weight"]
    return F.linear(bottoms[0].flatten(site.params.axis), weight, weights.get("bias"))


@runs("BatchNorm")
def _batch_norm(site: Site, weights: dict[str, Tensor], bottoms: Sequence[Tensor]) -> Tensor:
    factor = torch.nan_to_num(1 / weights["scale_factor"], posinf=0.0)
    return F.batch_norm(bottoms[0], weights["mean"] * factor, weights["variance"] * factor, eps=site.params.eps)


@runs("Scale")
def _scale(site: Site, weights: dict[str, Tensor], bottoms: Sequence[Tensor]) -> Tensor:
    (y,) = site.params.computed(torch, bottoms, weights, 1)
    return y


@runs("Pooling")
def _pooling(site: Site, weights: dict[str, Tensor], bottoms: Sequence[Tensor]) -> Tensor:
    params = site.params
    w = params.window(site.image_shape[1:])
    ceil = params.ceil_mode and params.round_mode == "CEIL"
    if params.pool == "MAX":
        return F.max_pool2d(bottoms[0], w.kernel, w.stride, w.pad, ceil_mode=ceil)
    return F.avg_pool2d(bottoms[0], w.kernel, w.stride, w.pad, ceil_mode=ceil)


@runs("LRN")
def _lrn(site: Site, weights: dict[str, Tensor], bottoms: Sequence[Tensor]) -> Tensor:
    return F.local_response_norm(bottoms[0], site.params.local_size, site.params.alpha, site.params.beta, site.params.k)


@runs("Eltwise")
def _eltwise(site: Site, weights: dict[str, Tensor], bottoms: Sequence[Tensor]) -> Tensor:
    join = {"SUM": torch.add, "PROD": torch.mul, "MAX": torch.maximum}[site.params.operation]
    parts = [x * c for x, c in zip(bottoms, site.params.coeff, strict=True)] if site.params.coeff else bottoms
    total = parts[0]
    for part in parts[1:]:
        total = join(total, part)
    return total


def _function(site: Site, weights: dict[str, Tensor], bottoms: Sequence[Tensor]) -> Tensor:
    return site.params.torch(F, bottoms[0])


@runs("PReLU")
def _prelu(site: Site, weights: dict[str, Tensor], bottoms: Sequence[Tensor]) -> Tensor:
    return F.prelu(bottoms[0], weights["slope"].flatten())


@runs("Concat")
def _concat(site: Site, weights: dict[str, Tensor], bottoms: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(bottoms), site.params.axis)


@runs("Softmax")
def _softmax(site: Site, weights: dict[str, Tensor], bottoms: Sequence[Tensor]) -> Tensor:
    return F.softmax(bottoms[0], site.params.axis)


@runs("Dropout")
def _dropout(site: Site, weights: dict[str, Tensor], bottoms: Sequence[Tensor]) -> Tensor:
    return bottoms[0] * site.params.factor if site.params.factor != 1 else bottoms[0]


@runs("Flatten")
def _flatten(site: Site, weights: dict[str, Tensor], bottoms: Sequence[Tensor]) -> Tensor:
    return bottoms[0].flatten(site.params.axis, site.params.end_axis)


def run_of(layer: Layer) -> Run:
    """Return what runs a layer.

    Raises
    ------
    UnsupportedError
        Where nothing does.
    """
    run = _function if isinstance(layer.params, Function) else RUNS.get(layer.type)
    if run is None or len(layer.tops) > 1:
        raise UnsupportedError(f"no PyTorch form of {layer.type}", where=f"layer {layer.name!r}")
    return run


class TorchNet(nn.Module):
    """The net's layers, run one after the other.

    The table covers what image classifiers use, not every parameter of every layer: the benchmark compares the
    outputs with the references before it times anything.

    Raises
    ------
    UnsupportedError
        Where the net has a layer type that this table lacks.
    """

    def __init__(self, net: Net):
        super().__init__()
        self._output = net.outputs[0]
        self._layers: list[tuple[Layer, Run, Site, dict[str, str]]] = []
        self._inputs = tuple(net.inputs)
        for number, layer in enumerate(net.layers):
            if layer in net.input_layers:
                continue
            run = run_of(layer)
            names = {name: f"w{number}_{name}" for name in layer.weights}
            for name, array in layer.weights.items():
                self.register_buffer(names[name], torch.from_numpy(array.copy()))
            self._layers.append((layer, run, Site(layer.params, net.bottom_blobs(layer)[0].shape[1:]), names))

    def forward(self, x: Tensor) -> Tensor:
        """Return the net's first output for its only input."""
        blobs = dict.fromkeys(self._inputs, x)
        for layer, run, site, names in self._layers:
            weights = {name: getattr(self, buffer) for name, buffer in names.items()}
            blobs[layer.tops[0]] = run(site, weights, [blobs[b] for b in layer.bottoms])
        return blobs[self._output]
