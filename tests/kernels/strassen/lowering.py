"""What the tests of the choice and of lowering share: lowerings of one pointwise convolution."""

from tests.kernels.winograd.lowering import lowering_of


def pointwise(image, target=None, winograd=True, epilogue=None, **params):
    """Return the lowering of a convolution with a 1x1 kernel over one image."""
    return lowering_of(image, target, winograd, epilogue, **{"kernel_size": 1, "pad": 0} | params)
