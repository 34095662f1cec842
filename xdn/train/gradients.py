"""Gradients of the loss by a net's weights, for criteria that weigh filters by them."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch.nn import functional as F

from xdn.graph import Array, Net
from xdn.train.module import NetModule
from xdn.train.parameters import WeightKey, owners, parameter_name


def weight_gradients(net: Net, batches: Iterable[tuple[Array, Array]]) -> Iterator[dict[WeightKey, Array]]:
    """Yield, batch by batch, (layer, weight) -> gradient of the batch's mean cross entropy, f32.

    The net computes as at test time: BatchNorm's statistics are constants, and have no gradient. Weights that are
    shared have the gradient by the one array, under each layer's name.

    Parameters
    ----------
    net : Net
        Plain, with weights and one input; its first output is a classifier's.
    batches : iterable of ((N, C, H, W) f32, (N,) int)
        Input values, transformed, and labels.

    Yields
    ------
    dict
        Arrays of the weights' shapes; zeros for weights that the first output does not depend on.
    """
    net.require_weights()
    module = NetModule(net).eval()
    learned = dict(module.named_parameters())
    for images, labels in batches:
        logits = module(torch.tensor(np.ascontiguousarray(images, np.float32)))
        loss = F.cross_entropy(logits, torch.tensor(np.asarray(labels, np.int64)))
        found = torch.autograd.grad(loss, list(learned.values()), allow_unused=True, materialize_grads=True)
        arrays = {name: np.ascontiguousarray(gradient) for name, gradient in zip(learned, found, strict=True)}
        yield {
            (layer, weight): arrays[parameter_name(*owner)].reshape(net.layer(layer).weights[weight].shape)
            for (layer, weight), owner in owners(net).items()
            if parameter_name(*owner) in arrays
        }
