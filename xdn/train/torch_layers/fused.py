"""Layers of a fused net, in PyTorch: their own result, the sum with a residual or projection, the activation."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from xdn.graph import Layer, LayerParams
from xdn.graph.epilogue import PROJECTION_PREFIX
from xdn.train.torch_layers.base import TORCH_LAYERS, Compute, Given, of_each_top
from xdn.train.torch_layers.integers import Learned, of_integers


def fused(layer: Layer, compute: Compute, given: Given, read: Sequence[Learned]) -> tuple[Tensor, ...]:
    """Return the tops of a layer that reads integers, or to which something is fused.

    Parameters
    ----------
    layer : Layer
    compute : callable
        Computes its type.
    given : Given
        The bottom that the epilogue reads is the last one.
    read : sequence of Learned
        How bottoms are read as integers, in their order; none in f32.
    """
    own = len(layer.own_bottoms)
    bottoms, added = given.bottoms[:own], given.bottoms[own:]
    top, *others = _computed(compute, layer.params, replace(given, bottoms=bottoms, overwrite=False), read[:own])
    epilogue = layer.epilogue
    if epilogue is None:
        return top, *others
    if epilogue.projection is not None:
        weights = {
            name.removeprefix(PROJECTION_PREFIX): weight
            for name, weight in given.weights.items()
            if name.startswith(PROJECTION_PREFIX)
        }
        projected = replace(given, bottoms=added, weights=weights, n_tops=1, overwrite=False)
        added = _computed(TORCH_LAYERS[epilogue.projection.type].compute, epilogue.projection, projected, read[own:])
    else:
        added = [*(how.values(x) for how, x in zip(read[own:], added, strict=False)), *added[len(read[own:]) :]]
    overwrite = TORCH_LAYERS[layer.type].fresh
    for each in added:
        top = top.add_(each) if overwrite and top.dtype == each.dtype else top + each
        overwrite = True
    if epilogue.activation is not None:
        activated = replace(given, bottoms=[top], n_tops=1, overwrite=overwrite)
        (top,) = _computed(TORCH_LAYERS[epilogue.activation.type].compute, epilogue.activation, activated, ())
    return top, *others


def _computed(compute: Compute, params: LayerParams, given: Given, read: Sequence[Learned]) -> Sequence[Tensor]:
    """Return the tops of what reads integers, or f32."""
    found = of_integers(compute, params, given, read) if read else compute(params, given)
    return of_each_top(found, given.n_tops)
