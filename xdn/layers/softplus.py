"""Softplus: BNLL under the name that ONNX, PyTorch and OpenCV have for it."""

from xdn.layers.base import layer_type
from xdn.layers.bnll import BNLL


@layer_type("Softplus")
class Softplus(BNLL):
    """Softplus: y = log(1 + exp(x)) (Dugas et al. 2001), which Caffe calls BNLL."""

    fusable = True
