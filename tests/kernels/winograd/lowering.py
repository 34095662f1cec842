"""What the tests of Winograd's choice and lowering share: lowerings of one convolution."""

from tests.kernels.checks import one_layer_net
from xdn.codegen.target import host_target
from xdn.kernels.core.choice import FMA
from xdn.kernels.core.family import Lowering


def lowering_of(image, target=None, winograd=True, epilogue=None, **params):
    """Return the lowering of a convolution with a 3x3 kernel, if nothing else is said, over one image."""
    params = {"kernel_size": 3, "pad": 1, "num_output": 64} | params
    net = one_layer_net("Convolution", image, epilogue=epilogue, **params)
    layer = net.layers[-1]
    blobs = net.bottom_blobs(layer), net.top_blobs(layer)
    return Lowering(layer, *blobs, target or host_target(), (), winograd, precision=FMA)
