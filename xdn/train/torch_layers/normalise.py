"""BatchNorm, Scale, Bias, LRN and Softmax in PyTorch."""

from collections.abc import Mapping, Sequence

from torch import Tensor
from torch.nn import functional as F

from xdn.errors import InputError
from xdn.graph.blob import Blob
from xdn.graph.layer import LayerParams
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.bias import Bias
from xdn.layers.lrn import LRN
from xdn.layers.scale import Scale
from xdn.layers.softmax import Softmax
from xdn.train.torch_layers.base import Mode, torch_layer
from xdn.train.torch_layers.window import pool


def channel_scale(params: LayerParams, bottoms: Sequence[Blob]) -> bool:
    """Return whether the layer is a Scale with one learned factor a channel, which batch_norm applies itself."""
    return (
        isinstance(params, Scale)
        and len(bottoms) == 1
        and len(bottoms[0].shape) > 1
        and bottoms[0].axis(params.axis) == 1
        and params.num_axes == 1
    )


@torch_layer("BatchNorm", fresh=True, absorbs=channel_scale)
def batch_norm(params: BatchNorm, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Batch normalisation, and the Scale behind it where its weights are given.

    The running variance takes the unbiased one of the batch, m / (m - 1) times that which normalises, as Caffe's.
    Raises InputError where a batch has one value a channel.
    """
    x = bottoms[0] if bottoms[0].ndim > 1 else bottoms[0].reshape(-1, 1)
    learn = mode.learn_statistics and (mode.thaw or not params.use_global_stats)
    by_batch = learn or params.batch_statistics
    if by_batch and x.numel() == x.shape[1]:
        raise InputError(
            f"a bottom of shape {tuple(bottoms[0].shape)}: one value a channel has no variance",
            mend="Give batches of two images or more",
        )
    mean, variance = (None, None) if by_batch and not learn else (weights["mean"], weights["variance"])
    scale, bias = weights.get("scale"), weights.get("bias")
    y = F.batch_norm(x, mean, variance, scale, bias, by_batch, mode.momentum, params.eps)
    return y.reshape(bottoms[0].shape)


def _spread(operand: Tensor, axis: int, axes: int) -> Tensor:
    """Return `operand` with trailing axes of 1, so that it broadcasts from `axis` on over `axes` axes."""
    start = axis % axes if operand.ndim else 0
    return operand.reshape(tuple(operand.shape) + (1,) * (axes - start - operand.ndim))


@torch_layer("Scale", fresh=True)
def scale(params: Scale, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Multiply by the learned or the given operand, then add the bias."""
    x = bottoms[0]
    y = x * _spread(bottoms[1] if len(bottoms) > 1 else weights["scale"], params.axis, x.ndim)
    return y + _spread(weights["bias"], params.axis, x.ndim) if params.bias_term else y


@torch_layer("Bias", fresh=True)
def bias(params: Bias, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Add the learned or the given operand."""
    x = bottoms[0]
    return x + _spread(bottoms[1] if len(bottoms) > 1 else weights["bias"], params.axis, x.ndim)


@torch_layer("Softmax")
def softmax(params: Softmax, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Softmax along the same axis."""
    return F.softmax(bottoms[0], params.axis)


@torch_layer("LRN")
def lrn(params: LRN, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Over channels as PyTorch has it; over positions x * (1 + alpha * average of squares) ** -beta."""
    x = bottoms[0]
    if params.norm_region == "ACROSS_CHANNELS":
        return F.local_response_norm(x, params.local_size, params.alpha, params.beta, params.k)
    return x * (1 + params.alpha * pool(params.squares_pooling(), x * x)) ** -params.beta
