"""PriorBox against plain loops and OpenCV over sizes, ratios, steps and image sizes."""

import math

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import FEW, check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.priorbox import PriorBox

#: map (H, W), image (H, W), parameters
CASES = [
    ((3, 4), (60, 70), {"min_size": (10.0,), "variance": (0.1,)}),
    ((1, 1), (300, 300), {"min_size": (264.0,), "max_size": (315.0,), "aspect_ratio": (2.0,), "variance": (0.1,)}),
    ((4, 5), (60, 70), {"min_size": (10.0, 30.0), "aspect_ratio": (2.0, 3.0), "variance": (0.1, 0.1, 0.2, 0.2)}),
    (
        (5, 3),
        (100, 80),
        {
            "min_size": (16.0, 32.0),
            "max_size": (32.0, 48.0),
            "aspect_ratio": (2.0, 3.0),
            "step": 16.0,
            "offset": 0.25,
            "variance": (0.1, 0.1, 0.2, 0.2),
            "clip": True,
        },
    ),
    ((2, 3), (60, 70), {"min_size": (10.0,), "aspect_ratio": (2.0, 3.0), "flip": False, "variance": (0.3,)}),
    ((2, 3), (60, 70), {"min_size": (10.0,), "step_h": 7.0, "step_w": 9.0, "variance": (0.1,)}),
    ((3, 2), (60, 70), {"min_size": (30.0,), "aspect_ratio": (2.0, 0.5, 1.0, 2.0), "variance": (0.1,)}),
]


def _naive(params, size, image):
    """Return the top by loops over positions and boxes, in f64."""
    ratios = [1.0]
    for ratio in params.aspect_ratio:
        if min(abs(ratio - known) for known in ratios) >= 1e-6:
            ratios.append(ratio)
            if params.flip:
                ratios.append(1 / ratio)
    corners = []
    for row in range(size[0]):
        for column in range(size[1]):
            y = (row + params.offset) * (params.step_h or params.step or image[0] / size[0])
            x = (column + params.offset) * (params.step_w or params.step or image[1] / size[1])
            for number, least in enumerate(params.min_size):
                boxes = [(least, least)]
                if params.max_size:
                    boxes.append((math.sqrt(least * params.max_size[number]),) * 2)
                boxes += [(least * math.sqrt(r), least / math.sqrt(r)) for r in ratios if r != 1]
                for width, height in boxes:
                    corners += [(x - width / 2) / image[1], (y - height / 2) / image[0]]
                    corners += [(x + width / 2) / image[1], (y + height / 2) / image[0]]
    if params.clip:
        corners = [min(max(corner, 0), 1) for corner in corners]
    variance = params.variance if len(params.variance) == 4 else (params.variance or (0.1,)) * 4
    return np.array([[corners, list(variance) * (len(corners) // 4)]])


def _bottoms(rng, size, image):
    return [normal(rng, 2, 3, *size), normal(rng, 2, 3, *image)]


@pytest.mark.parametrize(("size", "image", "fields"), CASES)
def test_reference(rng, size, image, fields):
    bottoms, params = _bottoms(rng, size, image), PriorBox(**fields)
    # A centre and half a size are added: relative to their sum, a few roundings. None is beyond two images.
    expected = _naive(params, size, image)
    check_layer(params, bottoms, expected, magnitude=2)
    # The step of OpenCV's message counts as given even where it is 0, and clipping is its default.
    said = {"clip": False, **fields}
    other = {("prior_box_param", name): value for name, value in said.items()}
    check_layer(params, bottoms, run_opencv(params, bottoms, other=other), magnitude=2, roundings=2 * FEW)


@pytest.mark.parametrize(
    ("fields", "image"),
    [
        ({"img_size": 120}, (120, 120)),
        ({"img_h": 90, "img_w": 50}, (90, 50)),
        ({}, (60, 70)),
    ],
)
def test_the_image_may_have_another_size_than_the_second_bottom(rng, fields, image):
    params = PriorBox(min_size=(10.0,), **fields)
    check_layer(params, _bottoms(rng, (4, 5), (60, 70)), _naive(params, (4, 5), image), magnitude=2)


def test_variance_is_a_tenth_by_default(rng):
    (top,) = PriorBox(min_size=(10.0,)).reference(_bottoms(rng, (2, 2), (8, 8)), {}, 1)
    assert (top[0, 1] == np.float32(0.1)).all()


def test_sizes_are_whole_numbers_of_pixels(rng):
    """prior_box_layer.cpp holds them in an int."""
    bottoms = _bottoms(rng, (2, 3), (60, 70))
    expected = PriorBox(min_size=(30.0,), max_size=(60.0,), aspect_ratio=(2.0,)).reference(bottoms, {}, 1)
    check_layer(PriorBox(min_size=(30.9,), max_size=(60.5,), aspect_ratio=(2.0,)), bottoms, expected, roundings=0)


def test_ratios_that_are_known_are_left_out():
    def ratios(*given, flip=True):
        return PriorBox(aspect_ratio=given, flip=flip).ratios()

    assert ratios() == [1]
    assert ratios(1.0) == [1]
    assert ratios(2.0, 3.0) == [1, 2, 1 / 2, 3, 1 / 3]
    assert ratios(2.0, 0.5, 2.0) == [1, 2, 0.5]
    assert ratios(3.0, 0.3333333) == [1, 3, 1 / 3]
    assert ratios(2.0, 0.5, flip=False) == [1, 2, 0.5]
    assert ratios(2.0, 2.0000005, 1.9999995, 2.000002, 0.9999995, flip=False) == [1, 2, 2.000002]
    # Many take no longer than their number: each is compared with its neighbours only.
    assert len(ratios(*map(float, range(2, 50002)))) == 100001


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({"min_size": (10.0,)}, [(1, 2, 3, 4)], "a map and the image"),
        ({"min_size": (10.0,)}, [(1, 2, 3, 4)] * 3, "a map and the image"),
        ({"min_size": (10.0,)}, [(1, 2, 3, 4), (1, 2, 3)], "a map and the image"),
        ({}, [(1, 2, 3, 4)] * 2, "min_size is missing"),
        ({"min_size": (0.0,)}, [(1, 2, 3, 4)] * 2, "not positive"),
        ({"min_size": (float("nan"),)}, [(1, 2, 3, 4)] * 2, "not positive"),
        ({"min_size": (float("inf"),)}, [(1, 2, 3, 4)] * 2, "not positive"),
        ({"min_size": (1.0,), "max_size": (-2.0,)}, [(1, 2, 3, 4)] * 2, "not positive"),
        ({"min_size": (1.0,), "aspect_ratio": (0.0,)}, [(1, 2, 3, 4)] * 2, "aspect_ratio"),
        ({"min_size": (1.0,), "variance": (0.1, 0.1, 0.0, 0.1)}, [(1, 2, 3, 4)] * 2, "variance"),
        ({"min_size": (1.0,), "variance": (0.1, 0.1)}, [(1, 2, 3, 4)] * 2, "2 variance"),
        ({"min_size": (1.0,), "max_size": (2.0, 3.0)}, [(1, 2, 3, 4)] * 2, "2 max_size for 1 min_size"),
        ({"min_size": (1.0,), "step": -1.0}, [(1, 2, 3, 4)] * 2, "step -1"),
        ({"min_size": (1.0,), "step_w": float("nan")}, [(1, 2, 3, 4)] * 2, "step_w nan"),
        ({"min_size": (1.0,), "offset": float("inf")}, [(1, 2, 3, 4)] * 2, "offset inf"),
        ({"min_size": (1.0,) * 99}, [(1, 1, 1 << 15, 1 << 15), (1, 1, 1, 1)], "elements"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        PriorBox(**fields).infer([Blob(shape) for shape in shapes], 1)


def test_values_and_channels_play_no_part(rng):
    params, bottoms = PriorBox(min_size=(10.0,)), _bottoms(rng, (2, 3), (60, 70))
    shapes = [Blob(bottom.shape) for bottom in bottoms]
    assert params.reads_shapes_only
    assert params.channel_rule_for(shapes) is ChannelRule.FIXED
    others = [normal(rng, 5, 1, *bottom.shape[2:]) for bottom in bottoms]
    check_layer(params, others, params.reference(bottoms, {}, 1), roundings=0)


def test_the_number_of_ratios_is_bounded():
    bottoms = [Blob((1, 1, 1, 1)), Blob((1, 1, 1, 1))]
    ratios = tuple(range(2, 1026))
    PriorBox(min_size=(1.0,), aspect_ratio=ratios).infer(bottoms, 1)
    with pytest.raises(ShapeError, match="1025 aspect_ratio; at most 1024"):
        PriorBox(min_size=(1.0,), aspect_ratio=(*ratios, 3000.0)).infer(bottoms, 1)


def test_denser_boxes_stand_twice(rng):
    """TextBoxes++: the second one around (h + 1) steps instead of (h + offset)."""
    bottoms, said = _bottoms(rng, (2, 3), (60, 90)), {"min_size": (10.0,), "aspect_ratio": (5.0,), "step": 30.0}
    (once,) = PriorBox(**said).reference(bottoms, {}, 1)
    once = once.reshape(2, 6, 3, 4)
    below = once.copy()
    below[0, ..., 1::2] += np.float32(15 / 60)
    expected = np.stack([once, below], axis=3).reshape(1, 2, -1)
    check_layer(PriorBox(**said, denser_prior_boxes=True), bottoms, expected, magnitude=2)


def test_densified_boxes_stand_side_by_side(rng):
    """FaceBoxes' prior_box_layer.cpp: four a side 8 pixels apart, two 16 pixels apart, one for others."""
    params = PriorBox(min_size=(32.0, 64.0, 128.0), step=32.0, densified=True)
    expected = []
    for row, column in np.ndindex(2, 3):
        y, x = 32 * (row + 0.5), 32 * (column + 0.5)
        places = [(x + 8 * j, y + 8 * i, 31) for i in range(-2, 2) for j in range(-2, 2)]
        places += [(x + 16 * j, y + 16 * i, 63) for i in range(-1, 1) for j in range(-1, 1)]
        for at_x, at_y, side in (*places, (x, y, 127)):
            expected += [(at_x - side / 2) / 96, (at_y - side / 2) / 64, (at_x + side / 2) / 96, (at_y + side / 2) / 64]
    assert params.infer([Blob((1, 2, 2, 3)), Blob((1, 3, 64, 96))], 1) == (Blob((1, 2, 2 * 3 * 21 * 4)),)
    (top,) = params.reference(_bottoms(rng, (2, 3), (64, 96)), {}, 1)
    np.testing.assert_allclose(top[0, 0], expected, atol=1e-6)
