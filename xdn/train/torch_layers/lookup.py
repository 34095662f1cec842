"""Embed in PyTorch."""

from torch import Tensor
from torch.nn import functional as F

from xdn.layers.embed import Embed
from xdn.train.torch_layers.base import Given, torch_layer


@torch_layer("Embed")
def embed(params: Embed, given: Given) -> Tensor:
    """Rows of the weight, which has the gradient, and the bias; the numbers have none."""
    rows = given.x.detach().float().nan_to_num().clamp(0, params.input_dim - 1).long()
    found = F.embedding(rows, given.weights["weight"])
    return found + given.weights["bias"] if params.bias_term else found
