"""Windows over lines and volumes, in both schedules: the kernels know positions only, not how many axes they have."""

import pytest

from tests.kernels.checks import BATCH, activated, check_layer, exact, sums
from tests.layers.windows import BEYOND_IMAGES
from xdn.graph import Epilogue
from xdn.layers.convolution import Convolution
from xdn.layers.prelu import PReLU


@pytest.mark.parametrize("batch", [5, BATCH])
@pytest.mark.parametrize(("shape", "params"), BEYOND_IMAGES.values(), ids=BEYOND_IMAGES)
def test_windows(shape, params, batch):
    allowed = exact if getattr(params, "pool", "AVE") == "MAX" else sums
    check_layer(params.type, shape[1:], allowed=allowed, batch=batch, **vars(params))


@pytest.mark.parametrize("own", [{"kernel_size": 1}, {"kernel_size": 3, "pad": 1}], ids=["point", "window"])
def test_a_sum_with_a_projection_and_an_activation(own):
    projection = Convolution(num_output=6, kernel_size=(1,), stride=(2, 1, 2))
    epilogue = Epilogue(activation=PReLU(), projection=projection)
    check_layer("Convolution", (5, 3, 4, 2), (4, 5, 4, 3), allowed=activated, epilogue=epilogue, num_output=6, **own)


def test_places_of_maxima_are_numbered_over_the_volume():
    (_, places) = check_layer("Pooling", (3, 4, 5, 6), tops=2, kernel_size=(2, 3, 2), stride=2)
    assert places.max() > 5 * 6
