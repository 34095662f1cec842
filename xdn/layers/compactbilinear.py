"""CompactBilinear: products of two blobs' channels, of which sums stand for all."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, misfit, proto

#: Bytes of a complex number in f64.
_COMPLEX = 16


def drawn(seed: int = 1) -> Iterator[int]:
    """Yield what rand() of the GNU C library gives after srand(`seed`), from 0 to 2**31 - 1.

    Each number is the sum of two before it, 3 and 31 places back; the first 34 come from Lehmer's generator. The source
    is the library's random_r.c (TYPE_3).
    """
    state = [seed]
    for _ in range(30):
        state.append(16807 * state[-1] % 0x7FFFFFFF)
    state += state[:3]
    for place in range(34, 344):
        state.append((state[place - 31] + state[place - 3]) & 0xFFFFFFFF)
    last = state[-31:]
    while True:
        last.append((last[0] + last[-3]) & 0xFFFFFFFF)
        del last[0]
        yield last[-1] >> 1


@lru_cache(maxsize=16)
def sketches(channels: tuple[int, int], count: int) -> tuple[tuple[Array, Array], ...]:
    """Return for each of two blobs where each channel goes, of `count` places, and with which sign: (C,) int, (C,) f32.

    The order is that in which the layer's Caffe draws them.
    """
    numbers, made = drawn(), []
    for each in channels:
        places = np.array(list(islice(numbers, each)), np.int64) % count
        signs = 2 * (np.array(list(islice(numbers, each)), np.int64) % 2) - 1
        made.append((places, signs.astype(np.float32)))
    return tuple(made)


@layer_type("CompactBilinear")
class CompactBilinear(CaffeLayer):
    """CompactBilinear: the circular convolution of two blobs' sketches at each position, (N, num_output, H, W).

    A sketch is `num_output` sums of channels, each of which goes to a place and with a sign that were drawn once. With
    `sum_pool` the positions are summed: (N, num_output, 1, 1). The source is compact_bilinear_layer.cpp of Gao et al.
    (2016), which draws by the C library's rand() after srand(1), so that weights trained there fit these places; those
    of the GNU C library are meant.
    """

    message = Message("CompactBilinearParameter", "compact_bilinear_param", 2222)
    fixed_because = "multiplies channels with channels"

    num_output: int = proto(1, "uint32", default=0)
    sum_pool: bool = proto(2, "bool", default=True)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W), (N, C', H, W) -> (N, K, H, W), or (N, K, 1, 1)."""
        shapes = [bottom.shape for bottom in bottoms]
        if len(shapes) != 2 or any(len(shape) != 4 for shape in shapes) or len({(s[0], *s[2:]) for s in shapes}) != 1:
            raise misfit(bottoms, "two blobs (N, C, H, W) that differ in their channels alone")
        if self.num_output < 1:
            raise ShapeError(f"num_output {self.num_output}; it is 1 or more")
        n, _, h, w = shapes[0]
        # Positions are summed after each is computed.
        every = Blob((n, self.num_output, h, w))
        return (Blob((n, self.num_output, 1, 1)) if self.sum_pool else every,)

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """Three transforms of each position, of so many products as they have by the usual count: K log2(K)."""
        n, _, h, w = bottoms[0].shape
        return n * h * w * self.num_output * (2 + 3 * self.num_output.bit_length())

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """Also two sketches of an image, and their spectra and product."""
        _, _, h, w = bottoms[0].shape
        return super().reference_bytes(bottoms, tops) + 4 * _COMPLEX * (self.num_output + 1) * h * w

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Image by image, as products of spectra, in f64."""
        n, _, h, w = bottoms[0].shape
        top = np.empty((n, self.num_output, *((1, 1) if self.sum_pool else (h, w))), np.float32)
        how = sketches((bottoms[0].shape[1], bottoms[1].shape[1]), self.num_output)
        for image in range(n):
            first, second = (self._spectrum(x[image], *each) for x, each in zip(bottoms, how, strict=True))
            product = first * second
            if self.sum_pool:
                product = product.sum(axis=(1, 2), keepdims=True)
            top[image] = np.fft.irfft(product, self.num_output, axis=0)
        return (top,)

    def _spectrum(self, x: Array, places: Array, signs: Array) -> Array:
        """Return the transform (K // 2 + 1, H, W) of the sketch of an image (C, H, W)."""
        sketch = np.zeros((self.num_output, *x.shape[1:]))
        np.add.at(sketch, places, signs[:, None, None] * x)
        found: Array = np.fft.rfft(sketch, axis=0)
        return found
