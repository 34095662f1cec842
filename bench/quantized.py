"""Nets in 8-bit integers as other engines' tools make them: each in a process of its own, and kept for the next run."""

import hashlib
import inspect
import os
import pickle
import shutil
import sys
import tempfile
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import ClassVar

import numpy as np
from engine import INT8, Engine, Model
from process import output_of

from xdn.errors import UnsupportedError, XdnError
from xdn.evaluate import engines

CHILD = Path(__file__).with_name("quantized_child.py")
MODEL = "model.pickle"
#: NNCF reports each use to its makers but where this is set.
ENVIRONMENT = {"NNCF_CI": "1"}


def kept_folder() -> Path:
    """Return where quantized nets are kept: for temporary files, so that the system removes them some time."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"xdn-bench-{user}"


class QuantizedApart(Engine):
    """An engine that reads the ONNX form in f32, and in 8-bit integers what a tool makes of that."""

    #: What runs either.
    runs: ClassVar[type[engines.Engine]]
    #: The name of the file that `quantize` writes.
    file: ClassVar[str]

    def __init__(self, model: Model, threads: int):
        super().__init__(model, threads)
        if model.precision == INT8:
            self._engine = self.runs(model.int8_folder(self.name) / self.file, threads)
        else:
            self._engine = self.runs(model.folder / "net.onnx", threads, model.precision)

    def configure(self, batch: int, variant: str) -> None:
        """Set up for this batch size."""
        self._engine.configure({self.model.input_name: (batch, *self.model.input_shape)}, variant)

    def infer(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the first outputs."""
        feeds = ({self.model.input_name: x} for x in batches)
        return (outputs[0] for outputs in self._engine.infer(feeds))

    @classmethod
    @abstractmethod
    def quantize(cls, model: Model, folder: Path) -> None:
        """Write the net in 8-bit integers into `folder`; called in a process of its own."""

    @classmethod
    def prepare(cls, model: Model) -> None:
        """Quantize the ONNX form where that is asked for."""
        super().prepare(model)
        if model.precision == INT8:
            quantize_apart(cls, model)


def quantize_apart(engine: type[Engine], model: Model) -> None:
    """Let an engine's quantizer work on a model, or take what it made of the same before, into the model's folder.

    Raises
    ------
    ImportError
        The quantizer is not installed.
    UnsupportedError
        It cannot quantize the net.
    """
    kept = kept_folder() / f"{engine.name}-{_key(engine, model)}"
    if not kept.is_dir():
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as work:
            made = Path(work) / "made"
            made.mkdir()
            (Path(work) / MODEL).write_bytes(pickle.dumps(model))
            try:
                output_of([sys.executable, str(CHILD), engine.name, work, str(made)], ENVIRONMENT)
            except XdnError as error:
                raise UnsupportedError(f"{engine.quantizer}: {error}") from None
            # Another process may have been faster.
            with suppress(OSError):
                made.rename(kept)
    shutil.copytree(kept, model.int8_folder(engine.name))


def _key(engine: type[Engine], model: Model) -> str:
    """Return what names a quantized net: all that it is made of."""
    sha = hashlib.sha256(Path(inspect.getfile(engine)).read_bytes())
    sha.update(repr((engine.version(), _quantizer_version(engine), model.transform.crop)).encode())
    sha.update((model.folder / "net.onnx").read_bytes())
    for array in (model.calibration, model.transform.mean, model.transform.factor):
        sha.update(repr((array.shape, array.dtype)).encode() + array.tobytes())
    return sha.hexdigest()[:32]


def _quantizer_version(engine: type[Engine]) -> str:
    """Return the version of an engine's quantizer; raise ImportError where it is not installed."""
    try:
        return metadata.version(engine.quantizer)
    except metadata.PackageNotFoundError:
        what = f"no package {engine.quantizer}, which quantizes nets for {engine.name}: pip install {engine.quantizer}"
        raise ImportError(what) from None
