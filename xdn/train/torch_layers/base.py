"""The table of what computes each layer type in PyTorch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from xdn.graph.blob import Blob
from xdn.graph.layer import LayerParams
from xdn.registry import Registry


@dataclass(frozen=True)
class Mode:
    """What the layers do that are not the same in training and at test time.

    Parameters
    ----------
    dropout : bool
        Dropout draws what it keeps.
    learn_statistics : bool
        BatchNorm normalises by the batch's statistics, and its running ones move towards them.
    thaw : bool
        That holds for layers with `use_global_stats: true` too.
    momentum : float
        The batch's share in the new running statistics.
    """

    dropout: bool = False
    learn_statistics: bool = False
    thaw: bool = False
    momentum: float = 0.1


#: What computes a layer: (parameters, bottoms, weights, mode) -> the value of every top.
Compute = Callable[[Any, Sequence[Tensor], Mapping[str, Tensor], Mode], Tensor]
#: Whether a layer can do the work of the one behind it too: (parameters, bottoms) of the latter.
Absorbs = Callable[[LayerParams, Sequence[Blob]], bool]


@dataclass(frozen=True)
class TorchLayer:
    """One layer type in PyTorch.

    Parameters
    ----------
    compute : callable
        Computes the tops.
    fresh : bool
        The top is new memory that no gradient of this layer reads, so that its only reader may overwrite it.
    in_place : callable, optional
        Computes the same, but may overwrite the first bottom.
    absorbs : callable, optional
        Whether `compute` does the next layer's work where it is given that layer's weights too.
    """

    compute: Compute
    fresh: bool = False
    in_place: Compute | None = None
    absorbs: Absorbs | None = None


#: Every layer type that PyTorch can compute, by Caffe's name.
TORCH_LAYERS: Registry[TorchLayer] = Registry("layer type in PyTorch", "xdn.train.torch_layers")


def torch_layer(*types: str, **flags: Any) -> Callable[[Compute], Compute]:
    """Return a decorator that registers a function for layer types, with the flags of `TorchLayer`."""

    def enter(compute: Compute) -> Compute:
        TORCH_LAYERS.register(*types)(TorchLayer(compute, **flags))
        return compute

    return enter


def blobs_of(tensors: Sequence[Tensor]) -> list[Blob]:
    """Return the tensors' shapes as blobs, which the layers' shape rules take."""
    return [Blob(tuple(tensor.shape)) for tensor in tensors]
