"""What a comparison asks of another engine, and the registry of engines."""

import importlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import ClassVar, TypeVar

from xdn.element import REAL
from xdn.errors import MissingExtraError
from xdn.graph import Array, Feed, Shape
from xdn.registry import Registry

Given = TypeVar("Given")
Found = TypeVar("Found")

#: The variant of an engine of which nothing is set: what users get who only call it.
AS_IT_COMES = "as it comes"


class Engine(ABC):
    """An engine with one net, in f32 unless another precision is asked for.

    Parameters
    ----------
    model : Path
        The net's ONNX form.
    threads : int
    precision : str
        The number format to compute in, of those that the engine knows.

    Raises
    ------
    MissingExtraError
        Where the engine's package is not installed.
    """

    #: The distribution, and the package, that bring the engine.
    distribution: ClassVar[str]
    #: The engine's own ways to run, beside `AS_IT_COMES`.
    variants: ClassVar[tuple[str, ...]]
    #: True where another batch size takes a new set-up, so that a last, smaller batch is better filled up.
    fixed_batch: ClassVar[bool] = False

    def __init__(self, model: Path, threads: int, precision: str = REAL.name):
        self.package = _imported(self.distribution)
        self.model, self.threads, self.precision = model, threads, precision

    @classmethod
    def title(cls) -> str:
        """Return name and version."""
        return f"{cls.distribution} {metadata.version(cls.distribution)}"

    @abstractmethod
    def configure(self, shapes: Mapping[str, Shape], variant: str) -> None:
        """Set up for inputs of these shapes, as one of `variants` or `AS_IT_COMES`.

        Raises
        ------
        UnsupportedError
            Where the engine cannot run the net.
        """

    @abstractmethod
    def infer(self, feeds: Iterable[Feed]) -> Iterator[list[Array]]:
        """Yield the outputs of each feed, in order."""


#: Name -> class.
ENGINES: Registry[type[Engine]] = Registry("engine", "xdn.evaluate.engines")


def _imported(distribution: str) -> ModuleType:
    try:
        return importlib.import_module(distribution)
    except ImportError as error:
        what = f"the engine {distribution} is not there: {error}"
        raise MissingExtraError(what, mend=f"Run: pip install {distribution}") from None


def in_pool(run: Callable[[Given], Found], inputs: Iterable[Given], threads: int) -> Iterator[Found]:
    """Yield `run(x)` of each input, in order, computed by `threads` threads.

    Inputs are drawn only as far ahead as keeps the threads busy: drawn all at once, a data set would lie in memory as a
    whole.
    """
    waiting: deque = deque()
    with ThreadPoolExecutor(threads) as pool:
        for x in inputs:
            waiting.append(pool.submit(run, x))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
