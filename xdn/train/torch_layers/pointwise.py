"""Layers that are one function of each element, in PyTorch: as the layer's own file says."""

from collections.abc import Mapping, Sequence
from typing import cast

from torch import Tensor
from torch.nn import functional

from xdn.layers.function import Function, functions
from xdn.train.torch_layers.base import Compute, Mode, refuse_gradient, torch_layer


def function(params: Function, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """The function; UnsupportedError where a gradient is to pass one that jumps, as in Caffe."""
    if params.jumps(1):
        refuse_gradient(bottoms)
    return cast(Tensor, params.torch(functional, bottoms[0]))


def _overwriting(params: Function, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """The same into the bottom."""
    return cast(Tensor, params.torch_in_place(functional, bottoms[0]))


def _in_place(cls: type[Function]) -> Compute | None:
    """Return what may overwrite the bottom, None for functions that do not say how."""
    return None if cls.torch_in_place is Function.torch_in_place else _overwriting


for _cls in functions():
    torch_layer(_cls.type, in_place=_in_place(_cls))(function)
