"""Annealed k-means: centroids for many short vectors, the same for the same seed.

Lloyd's iterations, in which each mean is moved by noise that ends with the last iteration, find better centroids than
those without. The source is Zeger, Vaisey and Gersho, "Globally Optimal Vector Quantizer Design by Stochastic
Relaxation" (1992), SR-C, in the form of Martinez et al., "Permute, Quantize, and Fine-tune" (2021): noise of the
vectors' own deviation, and so of 1 / sqrt(n) of that in the mean of n vectors, times ::

    T(i) = sqrt(1 - i / iterations)
"""

from collections.abc import Iterator

import numpy as np

from xdn.graph import Array

#: So many vectors are compared with all centroids at a time: their products stay in the cache.
_PART = 512
#: The deviation of the two centroids that share the vectors of one, relative to that of all vectors.
_APART = 1e-3


def kmeans(vectors: Array, count: int, iterations: int, seed: int) -> tuple[Array, Array]:
    """Return centroids (count, d) f16, and the nearest one of each vector, (n,) u8.

    Parameters
    ----------
    vectors : (n, d) f32
        Finite.
    count : int
        1 to 256, n at most.
    iterations : int
    seed : int
        It decides all choices by chance.
    """
    rng = np.random.default_rng(seed)
    deviation = vectors.std(axis=0)
    centroids = vectors[rng.choice(len(vectors), count, replace=False)]
    for done in range(iterations):
        codes = nearest(vectors, centroids)
        centroids, sizes = _means(vectors, codes, _occupied(centroids, codes, deviation, rng))
        heat = (1 - (done + 1) / iterations) ** 0.5
        noise = rng.standard_normal(centroids.shape, np.float32) * deviation
        centroids += np.float32(heat) * noise / np.sqrt(np.maximum(sizes, 1), dtype=np.float32)[:, None]
    stored = centroids.astype(np.float16)
    return stored, nearest(vectors, stored.astype(np.float32))


def nearest(vectors: Array, centroids: Array) -> Array:
    """Return which of the centroids (k, d) is nearest to each of the vectors (n, d), the first of equals: (n,) u8.

    |x - c|^2 is least where x c - |c|^2 / 2 is greatest.
    """
    codes = np.empty(len(vectors), np.uint8)
    turned, halves = np.ascontiguousarray(centroids.T), (centroids * centroids).sum(axis=1) / 2
    for some, own in _parts(vectors, codes):
        products = some @ turned
        products -= halves
        own[:] = products.argmax(axis=1)
    return codes


def _parts(vectors: Array, codes: Array) -> Iterator[tuple[Array, Array]]:
    """Yield views of some vectors after others, and of their codes."""
    for first in range(0, len(vectors), _PART):
        yield vectors[first : first + _PART], codes[first : first + _PART]


def _occupied(centroids: Array, codes: Array, deviation: Array, rng: np.random.Generator) -> Array:
    """Return the centroids with each that no vector has moved beside one that many have; in place of others."""
    sizes = np.bincount(codes, minlength=len(centroids))
    empty = np.flatnonzero(sizes == 0)
    crowded = np.argsort(-sizes, kind="stable")[: len(empty)]
    apart = rng.standard_normal((len(empty), centroids.shape[1]), np.float32) * (_APART * deviation)
    moved = centroids.copy()
    moved[empty] = centroids[crowded] + apart
    return moved


def _means(vectors: Array, codes: Array, centroids: Array) -> tuple[Array, Array]:
    """Return the mean of each centroid's vectors, the centroid where there are none; and how many these are, (k,)."""
    sizes = np.bincount(codes, minlength=len(centroids))
    sums = [np.bincount(codes, weights=column, minlength=len(centroids)) for column in vectors.T]
    means = np.stack(sums, -1) / np.maximum(sizes, 1)[:, None]
    return np.where(sizes[:, None] > 0, means, centroids).astype(np.float32), sizes
