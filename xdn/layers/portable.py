"""Layers whose one formula computes on NumPy's arrays and on PyTorch's tensors."""

from abc import abstractmethod
from typing import Any

import numpy as np

from xdn.graph import Array, Arrays, Weights
from xdn.layers.base import CaffeLayer

#: The module numpy or torch.
Library = Any


class Portable(CaffeLayer):
    """Base of the layers that PyTorch computes as NumPy does: by functions and methods that both have."""

    @abstractmethod
    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Return the tops as Caffe computes them, f32, or views of the bottoms; with `lib` torch all are tensors."""

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """As `computed` says; what is a view of a bottom becomes an array of its own."""
        tops = self.computed(np, bottoms, weights, n_tops)
        return tuple(top if top.base is None else top.copy() for top in tops)
