"""Reduction in PyTorch."""

from torch import Tensor

from xdn.layers.reduction import Reduction
from xdn.train.torch_layers.base import Given, torch_layer


@torch_layer("Reduction")
def reduction(params: Reduction, given: Given) -> Tensor:
    """The sum or the mean over the last axes as one, times coeff."""
    (top,) = params.infer(given.blobs, 1)
    values = given.x.reshape(*top.shape, -1)
    if params.operation == "MEAN":
        return values.mean(-1) * params.coeff
    terms = {"ASUM": values.abs, "SUMSQ": values.square}.get(params.operation, lambda: values)()
    return terms.sum(-1) * params.coeff
