"""ContinuationIndicator: zeros, then ones."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.continuationindicator import ContinuationIndicator


@pytest.mark.parametrize(
    ("fields", "shapes", "streams"),
    [
        ({"batch_size": 3}, [], 3),
        ({}, [(2, 5, 4, 4)], 2),
        ({"axis": 1}, [(4, 3, 8)], 3),
        ({"axis": -1, "batch_size": 9}, [(4, 3, 8)], 8),
    ],
)
@pytest.mark.parametrize("steps", [1, 4])
def test_reference(rng, fields, shapes, streams, steps):
    params = ContinuationIndicator(time_step=steps, **fields)
    expected = np.vstack([np.zeros((1, streams)), np.ones((steps - 1, streams))])
    check_layer(params, [normal(rng, *shape) for shape in shapes], expected, roundings=0)
    assert params.reads_shapes_only


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({"batch_size": 3}, [], "time_step 0"),
        ({"time_step": 3}, [], "0 streams"),
        ({"time_step": 3, "axis": 2}, [(4, 3)], "axis 2"),
        ({"time_step": 3}, [(4, 3)] * 2, "it takes none"),
        ({"time_step": 1 << 31, "batch_size": 4}, [], "more than"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        ContinuationIndicator(**fields).infer([Blob(shape) for shape in shapes], 1)
