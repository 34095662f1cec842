"""Annealed k-means: what is nearest, repeatable, better than without noise."""

import numpy as np
import pytest

from xdn.optimize.codebooks import kmeans as module
from xdn.optimize.codebooks.kmeans import kmeans, nearest


def vectors(n=600, d=3):
    return np.random.default_rng(5).standard_normal((n, d)).astype(np.float32)


def test_the_nearest_centroid_is_that_of_all_distances(monkeypatch):
    monkeypatch.setattr(module, "_PART", 64)
    some, centroids = vectors(), vectors(17)
    expected = np.square(some[:, None] - centroids).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest(some, centroids), expected)


def test_the_seed_decides_everything():
    some = vectors()
    first, again, other = (kmeans(some, 9, 8, seed) for seed in (1, 1, 2))
    assert [each.tobytes() for each in first] == [each.tobytes() for each in again]
    assert first[0].tobytes() != other[0].tobytes()
    assert (first[0].dtype, first[0].shape, first[1].dtype) == (np.float16, (9, 3), np.uint8)


def test_clusters_that_are_there_are_found():
    middles = np.array([[0, 0], [10, 0], [0, 10], [10, 10]], np.float32)
    some = np.repeat(middles, 50, axis=0) + 0.01 * vectors(200, 2)
    centroids, codes = kmeans(some, 4, 20, 0)
    assert np.square(some - centroids[codes]).mean() < 1e-3


def test_every_centroid_has_vectors_where_there_are_enough_different_ones():
    # Most vectors are one; the centroids that begin there are moved away.
    some = np.concatenate([np.zeros((300, 2), np.float32), 5 + vectors(40, 2)])
    _, codes = kmeans(some, 8, 30, 3)
    assert len(np.unique(codes)) >= 7


@pytest.mark.parametrize("count", [1, 5])
def test_vectors_that_are_all_alike(count):
    centroids, codes = kmeans(np.ones((8, 4), np.float32), count, 4, 0)
    assert (centroids[codes] == 1).all()
