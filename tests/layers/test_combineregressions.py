"""CombineRegressions by the loop over classes of DenseReg's Python layers."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.combineregressions import CombineRegressions


@pytest.mark.parametrize("residual", [True, False])
def test_reference(rng, residual):
    classes = [rng.integers(0, count, (2, 1, 4, 5)).astype(np.float32) for count in (3, 6)]
    added = [normal(rng, 2, count, 4, 5) for count in (3, 6)]
    expected = []
    for which, maps in zip(classes, added, strict=True):
        total = np.zeros(which.shape)
        for j in range(1, maps.shape[1]):
            total += maps[:, j : j + 1] * (which == j)
        if residual:
            total = (which + total - 1) / (maps.shape[1] - 1)
            total[total < 0] = -1
        expected.append(total if residual else np.minimum(np.maximum(total, 0), 1))
    check_layer(CombineRegressions(residual=residual), [*classes, *added], tuple(expected), roundings=1)


@pytest.mark.parametrize(
    ("shapes", "n_tops", "message"),
    [
        ([(1, 1, 2, 2)] * 2 + [(1, 3, 2, 2)] * 2, 3, "two maps of classes"),
        ([(1, 1, 2, 2)] * 2 + [(1, 3, 2, 2), (1, 3, 2, 1)], 2, "two maps of classes"),
        ([(1, 1, 2, 2)] * 4, 2, "one class"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, n_tops, message):
    with pytest.raises(ShapeError, match=message):
        CombineRegressions().infer([Blob(shape) for shape in shapes], n_tops)
