"""Outlines by the formulas of TextBoxes++, corner by corner."""

import math

import numpy as np

from tests.layers.oracles import normal
from xdn.layers.outlines import decoded

PRIORS = np.array([[0.1, 0.2, 0.5, 0.4], [0.3, 0.3, 0.4, 0.9]], np.float32)
VARIANCES = np.tile(np.float32([0.1, 0.2, 0.3, 0.4]), (2, 1))


def test_quadrilaterals_move_the_corners_of_a_box(rng):
    coded = normal(rng, 2, 8)
    for outline, code, (left, top, right, bottom) in zip(decoded(coded, PRIORS, VARIANCES), coded, PRIORS, strict=True):
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        for number, (x, y) in enumerate(corners):
            expected = x + 0.1 * code[2 * number] * (right - left), y + 0.2 * code[2 * number + 1] * (bottom - top)
            np.testing.assert_allclose(outline[2 * number : 2 * number + 2], expected, rtol=1e-6)


def test_rectangles_begin_in_the_middle_of_a_box(rng):
    coded = normal(rng, 2, 5)
    for outline, code, (left, top, right, bottom) in zip(decoded(coded, PRIORS, VARIANCES), coded, PRIORS, strict=True):
        width, height, x, y = right - left, bottom - top, (left + right) / 2, (top + bottom) / 2
        corners = [x + 0.1 * code[0] * width, y + 0.2 * code[1] * height]
        corners += [x + 0.1 * code[2] * width, y + 0.2 * code[3] * height]
        np.testing.assert_allclose(outline, [*corners, math.exp(0.4 * code[4]) * height], rtol=1e-6)
