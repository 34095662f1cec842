"""The table of what computes each layer type in PyTorch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from xdn.errors import UnsupportedError
from xdn.graph import Blob, LayerParams
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


#: The one value of all tops, or one for each of them.
Values = Tensor | tuple[Tensor, ...]
#: What computes a layer: (parameters, bottoms, weights, mode) -> the tops' values.
Compute = Callable[[Any, Sequence[Tensor], Mapping[str, Tensor], Mode], Values]
#: The same for layers whose tops depend on how many there are: it takes `n_tops` too.
ComputeTops = Callable[[Any, Sequence[Tensor], Mapping[str, Tensor], Mode, int], tuple[Tensor, ...]]
C = TypeVar("C", bound=Compute | ComputeTops)
#: Whether a layer can do the work of the one after it too: its own parameters, (parameters, bottoms) of the latter.
Absorbs = Callable[[Any, LayerParams, Sequence[Blob]], bool]


@dataclass(frozen=True)
class TorchLayer:
    """One layer type in PyTorch.

    Parameters
    ----------
    compute : callable
        Computes the tops; a `ComputeTops` where `counts_tops`.
    counts_tops : bool
        The tops depend on their number.
    fresh : bool
        The top is new memory that no gradient of this layer reads, so that its only reader may overwrite it.
    in_place : callable, optional
        Computes the same, but may overwrite the first bottom.
    absorbs : callable, optional
        Whether `compute` does the next layer's work where it is given that layer's weights too.
    """

    compute: Compute | ComputeTops
    counts_tops: bool = False
    fresh: bool = False
    in_place: Compute | None = None
    absorbs: Absorbs | None = None

    def for_tops(self, n_tops: int) -> Compute:
        """Return what computes so many tops."""
        if not self.counts_tops:
            return cast(Compute, self.compute)
        compute = cast(ComputeTops, self.compute)
        return lambda params, bottoms, weights, mode: compute(params, bottoms, weights, mode, n_tops)


#: Every layer type that PyTorch can compute, by Caffe's name.
TORCH_LAYERS: Registry[TorchLayer] = Registry("layer type in PyTorch", "xdn.train.torch_layers")


def torch_layer(*types: str, **flags: Any) -> Callable[[C], C]:
    """Return a decorator that registers a function for layer types, with the flags of `TorchLayer`."""

    def enter(compute: C) -> C:
        TORCH_LAYERS.register(*types)(TorchLayer(compute, **flags))
        return compute

    return enter


def blobs_of(tensors: Sequence[Tensor]) -> list[Blob]:
    """Return the tensors' shapes as blobs, which the layers' shape rules take."""
    return [Blob(tuple(tensor.shape)) for tensor in tensors]


def refuse_gradient(bottoms: Sequence[Tensor]) -> None:
    """Raise UnsupportedError where a gradient is to pass a layer that gives none."""
    if torch.is_grad_enabled() and any(bottom.requires_grad for bottom in bottoms):
        raise UnsupportedError(
            "no gradient passes a layer of this type",
            mend="Train a net that ends before it; without gradients (torch.no_grad) it is computed",
        )
