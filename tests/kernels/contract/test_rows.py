"""InnerProduct over later axes than the channels, row by row, against the NumPy reference."""

import pytest

from tests.kernels.checks import LANES, activated, check_layer, one_layer_net, sums
from xdn.codegen.target import host_target
from xdn.errors import UnsupportedError
from xdn.graph import Epilogue
from xdn.kernels.core.family import Lowering, select
from xdn.layers.elu import ELU
from xdn.layers.prelu import PReLU


def test_products():
    """Two vectors of channels with a tail and one; several groups; tiles of two sizes and of one filter."""
    check_layer("InnerProduct", (LANES + 3, 3, 24), allowed=sums, num_output=37, axis=-1)
    check_layer("InnerProduct", (LANES, 2, 3, 5), allowed=sums, num_output=1, axis=3, transpose=True, bias_term=False)


@pytest.mark.slow
@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("filters", [13, 64])
def test_more_products(axis, filters):
    check_layer("InnerProduct", (2 * LANES + 1, 3, 7), allowed=sums, num_output=filters, axis=axis)


def test_a_residual_and_an_activation():
    epilogue = Epilogue(residual=True, activation=ELU(alpha=0.7))
    check_layer("InnerProduct", (LANES, 3, 8), allowed=activated, epilogue=epilogue, num_output=5, axis=2)


def _family(image, axis, epilogue=None):
    net = one_layer_net("InnerProduct", image, num_output=4, axis=axis, epilogue=epilogue)
    layer = net.layers[-1]
    bottoms, tops = net.bottom_blobs(layer), [net.blobs[top] for top in layer.tops]
    return select(Lowering(layer, bottoms, tops, host_target()))


def test_few_channels_and_slopes_along_channels_are_for_others():
    """Vectors of a few channels would be mostly padding; a row is of one output, whose channels differ in slope."""
    assert "row by row" in (_family((LANES, 3, 8), 2).__doc__ or "")
    for image, epilogue in (((1, 3, 8), None), ((LANES, 3, 8), Epilogue(activation=PReLU()))):
        with pytest.raises(UnsupportedError, match="no kernel executes"):
            _family(image, 2, epilogue)
