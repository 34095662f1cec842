"""MNN."""

import ctypes
import importlib
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
from engine import Engine, Model, register
from process import output_of

from xdn.errors import UnsupportedError

FILE = "net.mnn"
#: The converter as the package's extension module: its command installs and calls a client that reports each use.
_CONVERT = "import sys, _tools; _tools.mnnconvert(sys.argv)"


@contextmanager
def _chatter_to_stderr() -> Iterator[None]:
    """Let what native code prints to standard output, which may carry the result, go to standard error."""
    native = ctypes.CDLL(None)
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        native.fflush(None)
        os.dup2(kept, 1)
        os.close(kept)


@register
class Mnn(Engine):
    """MNN's Module interface on its own form of the ONNX model, in f32 (precision "high").

    Weights laid out anew when they are loaded, as its documentation advises, choose other algorithms than weights that
    are laid out when a shape is first seen; neither is always the faster.
    """

    name = "mnn"
    distribution = "MNN"
    variants = ("weights as read", "weights rearranged")

    def __init__(self, model: Model, threads: int):
        super().__init__(model, threads)
        with _chatter_to_stderr():
            self._nn = importlib.import_module("MNN.nn")
            self._expr = importlib.import_module("MNN.expr")

    @classmethod
    def prepare(cls, model: Model) -> None:
        """Convert the ONNX form, in a process of its own."""
        super().prepare(model)
        options = ("-f", "ONNX", "--modelFile", "net.onnx", "--MNNModel", FILE, "--bizCode", "xdn")
        said = output_of([sys.executable, "-c", _CONVERT, *options], folder=model.folder)
        # The converter ends with 0 whatever happens.
        if not (model.folder / FILE).exists():
            raise UnsupportedError(f"MNN's converter: {said.strip()}")

    def configure(self, batch: int, variant: str) -> None:
        """Load the model anew: a module keeps the memory of every shape that it has met."""
        config = {"backend": "CPU", "precision": "high", "numThread": self.threads}
        names = [self.model.input_name], [self.model.output_name]
        with _chatter_to_stderr():
            self._module = self._nn.load_module_from_file(
                str(self.model.folder / FILE),
                *names,
                runtime_manager=self._nn.create_runtime_manager((config,)),
                rearrange=variant == "weights rearranged",
                shape_mutable=False,
            )

    def infer(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """One forward a batch."""
        for x in batches:
            given = self._expr.const(x, list(x.shape), self._expr.NCHW)
            yield np.array(self._module.forward(given).read())
