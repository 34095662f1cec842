"""What a benchmark asks of an engine, and the table of engines."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from xdn.data import Dataset
from xdn.data.pixels import PixelTransform
from xdn.errors import UnsupportedError
from xdn.graph import Net, Shape

Made = TypeVar("Made")

#: The engine that all are compared with.
XDN = "xdn"

#: Number formats in which engines can be asked to compute.
F32, BF16, INT8 = PRECISIONS = ("f32", "bf16", "int8")
#: Engine name -> class; the module `engine_<name>` enters its own when it is imported.
ENGINES: dict[str, type["Engine"]] = {}


@dataclass(frozen=True)
class Model:
    """One network as files, so that an engine holds no other form of it than its own.

    Parameters
    ----------
    folder : Path
        Holds ``net.prototxt``, ``net.caffemodel`` and ``net.onnx``: BatchNorm and Scale folded, otherwise plain Caffe.
    transform : PixelTransform
        From the images to the net's input.
    input_name, output_name : str
        The net's only input, and its first output.
    input_shape : tuple of int
        (C, H, W) of one image.
    precision : str
        In which number format the engine is to compute: one of `PRECISIONS`.
    calibration : (N, H, W, C) u8, optional
        The images by which scales of 8-bit integers are chosen.
    """

    folder: Path
    transform: PixelTransform
    input_name: str
    output_name: str
    input_shape: Shape
    precision: str = F32
    calibration: np.ndarray | None = None

    def int8_folder(self, engine: str) -> Path:
        """Return where the net in 8-bit integers lies that was made for an engine."""
        return self.folder / f"{INT8}_{engine}"

    def read_net(self) -> Net:
        """Return the net, with weights, for an engine that is built from it."""
        from xdn.frontend import load

        return load(self.folder / "net.prototxt", self.folder / "net.caffemodel")


def register(cls: type["Engine"]) -> type["Engine"]:
    """Enter an engine under its name."""
    ENGINES[cls.name] = cls
    return cls


def titled(name: str, precision: str) -> str:
    """Return what the figures of the engine called `name` are called; without a word more they are those in f32."""
    return name if precision == F32 else f"{name} {precision}"


def engine_names() -> list[str]:
    """Return the names of all engines, one a file: XDN, then the others by name."""
    names = [path.stem.removeprefix("engine_") for path in Path(__file__).parent.glob("engine_*.py")]
    return sorted(names, key=lambda name: (name != "xdn", name))


def engine_class(name: str) -> type["Engine"]:
    """Return the engine called `name`; no other engine's module is imported."""
    importlib.import_module(f"engine_{name}")
    return ENGINES[name]


def tried(name: str, action: Callable[[], Made]) -> tuple[Made | None, str]:
    """Return what `action` gives, or None and why the engine called `name` takes no part.

    That is whatever another engine's package raises. Of what XDN raises, but for UnsupportedError, nothing is timed.
    """
    try:
        return action(), ""
    except ImportError as error:
        return None, f"missing: {error}"
    except UnsupportedError as error:
        return None, f"cannot run this net: {error}"
    except Exception as error:
        if name == XDN:
            raise
        return None, f"cannot run this net: {' '.join(str(error).split()) or type(error).__name__}"


class Engine(ABC):
    """One engine with one network.

    `prepare` and construction raise ImportError where the engine's package is missing, and UnsupportedError where the
    engine cannot take the net.

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
    #: Whether it can also be run `AS_IT_COMES`, as something else than its best variant.
    comes_otherwise: ClassVar[bool] = False
    #: Batch sizes to try beside those that all engines try.
    own_batches: ClassVar[tuple[int, ...]] = ()
    #: True where another batch size takes a new set-up, so that a last, smaller batch is filled up.
    fixed_batch: ClassVar[bool] = False
    #: The distribution that quantizes nets for it; of those that are asked for 8-bit integers.
    quantizer: ClassVar[str] = ""
    #: Whether it can be asked for bf16.
    takes_bf16: ClassVar[bool] = False

    def __init__(self, model: Model, threads: int):
        self.model, self.threads = model, threads

    @property
    def title(self) -> str:
        """What its figures are called."""
        return titled(self.name, self.model.precision)

    @property
    def stands_twice(self) -> bool:
        """Whether it is also compared `AS_IT_COMES`."""
        return self.comes_otherwise and self.model.precision == F32

    @classmethod
    def version(cls) -> str:
        """Return the version of the engine's distribution."""
        return metadata.version(cls.distribution)

    @classmethod
    def prepare(cls, model: Model) -> None:
        """Write into the model's folder what this engine alone reads, once, before an engine is made."""
        cls.version()

    @classmethod
    def made(cls, model: Model, threads: int) -> Self:
        """Return the engine, prepared."""
        if model.precision == INT8 and not cls.quantizer:
            raise UnsupportedError("no quantizer is called for it")
        if model.precision == BF16 and not cls.takes_bf16:
            raise UnsupportedError("it is not asked for bf16")
        cls.prepare(model)
        return cls(model, threads)

    @abstractmethod
    def configure(self, batch: int, variant: str) -> None:
        """Set up for batches of `batch` images, as one of `variants` or `AS_IT_COMES`."""

    def convert(self, images: np.ndarray) -> Any:
        """Return images (N, H, W, C) u8 in the form that `infer` takes: transformed, in the engine's layout."""
        return self.model.transform.apply(images)

    @abstractmethod
    def infer(self, batches: Iterable[Any]) -> Iterator[np.ndarray]:
        """Yield the outputs (N, classes) of each converted batch, in order."""

    def classify(self, packed: Dataset, batch: int) -> np.ndarray:
        """Return the labels (N,) of the packed images, conversion included."""
        images = packed.images()
        return self.labels((self.convert(part) for part in self.parts(images, batch)), len(images))

    def labels(self, batches: Iterable[Any], count: int) -> np.ndarray:
        """Return the labels (count,) of converted batches."""
        return np.concatenate([outputs.reshape(len(outputs), -1).argmax(1) for outputs in self.infer(batches)])[:count]

    def parts(self, images: np.ndarray, batch: int) -> Iterator[np.ndarray]:
        """Yield the images in batches; where the engine needs it, the last one is filled up with copies."""
        for start in range(0, len(images), batch):
            part = images[start : start + batch]
            missing = batch - len(part)
            yield np.concatenate([part, part[:1].repeat(missing, 0)]) if missing and self.fixed_batch else part
