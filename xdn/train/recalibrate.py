"""New BatchNorm statistics for changed weights, without training."""

from collections.abc import Callable, Iterable

import numpy as np
import torch

from xdn.errors import InputError
from xdn.graph import Array, Net
from xdn.train.module import NetModule
from xdn.train.torch_layers.base import Mode


def recalibrate(net: Net, batches: Iterable[Array], progress: Callable[[int], None] | None = None) -> Net:
    """Return `net` with each BatchNorm's mean and variance taken anew over `batches`, all other weights unchanged.

    They are the averages of the batches' means and unbiased variances (m / (m - 1) times the plain ones, as Caffe
    takes them), a batch counting by its images. Every BatchNorm normalises by the batch, so that later layers see
    what they will see; `use_global_stats: true` does not keep a layer out. Dropout is off.

    Parameters
    ----------
    net : Net
        Plain, with weights and one input.
    batches : iterable of (N, C, H, W) f32
        Input values, transformed. All of a large batch's activations are in memory at once, but for those that no
        later layer reads.
    progress : callable, optional
        Told the images done after each batch.

    Raises
    ------
    InputError
        Without any image, for a batch that does not fit, or one with a single value a channel.
    """
    net.require_weights()
    module = NetModule(net)
    for statistics in module.buffers():
        statistics.zero_()
    # Blobs that nothing reads: whatever lies before them is computed, outputs or not.
    ends = tuple(name for name, readers in net.consumers.items() if not readers)
    images = 0
    with torch.no_grad():
        for batch in batches:
            images += len(batch)
            mode = Mode(learn_statistics=True, thaw=True, momentum=len(batch) / max(images, 1))
            module.run(torch.tensor(np.ascontiguousarray(batch, np.float32)), ends, mode)
            if progress is not None:
                progress(images)
    if not images:
        raise InputError("there is no image to take statistics over")
    return module.to_net()
