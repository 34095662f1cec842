"""The table of what computes each layer type in PyTorch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from xdn.errors import UnsupportedError
from xdn.graph import Blob, Blobs, LayerParams
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
    bf16_bits : int
        Layers that read integers multiply in bf16, and round the sums, where their filters have up to so many bits.
    """

    dropout: bool = False
    learn_statistics: bool = False
    thaw: bool = False
    momentum: float = 0.1
    bf16_bits: int = 0


@dataclass(frozen=True, eq=False)
class Given:
    """What a layer is computed from.

    Parameters
    ----------
    bottoms : sequence of Tensor
    weights : mapping
        Name -> tensor, those of the layer that is absorbed too.
    mode : Mode
    n_tops : int
        How many tops the layer has.
    overwrite : bool
        Whether the first bottom may be overwritten.
    """

    bottoms: Sequence[Tensor]
    weights: Mapping[str, Tensor]
    mode: Mode
    n_tops: int
    overwrite: bool

    @property
    def x(self) -> Tensor:
        """The first bottom."""
        return self.bottoms[0]

    @property
    def blobs(self) -> list[Blob]:
        """The bottoms' shapes as blobs, which the layers' shape rules take."""
        return [Blob(tuple(bottom.shape)) for bottom in self.bottoms]


#: What computes a layer from its parameters: the one value of all tops, or one for each of them.
Compute = Callable[[Any, Given], Tensor | tuple[Tensor, ...]]
C = TypeVar("C", bound=Compute)
#: Whether a layer can do the work of the one after it too: its own parameters, (parameters, bottoms) of the latter.
Absorbs = Callable[[Any, LayerParams, Blobs], bool]


@dataclass(frozen=True)
class TorchLayer:
    """One layer type in PyTorch.

    Parameters
    ----------
    compute : callable
        Computes the tops.
    fresh : bool
        The top is new memory that no gradient of this layer reads, so that its only reader may overwrite it.
    absorbs : callable, optional
        Whether `compute` does the next layer's work where it is given that layer's weights too.
    """

    compute: Compute
    fresh: bool = False
    absorbs: Absorbs | None = None


#: Every layer type that PyTorch can compute, by Caffe's name.
TORCH_LAYERS: Registry[TorchLayer] = Registry("layer type in PyTorch", "xdn.train.torch_layers")


def torch_layer(*types: str, **flags: Any) -> Callable[[C], C]:
    """Return a decorator that registers a function for layer types, with the flags of `TorchLayer`."""

    def enter(compute: C) -> C:
        TORCH_LAYERS.register(*types)(TorchLayer(compute, **flags))
        return compute

    return enter


def refuse_gradient(bottoms: Sequence[Tensor]) -> None:
    """Raise UnsupportedError where a gradient is to pass a layer that gives none."""
    if torch.is_grad_enabled() and any(bottom.requires_grad for bottom in bottoms):
        mend = "Train a net that ends before it; without gradients (torch.no_grad) it is computed"
        raise UnsupportedError("no gradient passes a layer of this type", mend=mend)


def of_each_top(found: Tensor | tuple[Tensor, ...], n_tops: int) -> tuple[Tensor, ...]:
    """Return the value of each top, given what a `Compute` returns."""
    return found if isinstance(found, tuple) else (found,) * n_tops
