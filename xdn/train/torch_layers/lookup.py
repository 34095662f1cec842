"""Embed in PyTorch."""

from collections.abc import Mapping, Sequence

from torch import Tensor
from torch.nn import functional as F

from xdn.layers.embed import Embed
from xdn.train.torch_layers.base import Mode, torch_layer


@torch_layer("Embed")
def embed(params: Embed, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Rows of the weight, which has the gradient, and the bias; the numbers have none."""
    rows = bottoms[0].detach().float().nan_to_num().clamp(0, params.input_dim - 1).long()
    found = F.embedding(rows, weights["weight"])
    return found + weights["bias"] if params.bias_term else found
