"""Reduction in PyTorch."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from xdn.layers.reduction import Reduction
from xdn.train.torch_layers.base import Mode, blobs_of, torch_layer


@torch_layer("Reduction")
def reduction(params: Reduction, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """The sum or the mean over the last axes as one, times coeff."""
    (top,) = params.infer(blobs_of(bottoms), 1)
    values = bottoms[0].reshape(*top.shape, -1)
    if params.operation == "MEAN":
        return values.mean(-1) * params.coeff
    terms = {"ASUM": values.abs, "SUMSQ": values.square}.get(params.operation, lambda: values)()
    return terms.sum(-1) * params.coeff
