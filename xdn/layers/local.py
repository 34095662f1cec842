"""Local: a convolution whose filters differ from place to place."""

from typing import Any

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, WeightAxes, Weights
from xdn.layers.base import Message, fillers, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable


@layer_type("Local")
class Local(Portable):
    """Local: Y[n,k,p,q] = b[k,p,q] + sum_{c,r,s} W[k,c,r,s,p,q] * X[n, c, p*stride-pad+r, ...] (Taigman et al. 2014).

    The source is local_layer.cpp of several forks, such as happynear's caffe-windows.
    """

    message = Message("LocalParameter", "local_param", 2075)
    unused = fillers(weight_filler=7, bias_filler=8)
    fixed_because = "sums over all channels, by filters that are no convolution's"

    num_output: int = proto(1, "uint32", default=0)
    bias_term: bool = proto(2, "bool", default=True)
    pad: int = proto(3, "uint32", default=0)
    kernel_size: int = proto(4, "uint32", default=0)
    stride: int = proto(6, "uint32", default=1)

    def _places(self, bottom: Blob) -> tuple[int, int]:
        """Return (P, Q)."""
        h, w = ((size + 2 * self.pad - self.kernel_size) // self.stride + 1 for size in bottom.shape[2:])
        return h, w

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) -> (N, K, P, Q)."""
        bottom = one_bottom(bottoms, 4)
        if min(self.num_output, self.kernel_size, self.stride) < 1 or not 0 <= self.pad < self.kernel_size:
            stated = f"kernel_size {self.kernel_size}, stride {self.stride}, pad {self.pad}"
            raise ShapeError(f"num_output {self.num_output}, {stated}; all but pad, the smallest, are positive")
        if min(bottom.shape[2:]) < self.kernel_size:
            raise ShapeError(f"a kernel of {self.kernel_size} does not fit into {bottom.shape}")
        # No file can ask for more memory than a blob may take.
        Blob(self.weight_shapes(bottoms)["weight"])
        Blob((bottom.shape[0], bottom.shape[1] * self.kernel_size**2, *self._places(bottom)))
        return (Blob((bottom.shape[0], self.num_output, *self._places(bottom))),)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Weight (K, 1, C * R * S, P * Q), bias (1, 1, K, P * Q)."""
        p, q = self._places(bottoms[0])
        weight: WeightAxes = (self.num_output, 1, bottoms[0].shape[1] * self.kernel_size**2, p * q)
        bias: dict[str, WeightAxes] = {"bias": (1, 1, self.num_output, p * q)} if self.bias_term else {}
        return {"weight": weight, **bias}

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """C * R * S for each element of the top."""
        return tops[0].size * bottoms[0].shape[1] * self.kernel_size**2

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """What the windows meet, twice, and the padded bottom."""
        met = tops[0].size // self.num_output * bottoms[0].shape[1] * self.kernel_size**2
        return 8 * met + 9 * bottoms[0].bytes + 2 * tops[0].bytes

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """What the window's elements meet, times the weights of each place."""
        x: Any = bottoms[0]
        n, c, h, w = x.shape
        (p, q), pad, stride = self._places(Blob(tuple(x.shape))), self.pad, self.stride
        padded = lib.zeros((n, c, h + 2 * pad, w + 2 * pad), dtype=x.dtype)
        padded[:, :, pad : pad + h, pad : pad + w] = x
        elements = [(r, s) for r in range(self.kernel_size) for s in range(self.kernel_size)]
        ends = (p - 1) * stride + 1, (q - 1) * stride + 1
        met = [padded[:, :, r : r + ends[0] : stride, s : s + ends[1] : stride] for r, s in elements]
        columns = lib.stack(met, 2).reshape(n, c * len(elements), p * q)
        y = lib.einsum("kip,nip->nkp", weights["weight"][:, 0], columns)
        if self.bias_term:
            y = y + weights["bias"][0]
        return (y.reshape(n, self.num_output, p, q),)
