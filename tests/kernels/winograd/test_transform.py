"""Winograd's transforms: the correlation itself, proved in fractions; what they do to integers; the filters as packed.

The transforms are linear in inputs and in filters, so equality for the unit vectors of both is equality for all.
"""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from tests.kernels.checks import UNIT
from tests.kernels.winograd_checks import Numbers, filtered, matrices, tiles_of
from xdn.kernels.winograd.transform import WINOGRAD
from xdn.layers.window import Window, patches

pytestmark = pytest.mark.parametrize("algorithm", WINOGRAD.values(), ids=lambda a: f"F({a.outputs}x{a.outputs})")


def units(size):
    """Return the unit vectors of `size` values, as fractions."""
    return [[Fraction(i == j) for j in range(size)] for i in range(size)]


def filters_of(algorithm):
    """Return G in fractions; no entry has a denominator above 24."""
    return [[Fraction(value).limit_denominator(24) for value in row] for row in algorithm.filters]


def times(rows, vector):
    """Return a matrix times a vector."""
    return [sum((a * b for a, b in zip(row, vector, strict=True)), Fraction(0)) for row in rows]


def both_ways(transform, values):
    """Return the transform of a matrix's columns, then of its rows."""
    columns = [transform(list(column)) for column in zip(*values, strict=True)]
    return [transform(list(row)) for row in zip(*columns, strict=True)]


def tile(algorithm, d, g):
    """Return A' [ (G g G') * (B' d B) ] A."""
    u = both_ways(lambda vector: times(filters_of(algorithm), vector), g)
    v = both_ways(lambda vector: algorithm.of_input(Numbers, vector), d)
    products = [[a * b for a, b in zip(*rows, strict=True)] for rows in zip(u, v, strict=True)]
    return both_ways(lambda vector: algorithm.of_output(Numbers, vector), products)


def direct(x, weight, pad):
    """Return the correlation of (N, C, H, W) with (K, C, 3, 3), summed over channels, whatever the dtype."""
    return np.einsum("ncrspq,kcrs->nkpq", patches(x, Window((3, 3), pad=pad)), weight)


def test_sizes(algorithm):
    m = algorithm.outputs
    assert WINOGRAD[m] is algorithm
    assert algorithm.inputs == m + 2
    assert algorithm.elements == (m + 2) ** 2
    assert [each.shape for each in matrices(algorithm)] == [(m + 2, 3), (m + 2, m + 2), (m, m + 2)]


def test_filters_are_the_f64_nearest_to_fractions(algorithm):
    np.testing.assert_array_equal(np.array(filters_of(algorithm), float), algorithm.filters)


def test_one_dimension_is_the_correlation(algorithm):
    """A' [ (G g) * (B' d) ] for all pairs of unit vectors."""
    for (i, d), (r, g) in product(enumerate(units(algorithm.inputs)), enumerate(units(3))):
        products = zip(times(filters_of(algorithm), g), algorithm.of_input(Numbers, d), strict=True)
        found = algorithm.of_output(Numbers, [a * b for a, b in products])
        assert found == [i == p + r for p in range(algorithm.outputs)]


def test_a_tile_is_the_correlation(algorithm, rng):
    for _ in range(10):
        size = algorithm.inputs
        d, g = ([[Fraction(int(v), 7) for v in row] for row in rng.integers(-99, 99, (n, n))] for n in (size, 3))
        expected = [
            [sum(d[p + r][q + s] * g[r][s] for r in range(3) for s in range(3)) for q in range(algorithm.outputs)]
            for p in range(algorithm.outputs)
        ]
        assert tile(algorithm, d, g) == expected


def test_constants_are_exact_in_f32(algorithm):
    class Checked(Numbers):
        @staticmethod
        def number(value):
            assert np.float32(value) == value
            return value

    for transform in (algorithm.of_input, algorithm.of_output):
        transform(Checked, units(algorithm.inputs)[0])


@pytest.mark.parametrize("pad", [(0, 0), (1, 1), (2, 1)])
@pytest.mark.parametrize("size", [(4, 4), (5, 9), (13, 6)])
def test_whole_maps_of_integers_are_exact(algorithm, rng, size, pad):
    """24 * 24 divides G's denominators away; all that follows are integers, far below 2**53."""
    x = rng.integers(-999, 1000, (2, 5, *size)).astype(np.float64)
    weight = 576.0 * rng.integers(-99, 100, (3, 5, 3, 3))
    transforms = matrices(algorithm)
    p, q = Window((3, 3), pad=pad).output_size(size)
    # G itself is rounded where it holds sixths: its products with multiples of 576 are rounded back.
    u = np.rint(transforms[0] @ weight @ transforms[0].T)
    assert np.abs(u - transforms[0] @ weight @ transforms[0].T).max() < 1e-6
    result = filtered((np.eye(algorithm.inputs), *transforms[1:]), tiles_of(algorithm, x, pad), u)
    np.testing.assert_array_equal(result[:, :, :p, :q], direct(x, weight, pad))


def test_filters_are_transformed_in_f64_and_rounded_once(algorithm, rng):
    weight = rng.standard_normal((7, 3, 3, 3)).astype(np.float32)
    made = algorithm.transformed(weight)
    assert made.shape == (algorithm.elements, 7, 3)
    assert made.dtype == np.float32
    for k, c in ((0, 0), (6, 1), (3, 2)):
        exact = both_ways(
            lambda vector: times(filters_of(algorithm), vector),
            [[Fraction(float(v)) for v in row] for row in weight[k, c]],
        )
        for value, found in zip((v for row in exact for v in row), made[:, k, c], strict=True):
            # One rounding to f32; those of f64 are 2**-29 of it.
            assert abs(Fraction(float(found)) - value) <= abs(value) * Fraction(UNIT) * (1 + Fraction(1, 2**20))


def test_filters_that_576_divides_become_integers(algorithm, rng):
    weight = np.float32(576) * rng.integers(-3, 4, (4, 2, 3, 3)).astype(np.float32)
    made = algorithm.transformed(weight)
    np.testing.assert_array_equal(made, np.rint(made))
