"""PReLU and Dropout in PyTorch; functions of each element: pointwise.py."""

from torch import Tensor
from torch.nn import functional as F

from xdn.layers.dropout import Dropout
from xdn.layers.prelu import PReLU
from xdn.train.torch_layers.base import Given, torch_layer


@torch_layer("PReLU")
def prelu(params: PReLU, given: Given) -> Tensor:
    """PReLU; a shared slope is a list of one."""
    return F.prelu(given.x, given.weights["slope"].reshape(-1))


@torch_layer("Dropout")
def dropout(params: Dropout, given: Given) -> Tensor:
    """Training drops, and scales what it keeps by 1 / (1 - ratio) unless the file leaves that to the test phase."""
    if not given.mode.dropout:
        return given.x if params.factor == 1 else given.x * params.factor
    kept = F.dropout(given.x, params.dropout_ratio)
    return kept if params.scale_train else kept * (1 - params.dropout_ratio)
