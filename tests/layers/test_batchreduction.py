"""BatchReduction against NumPy's sums and means."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.batchreduction import BatchReduction


def said(**fields):
    return tuple(fields.items())


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_an_axis_goes(rng, axis):
    x = normal(rng, 3, 4, 5)
    check_layer(BatchReduction(reduction_param=said(axis=axis)), [x], x.astype(np.float64).sum(axis), roundings=1)
    mean = BatchReduction(level=(1,), reduction_param=said(operation="MEAN", axis=axis))
    check_layer(mean, [x], x.astype(np.float64).mean(axis), roundings=1)
    assert mean.joins_images([Blob(x.shape)]) == (axis == 0)


def test_levels(rng):
    x = normal(rng, 2, 14, 3)
    expected = np.stack([x[:, :1].mean(1), x[:, 1:5].mean(1), x[:, 5:].mean(1)], axis=1)
    params = BatchReduction(level=(1, 2, 3), reduction_param=said(operation="MEAN", axis=1))
    check_layer(params, [x], expected, magnitude=4)
    check_layer(
        BatchReduction(level=(2,), reduction_param=said(axis=0)),
        [x.reshape(4, -1)],
        x.reshape(4, -1).sum(0)[None],
        magnitude=8,
    )


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"level": (2,)}, ShapeError, "levels .* have 4 entries, the axis 3"),
        ({"level": (0, 1)}, ShapeError, "levels"),
        ({"reduction_param": said(axis=2)}, ShapeError, "axis"),
        ({"reduction_param": said(operation="ASUM")}, UnsupportedError, "operation ASUM"),
    ],
)
def test_what_does_not_fit_is_refused(fields, error, message):
    with pytest.raises(error, match=message):
        BatchReduction(**fields).infer([Blob((3, 4))], 1)
