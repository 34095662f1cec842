"""What a benchmark asks of an engine, and the table of engines."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xdn.data.packed import PackedData
from xdn.data.pixels import PixelTransform
from xdn.graph.net import Net

#: Engine name -> class; each module of MODULES enters its own.
ENGINES: dict[str, type["Engine"]] = {}
MODULES = ("engine_xdn", "engine_onnxruntime", "engine_openvino", "engine_torch", "engine_opencv")


@dataclass(frozen=True)
class Model:
    """One network in every form that an engine may ask for.

    Parameters
    ----------
    net : Net
        BatchNorm and Scale folded, otherwise plain Caffe, with weights.
    folder : Path
        Holds ``net.prototxt``, ``net.caffemodel`` and ``net.onnx`` of that net.
    transform : PixelTransform
        From the images to the net's input.
    """

    net: Net
    folder: Path
    transform: PixelTransform

    @property
    def input_name(self) -> str:
        """The net's only input."""
        return next(iter(self.net.inputs))


def register(cls: type["Engine"]) -> type["Engine"]:
    """Enter an engine under its name."""
    ENGINES[cls.name] = cls
    return cls


def discover() -> dict[str, type["Engine"]]:
    """Return all engines; an engine's own package is imported only when the engine is made."""
    for module in MODULES:
        importlib.import_module(module)
    return ENGINES


class Engine(ABC):
    """One engine with one network.

    Construction raises ImportError where the engine's package is missing.

    Parameters
    ----------
    model : Model
    threads : int
    """

    name: ClassVar[str]
    #: The distribution that brings the engine.
    distribution: ClassVar[str]
    #: The engine's own ways to run, tried one after the other.
    variants: ClassVar[tuple[str, ...]] = ("default",)
    #: Batch sizes to try beside those that all engines try.
    own_batches: ClassVar[tuple[int, ...]] = ()
    #: True where another batch size takes a new set-up, so that a last, smaller batch is filled up.
    fixed_batch: ClassVar[bool] = False

    def __init__(self, model: Model, threads: int):
        self.model, self.threads = model, threads

    @classmethod
    def version(cls) -> str:
        """Return the version of the engine's distribution."""
        return metadata.version(cls.distribution)

    @abstractmethod
    def configure(self, batch: int, variant: str) -> None:
        """Set up for batches of `batch` images."""

    def convert(self, images: np.ndarray) -> Any:
        """Return images (N, H, W, C) u8 in the form that `infer` takes: transformed, in the engine's layout."""
        return self.model.transform.apply(images)

    @abstractmethod
    def infer(self, batches: Iterable[Any]) -> Iterator[np.ndarray]:
        """Yield the outputs (N, classes) of each converted batch, in order."""

    def classify(self, packed: PackedData, batch: int) -> np.ndarray:
        """Return the labels (N,) of the packed images, conversion included."""
        return self.labels((self.convert(part) for part in self.parts(packed.images, batch)), len(packed.images))

    def labels(self, batches: Iterable[Any], count: int) -> np.ndarray:
        """Return the labels (count,) of converted batches."""
        return np.concatenate([outputs.reshape(len(outputs), -1).argmax(1) for outputs in self.infer(batches)])[:count]

    def parts(self, images: np.ndarray, batch: int) -> Iterator[np.ndarray]:
        """Yield the images in batches; where the engine needs it, the last one is filled up with copies."""
        for start in range(0, len(images), batch):
            part = images[start : start + batch]
            missing = batch - len(part)
            yield np.concatenate([part, part[:1].repeat(missing, 0)]) if missing and self.fixed_batch else part
