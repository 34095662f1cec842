"""LSTM: Caffe's recurrent layer with cells, and Lstm, that of forks which read text."""

from collections.abc import Sequence
from math import prod

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, WeightAxes, Weights
from xdn.layers.base import Field, Message, fillers, layer_type, misfit, proto
from xdn.layers.portable import Library
from xdn.layers.recurrent import Recurrent, Sequences, Steps, lstm_steps


@layer_type("LSTM")
class LSTM(Recurrent):
    """LSTM: c = f * c + i * g, h = o * tanh(c); the gates i, f, o, g are of x, of a static input and of h.

    The states are h and c (Hochreiter and Schmidhuber 1997). The source is Caffe's lstm_layer.cpp and
    lstm_unit_layer.cpp.
    """

    states = ("h", "c")

    def _weight_axes(self, x: Blob, static: Blob | None) -> dict[str, Shape]:
        """Return what Caffe calls W_xc, b_c, W_xc_static and W_hc."""
        rows = 4 * self.num_output
        found: dict[str, Shape] = {"input.weight": (rows, prod(x.shape[2:])), "input.bias": (rows,)}
        if static is not None:
            found["static.weight"] = (rows, prod(static.shape[1:]))
        return found | {"hidden.weight": (rows, self.num_output)}

    def steps(self, lib: Library, given: Sequences, weights: Weights) -> tuple[Array, Sequence[Array]]:
        """Both states after every step."""
        return lstm_steps(lib, given, self.cell(lib, weights))


_FORKS = (
    "junhyukoh/caffe-lstm takes (T * N, ...) with batch_size N and gives (T * N, H); the forks that read text "
    "(CTPN, caffe_ocr) take (T, N, C) and give (T, N, H)"
)


@layer_type("Lstm")
class Lstm(Steps):
    """Lstm: the same cells, with a bottom (T, N, C), or (T * N, ...) and `batch_size` N; sequences begin with zeros.

    A second bottom says which states are kept from the step before. Two forks have it: junhyukoh/caffe-lstm, whose
    steps and streams share an axis, and those that read text (CTPN's caffe, caffe_ocr), which keep them apart and pass
    over `batch_size`. The former multiplies the state with the second bottom, the latter ask whether it is 0.
    """

    message = Message("LstmParameter", "lstm_param", 2060)
    # Gradients only are clipped.
    unused = {"clipping_threshold": Field(2, "float"), **fillers(weight_filler=3, bias_filler=4)}
    states = ("h", "c")

    num_output: int = proto(1, "uint32", default=0)
    batch_size: int | None = proto(5, "uint32", default=None)

    def _parted(self, x: Shape) -> tuple[int, int, bool]:
        """Return (steps, streams, whether these have axes of their own) of a first bottom; ShapeError where none."""
        if len(x) == 3 and self.batch_size in (None, x[1]):
            return x[0], x[1], True
        if len(x) < 2 or (len(x) == 3 and self.batch_size is not None):
            mend = "Leave out batch_size, or reshape the bottom to (T * N, C)"
            what = f"a bottom of shape {x} with batch_size {self.batch_size}, on which forks disagree: {_FORKS}"
            raise UnsupportedError(what, mend=mend)
        streams = 1 if self.batch_size is None else self.batch_size
        if streams < 1 or x[0] % streams:
            raise ShapeError(f"a bottom of shape {x} does not divide into streams by batch_size {streams}")
        return x[0] // streams, streams, False

    def streams(self, x: Shape) -> int:
        """Return how many streams a first bottom of shape `x` has."""
        return self._parted(x)[1]

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(T, N, C) -> (T, N, H), or (T * N, ...) -> (T * N, H)."""
        if len(bottoms) not in (1, 2) or not bottoms[0].shape:
            raise misfit(bottoms, "(T, N, C) or (T * N, ...), and what is kept, a number a step and stream")
        x = bottoms[0].shape
        steps, streams, apart = self._parted(x)
        if len(bottoms) == 2 and bottoms[1].size != steps * streams:
            raise ShapeError(f"a second bottom of shape {bottoms[1].shape}; {steps * streams} numbers are needed")
        if self.num_output < 1:
            raise ShapeError(f"num_output is {self.num_output}; it must be positive")
        for shape in self.weight_shapes(bottoms).values():
            # A blob's bounds hold for the weights too: no file can ask for more memory than a blob may.
            Blob(shape)
        return (Blob((*(x[:2] if apart else x[:1]), self.num_output)),)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Weights of the inputs, those of the hidden state, and the bias, in the order of both forks."""
        x, rows = bottoms[0].shape, 4 * self.num_output
        inputs = prod(x[2:] if self._parted(x)[2] else x[1:])
        return {"input.weight": (rows, inputs), "hidden.weight": (rows, self.num_output), "input.bias": (rows,)}

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """Each step and stream every weight."""
        shapes = self.weight_shapes(bottoms)
        return tops[0].size // self.num_output * (prod(shapes["input.weight"]) + prod(shapes["hidden.weight"]))

    def sequences(self, lib: Library, bottoms: Arrays) -> Sequences:
        """The first bottom by steps; the second as factors of both states."""
        steps, streams, apart = self._parted(tuple(bottoms[0].shape))
        x = bottoms[0].reshape(steps, streams, prod(bottoms[0].shape[2 if apart else 1 :]))
        said = bottoms[1].reshape(steps, streams) if len(bottoms) == 2 else lib.ones_like(x[:, :, 0])
        kept = lib.where(said != 0, lib.ones_like(said), lib.zeros_like(said))
        return Sequences(x, kept if apart else said, kept)

    def steps(self, lib: Library, given: Sequences, weights: Weights) -> tuple[Array, Sequence[Array]]:
        """Both states after every step."""
        return lstm_steps(lib, given, self.cell(lib, weights))

    def tops(self, out: Array, last: Sequence[Array], bottoms: Arrays) -> tuple[Array, ...]:
        """What all steps gave, steps and streams as one axis where the bottom has them so."""
        return (out if self._parted(tuple(bottoms[0].shape))[2] else out.reshape(-1, self.num_output),)
