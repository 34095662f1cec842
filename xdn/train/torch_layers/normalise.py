"""BatchNorm, BN, Scale, Bias, LRN and Softmax in PyTorch."""

import torch
from torch import Tensor
from torch.nn import functional as F

from xdn.errors import InputError
from xdn.graph import Blobs, LayerParams
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.bias import Bias
from xdn.layers.bn import BN
from xdn.layers.lrn import LRN
from xdn.layers.scale import Scale
from xdn.layers.softmax import Softmax
from xdn.train.torch_layers.base import Given, torch_layer
from xdn.train.torch_layers.window import pool


def channel_scale(params: LayerParams, bottoms: Blobs) -> bool:
    """Return whether the layer is a Scale with one learned factor a channel, which batch_norm applies itself."""
    return (
        isinstance(params, Scale)
        and len(bottoms) == 1
        and len(bottoms[0].shape) > 1
        and bottoms[0].axis(params.axis) == 1
        and params.num_axes == 1
    )


def takes_scale(params: BatchNorm, follower: LayerParams, bottoms: Blobs) -> bool:
    """Return whether `batch_norm` applies the layer after it too, which it cannot with factors of its own."""
    return not params.scale_bias and channel_scale(follower, bottoms)


def _check_batch(x: Tensor, shape: torch.Size) -> None:
    """Raise InputError where `x`, a bottom of `shape`, has one value a channel."""
    if x.numel() == x.shape[1]:
        raise InputError(
            f"a bottom of shape {tuple(shape)}: one value a channel has no variance",
            mend="Give batches of two images or more",
        )


@torch_layer("BatchNorm", fresh=True, absorbs=takes_scale)
def batch_norm(params: BatchNorm, given: Given) -> Tensor:
    """Batch normalisation, and its own scale and bias, or the Scale after it where its weights are given.

    The running variance takes the unbiased one of the batch, m / (m - 1) times that which normalises, as Caffe's.
    Raises InputError where a batch has one value a channel.
    """
    x = given.x if given.x.ndim > 1 else given.x.reshape(-1, 1)
    learn = given.mode.learn_statistics and (given.mode.thaw or not params.use_global_stats)
    by_batch = learn or params.batch_statistics
    if by_batch:
        _check_batch(x, given.x.shape)
    mean, variance = (None, None) if by_batch and not learn else (given.weights["mean"], given.weights["variance"])
    scale, bias = given.weights.get("scale"), given.weights.get("bias")
    y = F.batch_norm(x, mean, variance, scale, bias, by_batch, given.mode.momentum, params.eps)
    return y.reshape(given.x.shape)


@torch_layer("BN", fresh=True)
def bn(params: BN, given: Given) -> Tensor:
    """Batch normalisation with scale and shift; SegNet's has no running statistics, or no statistics at all.

    The running ones are learned as BatchNorm's. Raises InputError where a batch has one value a channel.
    """
    x, mode, weights = given.x, given.mode, given.weights
    scale, shift = weights["scale"], weights["shift"]
    if params.affine_only and not params.batch_statistics:
        return x * spread(scale, 1, x.ndim) + spread(shift, 1, x.ndim)
    by_batch = params.batch_statistics or mode.learn_statistics
    if by_batch:
        _check_batch(x, x.shape)
    eps = params.var_eps if params.affine_only else params.eps
    return F.batch_norm(x, weights.get("mean"), weights.get("variance"), scale, shift, by_batch, mode.momentum, eps)


def spread(operand: Tensor, axis: int, axes: int) -> Tensor:
    """Return `operand` with trailing axes of 1, so that it broadcasts from `axis` on over `axes` axes."""
    start = axis % axes if operand.ndim else 0
    return operand.reshape(tuple(operand.shape) + (1,) * (axes - start - operand.ndim))


@torch_layer("Scale", fresh=True)
def scale(params: Scale, given: Given) -> Tensor:
    """Multiply by the learned or the given operand, then add the bias."""
    x = given.x
    y = x * spread(given.bottoms[1] if len(given.bottoms) > 1 else given.weights["scale"], params.axis, x.ndim)
    return y + spread(given.weights["bias"], params.axis, x.ndim) if params.bias_term else y


@torch_layer("Bias", fresh=True)
def bias(params: Bias, given: Given) -> Tensor:
    """Add the learned or the given operand."""
    x = given.x
    return x + spread(given.bottoms[1] if len(given.bottoms) > 1 else given.weights["bias"], params.axis, x.ndim)


@torch_layer("Softmax")
def softmax(params: Softmax, given: Given) -> Tensor:
    """Softmax along the same axis."""
    return F.softmax(given.x, params.axis)


@torch_layer("LRN")
def lrn(params: LRN, given: Given) -> Tensor:
    """Over channels as PyTorch has it; over positions x * (1 + alpha * average of squares) ** -beta."""
    x = given.x
    if params.norm_region == "ACROSS_CHANNELS":
        return F.local_response_norm(x, params.local_size, params.alpha, params.beta, params.k)
    return x * (1 + params.alpha * pool(params.squares_pooling(), x * x)) ** -params.beta
