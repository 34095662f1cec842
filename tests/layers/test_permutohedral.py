"""The permutohedral lattice against its definition, point by point, and against a Gaussian filter."""

import numpy as np
import pytest

from xdn.errors import ShapeError
from xdn.layers.permutohedral import Lattice, check_widths


def by_hand(points, values):
    """Return values filtered as permutohedral.cpp does: a table of corners, whose keys are tuples."""
    d = points.shape[1]
    scales = [np.sqrt(2 / 3) * (d + 1) / np.sqrt((i + 2) * (i + 1)) for i in range(d)]
    table, laid = {}, []
    for point, value in zip(points.astype(np.float64), values, strict=True):
        elevated, total = np.zeros(d + 1), 0.0
        for j in range(d, 0, -1):
            moved = point[j - 1] * scales[j - 1]
            elevated[j] = total - j * moved
            total += moved
        elevated[0] = total
        base = np.array(
            [
                min((np.floor(e / (d + 1)) * (d + 1), np.ceil(e / (d + 1)) * (d + 1)), key=lambda b, e=e: abs(b - e))
                for e in elevated
            ]
        )
        order = np.argsort(-(elevated - base), kind="stable")
        rank = np.empty(d + 1, int)
        rank[order] = np.arange(d + 1)
        rank += round(base.sum() / (d + 1))
        for i in range(d + 1):
            move = (d + 1) * ((rank[i] < 0) - int(rank[i] > d))
            rank[i], base[i] = rank[i] + move, base[i] + move
        shares = np.zeros(d + 2)
        for i in range(d + 1):
            shares[d - rank[i]] += (elevated[i] - base[i]) / (d + 1)
            shares[d - rank[i] + 1] -= (elevated[i] - base[i]) / (d + 1)
        shares[0] += 1 + shares[d + 1]
        keys = [
            tuple(int(b + (r if k <= d - r else r - (d + 1))) for b, k in zip(base, rank, strict=True))
            for r in range(d + 1)
        ]
        laid.append((keys, shares))
        for key, share in zip(keys, shares, strict=False):
            table[key] = table.get(key, 0) + share * value
    for axis in range(d + 1):
        step = np.where(np.arange(d + 1) == axis, d, -1)
        sides = [{key: table.get(tuple(np.add(key, sign * step)), 0) for key in table} for sign in (1, -1)]
        table = {key: value + (sides[0][key] + sides[1][key]) / 2 for key, value in table.items()}
    scale = 1 / (1 + 2.0**-d)
    return np.array([scale * sum(s * table[k] for k, s in zip(keys, shares, strict=False)) for keys, shares in laid])


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_the_definition(rng, dimensions):
    points = (2 * rng.standard_normal((40, dimensions))).astype(np.float32)
    values = rng.standard_normal((2, 40)).astype(np.float32)
    lattice = Lattice.of(points)
    np.testing.assert_allclose(lattice.shares.sum(axis=0), 1, rtol=1e-5)
    assert lattice.shares.min() > -1e-5
    expected = np.stack([by_hand(points, row) for row in values])
    np.testing.assert_allclose(lattice.filtered(values), expected, rtol=1e-4, atol=1e-4)


def test_it_is_nearly_a_gaussian_filter(rng):
    """Normalised, of many points in a plane; the lattice is coarse, so that a tenth is what is asked."""
    points = np.indices((16, 16)).reshape(2, -1).T.astype(np.float32) / 3
    values = rng.random((1, 256), np.float32)
    lattice = Lattice.of(points)
    found = lattice.filtered(values) / lattice.filtered(np.ones((1, 256), np.float32))
    weights = np.exp(-((points[:, None] - points[None]) ** 2).sum(axis=2) / 2)
    np.testing.assert_allclose(found[0], weights @ values[0] / weights.sum(axis=1), atol=0.1)


@pytest.mark.parametrize("widths", [(1e-9,), (1e-45,), (5.0, 1e-6), (1e-3, 1e-3)])
def test_widths_that_may_need_too_large_a_lattice_are_refused(widths):
    check_widths((480, 640), 2.0, 3.0)
    with pytest.raises(ShapeError, match="too small for the lattice"):
        check_widths((480, 640), *widths)


@pytest.mark.parametrize(("value", "message"), [(np.nan, "not finite"), (1e7, "is too large")])
def test_points_without_a_place_are_refused(value, message):
    points = np.zeros((2, 5), np.float32)
    points[1] = value
    with pytest.raises(ShapeError, match=message):
        Lattice.of(points)
