"""BoxOutput by hand."""

import numpy as np
import pytest

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.boxoutput import BoxOutput

SAID = {"field_h": (40,), "field_w": (20,), "downsample_rate": (8,), "fg_thr": 0.5}


def found(params, bottoms, n_tops=1):
    """Return the tops, whose rows are fewer than their shape rule says."""
    most = params.infer([Blob(bottom.shape) for bottom in bottoms], n_tops)
    tops = params.reference(bottoms, {}, n_tops)
    assert all(
        len(top) <= blob.shape[0] and top.shape[1:] == blob.shape[1:] for top, blob in zip(tops, most, strict=True)
    )
    return tops


def scale(n=1, h=4, w=6):
    """Return a scale without any box that is good enough."""
    return np.zeros((n, 6, h, w), np.float32)


def test_what_a_position_says():
    """The middle of position (2, 3) is (28, 20); a box of 20 x 40, moved by a fourth, and grown to twice its height."""
    x = scale()
    x[0, :, 2, 3] = [0.25, 1, 0.25, 0, 0, 9]
    regions, scored = found(BoxOutput(**SAID), [x], n_tops=2)
    # 28 + 5 - 10 is its left side; its upper one would lie 20 above the image, which is 32 high.
    np.testing.assert_allclose(regions[..., 0, 0], [[0, 23, 0, 43, 32]], rtol=1e-6)
    np.testing.assert_allclose(scored[..., 0, 0], [[0, 23, 0, 43, 32, 0.75]], rtol=1e-6)


def test_means_and_deviations():
    x = scale()
    x[0, :, 2, 3] = [0, 1, 0.5, 0, 0, 0]
    params = BoxOutput(**SAID, bbox_mean=(0.1, 0, 0, 0), bbox_std=(0.3, 1, 1, 1))
    (regions,) = found(params, [x])
    np.testing.assert_allclose(regions[0, 1:, 0, 0], [23, 0, 43, 32], rtol=1e-6)


def test_the_best_of_all_scales_are_kept():
    """Neighbours of a position overlap it; the second scale has a box elsewhere, the second image none at all."""
    first, second = scale(2), scale(2, 2, 3)
    first[0, 1, 2, 2:4] = [1, 2]
    second[0, 1, 1, 0] = 3
    said = {**SAID, "field_h": (40, 16), "field_w": (20, 16), "downsample_rate": (8, 16), "iou_thr": 0.3}
    (regions,) = found(BoxOutput(**said), [first, second])
    assert regions[..., 0, 0].tolist() == [[0, 0, 16, 16, 32], [0, 18, 0, 38, 32]]
    (one,) = found(BoxOutput(**said, max_post_nms_num=1), [first, second])
    assert len(one) == 1
    (none,) = found(BoxOutput(**{**said, "min_size": 50.0}), [first, second])
    assert none[..., 0, 0].tolist() == [[0, 1, 1, 10, 10]]


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"field_h": ()}, ShapeError, "a positive number a bottom"),
        ({"downsample_rate": (0,)}, ShapeError, "a positive number a bottom"),
        ({"field_whr": 1.0}, ShapeError, "is not above 1"),
        ({"bbox_mean": (0.0,)}, ShapeError, "give four, or none"),
        ({"nms_type": "IOMU"}, UnsupportedError, "nms_type 'IOMU'"),
    ],
)
def test_what_does_not_fit_is_refused(fields, error, message):
    with pytest.raises(error, match=message):
        BoxOutput(**{**SAID, **fields}).infer([Blob((1, 6, 4, 6))], 1)


def test_bottoms_are_scales():
    with pytest.raises(ShapeError, match="of two classes or more"):
        BoxOutput(**SAID).infer([Blob((1, 5, 4, 6))], 1)
