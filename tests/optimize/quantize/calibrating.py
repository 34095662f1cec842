"""Nets that are calibrated in tests, fused as they run, and calibration images for them."""

import numpy as np

from tests.optimize.building import conv, data, layer, net_of
from xdn.optimize import PLAIN, POST_FUSION, apply_stages, stage_names
from xdn.optimize.quantize.instruments import Instruments


def fused(net):
    """Return a net as sessions run it."""
    return apply_stages(net, (*stage_names(PLAIN), *stage_names(POST_FUSION)))


def residual_net(seed=1):
    """Return a fused net with a stem, a max pool, a residual block, an average and a classifier."""
    return fused(
        net_of(
            data(1, 3, 12, 12),
            conv("stem", "data", 8, kernel=3, pad=1),
            layer("ReLU", "stem_relu", ["stem"]),
            layer("Pooling", "pool", ["stem_relu"], pool="MAX", kernel_size=2, stride=2),
            conv("a", "pool", 8, kernel=3, pad=1),
            layer("ReLU", "a_relu", ["a"]),
            conv("b", "a_relu", 8, kernel=3, pad=1),
            layer("Eltwise", "sum", ["b", "pool"]),
            layer("ReLU", "sum_relu", ["sum"]),
            layer("Pooling", "average", ["sum_relu"], pool="AVE", global_pooling=True),
            layer("InnerProduct", "fc", ["average"], num_output=5),
            layer("Softmax", "prob", ["fc"]),
            seed=seed,
        )
    )


def batches_of(net, images=32, at_once=8, seed=0):
    """Return a callable that gives normal images for the net's inputs, the same at every call."""
    rng = np.random.default_rng(seed)
    found = {
        name: rng.standard_normal((images, *blob.shape[1:])).astype(np.float32) for name, blob in net.inputs.items()
    }
    return lambda: (
        {name: array[start : start + at_once] for name, array in found.items()} for start in range(0, images, at_once)
    )


def instruments_for(net, **options):
    """Return what calibration may use: normal images, and the references."""
    return Instruments(batches_of(net, **options))
