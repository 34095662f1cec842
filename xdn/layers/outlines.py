"""Outlines of things that stand at an angle, as text does: what a detector gives of them beside boxes.

An outline is a quadrilateral, four corners from the upper left one on, clockwise (x, y each), or a rectangle: its two
upper corners and its height. The source is bbox_util.cpp of TextBoxes++ (Liao et al. 2018).
"""

import numpy as np

from xdn.graph import Array

#: Values of a quadrilateral, and of a rectangle.
QUADRILATERAL, RECTANGLE = 8, 5


def decoded(coded: Array, priors: Array, variances: Array) -> Array:
    """Return outlines (N, 8) or (N, 5) that are coded relative to boxes.

    Parameters
    ----------
    coded : (N, 8) or (N, 5)
        Moves of a box' corners, or from its middle to two corners, in its width and height; then the logarithm of how
        much its height grows.
    priors, variances : (N, 4)
        The boxes, and what is multiplied with the codes: of x, of y, (not read), of a height.
    """
    width, height = (priors[:, 2:] - priors[:, :2]).T
    if coded.shape[1] == QUADRILATERAL:
        begins = priors[:, [0, 1, 2, 1, 2, 3, 0, 3]]
    else:
        begins = np.tile((priors[:, :2] + priors[:, 2:]) / 2, 2)
    moves = coded[:, : begins.shape[1]]
    scale = np.tile(np.stack([variances[:, 0] * width, variances[:, 1] * height], axis=1), begins.shape[1] // 2)
    corners: Array = begins + moves * scale
    if coded.shape[1] == QUADRILATERAL:
        return corners
    with np.errstate(over="ignore"):
        grown = np.exp(variances[:, 3] * coded[:, -1]) * height
    return np.column_stack([corners, grown])
