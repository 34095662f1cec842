"""TextProposal against CTPN's loops, with its anchors as they are in pixels."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.textproposal import TextProposal

#: Top and bottom of the strips around the first position: 7.5 less and more half a height, cut off towards 0.
EDGES = [(2, 12), (0, 15), (-3, 18), (-8, 23), (-16, 31), (-26, 41), (-40, 55), (-61, 76), (-91, 106), (-133, 148)]


def loop(probabilities, deltas, size, stride):
    """Return boxes and scores, strip by strip, in f64."""
    h, w = probabilities.shape[2:]
    boxes, scores = [], []
    for y, x, a in np.ndindex(h, w, 10):
        top, bottom = (edge + y * stride for edge in EDGES[a])
        move, growth = deltas[0, 2 * a : 2 * a + 2, y, x].astype(np.float64)
        own = bottom - top + 1
        tall = np.exp(growth) * own
        begin = move * own + (top + bottom) / 2 - tall / 2
        corners = [x * stride, begin, 15 + x * stride, begin + tall]
        bounds = [size[1] - 1, size[0] - 1] * 2
        boxes.append([max(0, min(corner, bound)) for corner, bound in zip(corners, bounds, strict=True)])
        scores.append([probabilities[0, 10 + a, y, x]])
    return np.array(boxes), np.array(scores)


@pytest.mark.parametrize("stride", [16, 8])
def test_reference(rng, stride):
    probabilities, deltas = normal(rng, 1, 20, 3, 4), normal(rng, 1, 20, 3, 4)
    size = np.array([[50, 60, 1]], np.float32)
    expected = loop(probabilities, deltas, (50, 60), stride)
    # An exponential, and sums of numbers up to 3000.
    check_layer(TextProposal(feat_stride=stride), [probabilities, deltas, size], expected, magnitude=3000)


def test_strips_are_whole_pixels():
    strips = TextProposal().strips(1, 2)
    assert strips[:10].tolist() == [[0, top, 15, bottom] for top, bottom in EDGES]
    assert (strips[10:] - strips[:10]).tolist() == [[16, 0, 16, 0]] * 10


def test_the_size_of_an_image_is_made_up_as_it_is(rng):
    assert TextProposal().example(2, (1, 3), (50, 60), rng).tolist() == [[50, 60, 1]]
    assert TextProposal().example(0, (1, 20, 2, 2), (50, 60), rng) is None


@pytest.mark.parametrize(
    ("fields", "shapes", "n_tops", "message"),
    [
        ({}, [(1, 20, 2, 3)] * 2, 1, "it takes"),
        ({}, [(2, 20, 2, 3), (2, 20, 2, 3), (1, 2)], 1, "it takes"),
        ({}, [(1, 18, 2, 3), (1, 18, 2, 3), (1, 2)], 1, "it takes"),
        ({}, [(1, 20, 2, 3), (1, 40, 2, 3), (1, 2)], 1, "it takes"),
        ({}, [(1, 20, 2, 3), (1, 20, 2, 3), (1, 1)], 1, "it takes"),
        ({}, [(1, 20, 2, 3), (1, 20, 2, 3), (1, 2)], 3, "3 tops"),
        ({"feat_stride": 0}, [(1, 20, 2, 3), (1, 20, 2, 3), (1, 2)], 1, "feat_stride is 0"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, n_tops, message):
    with pytest.raises(ShapeError, match=message):
        TextProposal(**fields).infer([Blob(shape) for shape in shapes], n_tops)
