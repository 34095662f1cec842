"""PSROIAlign: of the channels that each cell reads, ROIAlign's averages."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, compute, normal
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.psroialign import PSROIAlign
from xdn.layers.roialign import ROIAlign


@pytest.mark.parametrize("ratio", [2, 0])
def test_each_cell_has_its_own_channels(rng, ratio):
    maps = normal(rng, 2, 2 * 3 * 3, 7, 9)
    regions = np.array([[0, 3, 5, 50, 40], [1, -9, 20, 70, 90], [1, 30, 30, 31, 31]], np.float32)
    (whole,) = compute(ROIAlign(pooled_h=3, pooled_w=3, spatial_scale=0.125, sampling_ratio=ratio), [maps, regions])
    whole = whole.reshape(3, 2, 3, 3, 3, 3)
    expected = np.stack([[whole[:, :, i, j, i, j] for j in range(3)] for i in range(3)]).transpose(2, 3, 0, 1)
    params = PSROIAlign(spatial_scale=0.125, output_dim=2, group_size=3, sampling_ratio=ratio)
    check_layer(params, [maps, regions], expected, roundings=64, magnitude=4)


def test_what_does_not_fit_is_refused():
    blobs = [Blob((1, 8, 4, 4)), Blob((2, 5))]
    with pytest.raises(ShapeError, match="8 channels for output_dim 3"):
        PSROIAlign(spatial_scale=1.0, output_dim=3, group_size=2, sampling_ratio=2).infer(blobs, 1)
    with pytest.raises(UnsupportedError, match="no sampling_ratio"):
        PSROIAlign(spatial_scale=1.0, output_dim=2, group_size=2).infer(blobs, 1)
