"""Weights of codebooks in Caffe's binary files: centroids in f16 and a byte for each block (`xdn.graph.codebook`).

A BlobProto has two fields in place of its data, which Caffe does not know (docs/quantization.md)::

    optional bytes codes = 20194;      // for each block of the weight, the number of its centroid
    optional bytes centroids = 20195;  // f16, little-endian, one centroid after another

A block has as many numbers as the shape has for each code.
"""

import numpy as np

from xdn.frontend import wire
from xdn.frontend.wire import Span
from xdn.graph.codebook import MOST_CENTROIDS, Codebook

CODES, CENTROIDS = 20194, 20195
_HALF = np.dtype("<f2")


def read_codebook(span: Span, codes: Span, centroids: Span, count: int) -> Codebook:
    """Return the codebook, copied out of the file, of a weight of `count` numbers.

    Parameters
    ----------
    span : Span
        The BlobProto, which errors name.
    codes, centroids : Span
        What its fields hold.
    count : int

    Raises
    ------
    ParseError
        Where these do not fit together, or a code names no centroid.
    """
    if not codes.size or not count or count % codes.size:
        raise span.error(f"{codes.size} codes stand for {count} numbers, which they do not divide", codes.start)
    block = count // codes.size
    numbers, left = divmod(centroids.size, block * _HALF.itemsize)
    if left or not 1 <= numbers <= MOST_CENTROIDS:
        what = f"{centroids.size} bytes of centroids are not 1 to {MOST_CENTROIDS} blocks of {block} numbers in f16"
        raise span.error(what, centroids.start)
    found = np.frombuffer(span.data, np.uint8, codes.size, codes.start)
    if found.max() >= numbers:
        raise span.error(f"a code is {found.max()}; there are {numbers} centroids", codes.start)
    halves = np.frombuffer(span.data, _HALF, numbers * block, centroids.start)
    return Codebook(halves.reshape(numbers, block).copy(), found.copy())


def encode_codebook_head(codebook: Codebook) -> bytes:
    """Return what stands in a BlobProto, after its shape, before the codes of a codebook."""
    centroids = wire.encode_bytes(CENTROIDS, np.ascontiguousarray(codebook.centroids, _HALF).tobytes())
    return centroids + wire.encode_head(CODES, len(codebook.codes))
