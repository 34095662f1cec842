"""Layers that normalise or sum up, in PyTorch: BatchNorm, BN, GroupNorm, LayerNorm, LRN, MVN, Softmax, Reduction."""

import torch
from torch import Tensor
from torch.nn import functional as F

from xdn.errors import InputError, UnsupportedError
from xdn.graph import Blobs, LayerParams
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.bn import BN
from xdn.layers.broadcast import along_channels
from xdn.layers.groupnorm import GroupNorm
from xdn.layers.layernorm import LayerNorm
from xdn.layers.lrn import LRN
from xdn.layers.mvn import MVN
from xdn.layers.reduction import Reduction
from xdn.layers.scale import Scale
from xdn.layers.softmax import Softmax
from xdn.train.torch_layers.base import Given, torch_layer
from xdn.train.torch_layers.window import pool


def takes_scale(params: BatchNorm, follower: LayerParams, bottoms: Blobs) -> bool:
    """Return whether `batch_norm` applies the layer after it too, which it cannot with factors of its own."""
    if params.scale_bias or not isinstance(follower, Scale):
        return False
    return along_channels(bottoms, follower.axis, follower.num_axes)


def _check_batch(x: Tensor, shape: torch.Size) -> None:
    """Raise InputError where `x`, a bottom of `shape`, has one value a channel."""
    if x.numel() == x.shape[1]:
        what = f"a bottom of shape {tuple(shape)}: one value a channel has no variance"
        raise InputError(what, mend="Give batches of two images or more")


@torch_layer("BatchNorm", fresh=True, absorbs=takes_scale)
def batch_norm(params: BatchNorm, given: Given) -> Tensor:
    """Batch normalisation, and its own scale and bias, or the Scale after it where its weights are given.

    The running variance takes the unbiased one of the batch, m / (m - 1) times that which normalises, as Caffe's.
    Raises InputError where a batch has one value a channel, and UnsupportedError where eps belongs to the deviation: it
    would have to be taken off the learned variance again.
    """
    if not params.add_eps_before_sqrt:
        raise UnsupportedError("a BatchNorm with add_eps_before_sqrt: false is not trained")
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
        by_channel = (-1, *(1,) * (x.ndim - 2))
        return x * scale.reshape(by_channel) + shift.reshape(by_channel)
    by_batch = params.batch_statistics or mode.learn_statistics
    if by_batch:
        _check_batch(x, x.shape)
    eps = params.var_eps if params.affine_only else params.eps
    return F.batch_norm(x, weights.get("mean"), weights.get("variance"), scale, shift, by_batch, mode.momentum, eps)


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


@torch_layer("MVN")
def mvn(params: MVN, given: Given) -> Tensor:
    """Subtract the mean, then divide by the deviation and eps.

    A root has no finite slope at 0: below the least normal f32 the variance counts as that, and has no gradient.
    """
    shape = given.x.shape
    x = given.x.reshape(shape[0], 1 if params.across_channels else shape[1], -1)
    centred = x - x.mean(2, keepdim=True)
    if params.normalize_variance:
        within, beside = params.added
        variance = centred.square().mean(2, keepdim=True) + within
        deviation = variance.clamp_min(torch.finfo(torch.float32).tiny).sqrt()
        centred = centred / (deviation + beside)
    return centred.reshape(shape)


@torch_layer("Reduction")
def reduction(params: Reduction, given: Given) -> Tensor:
    """The sum or the mean over the last axes as one, times coeff."""
    (top,) = params.infer(given.blobs, 1)
    values = given.x.reshape(*top.shape, -1)
    if params.operation == "MEAN":
        return values.mean(-1) * params.coeff
    terms = {"ASUM": values.abs, "SUMSQ": values.square}.get(params.operation, lambda: values)()
    return terms.sum(-1) * params.coeff


@torch_layer("GroupNorm", fresh=True)
def group_norm(params: GroupNorm, given: Given) -> Tensor:
    """The same by PyTorch's function."""
    return F.group_norm(given.x, params.group_num, eps=params.eps)


@torch_layer("LayerNorm", fresh=True)
def layer_norm(params: LayerNorm, given: Given) -> Tensor:
    """The same by PyTorch's function."""
    shape = params.normalised(given.blobs)
    return F.layer_norm(given.x, shape, given.weights["scale"], given.weights["bias"], params.eps)
