"""ncnn."""

import importlib.util
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from engine import Engine, Model, register
from process import output_of

from xdn.errors import UnsupportedError, XdnError
from xdn.evaluate.engines.engine import in_pool

PARAM, BIN = "net.ncnn.param", "net.ncnn.bin"
#: The converter's names of the net's input and output.
INPUT, OUTPUT = "in0", "out0"


def _pnnx() -> Path:
    """Return the converter's program, found without importing its package, which would import PyTorch."""
    found = importlib.util.find_spec("pnnx")
    if found is None or found.origin is None:
        raise ImportError("no package pnnx, which converts models for ncnn")
    return Path(found.origin).with_name("pnnx.exe" if os.name == "nt" else "pnnx")


@register
class Ncnn(Engine):
    """ncnn on what pnnx makes of the ONNX form, in f32: all threads on one batch, or an image a thread."""

    name = "ncnn"
    distribution = "ncnn"
    variants = ("threads on a batch", "one image a thread")

    def __init__(self, model: Model, threads: int):
        import ncnn

        super().__init__(model, threads)
        self._package = ncnn

    @classmethod
    def prepare(cls, model: Model) -> None:
        """Convert the ONNX form, in a process of its own."""
        super().prepare(model)
        program = _pnnx()
        # Two shapes say that the batch is free.
        shapes = [f"[{n},{','.join(map(str, model.input_shape))}]f32" for n in (1, 2)]
        options = (f"inputshape={shapes[0]}", f"inputshape2={shapes[1]}", "fp16=0")
        files = (f"ncnnparam={model.folder / PARAM}", f"ncnnbin={model.folder / BIN}")
        # It writes seven more files beside the model.
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "net.onnx"
            copy.symlink_to(model.folder / "net.onnx")
            try:
                output_of([str(program), str(copy), *options, *files])
            except XdnError as error:
                raise UnsupportedError(f"pnnx: {error}") from None

    def configure(self, batch: int, variant: str) -> None:
        """Load the net for as many threads as work on one call."""
        self._callers = self.threads if variant == "one image a thread" else 1
        net = self._package.Net()
        net.opt.num_threads = self.threads // self._callers
        # By default weights and activations are kept in half precision where the processor can.
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        if net.load_param(str(self.model.folder / PARAM)) or net.load_model(str(self.model.folder / BIN)):
            raise UnsupportedError("ncnn cannot load what pnnx made of the net")
        self._net = net

    def infer(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """One extractor a batch, or, each in a thread, an image."""
        for x in batches:
            if self._callers == 1:
                yield self._outputs(x)
            else:
                singles = (x[i : i + 1] for i in range(len(x)))
                yield np.concatenate(list(in_pool(self._outputs, singles, self._callers)))

    def _outputs(self, x: np.ndarray) -> Any:
        """Return the outputs of a batch."""
        extractor = self._net.create_extractor()
        failed = extractor.input(INPUT, self._package.Mat(x, batch_index=0))
        status, outputs = extractor.extract(OUTPUT)
        if failed or status:
            raise XdnError("ncnn could not run the net")
        return outputs.numpy(batch_index=0).copy()
