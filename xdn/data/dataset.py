"""What a data set is to the rest of the program, and how one is found."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from xdn import settings
from xdn.errors import DataError
from xdn.graph import Array, Net
from xdn.registry import Registry, nearest

Size = tuple[int, int]
SPLITS = ("train", "test")
#: The order of channels where there is one.
GREY = "grey"
#: Told how much is done: (done, total), in images or bytes.
Progress = Callable[[int, int], None]


class Dataset(ABC):
    """Labelled images of one size, read or made a range at a time.

    Attributes
    ----------
    name : str
        The name that nets refer to (`data_param { source }`), such as ``"cifar10"``.
    title : str
        The name that people read, such as ``"CIFAR-10"``.
    split : str
        ``"train"`` or ``"test"``.
    classes : tuple of str
        Class names; a label is an index into them.
    channel_order : str
        ``"rgb"`` or ``"bgr"``; of images with one channel ``"grey"``.
    labels : (N,) int32
        One label an image.
    shape : tuple of int
        (H, W, C) of an image.
    preprocessing : dict
        What was done to the images before `images` gives them, as the packed file records it; `"opencv"` holds
        the version that decoded or resized them.
    origin : str
        The absolute path that the user named; empty for a data set with a name of its own.
    """

    origin: str = ""

    name: str
    title: str
    split: str
    classes: tuple[str, ...]
    channel_order: str
    labels: Array
    shape: tuple[int, int, int]
    preprocessing: dict[str, str]

    def __len__(self) -> int:
        return len(self.labels)

    def images(self, start: int = 0, stop: int | None = None) -> Array:
        """Return the images from `start` up to `stop`, all by default, u8 (n, H, W, C).

        Raises
        ------
        DataError
            Outside the data set.
        """
        stop = len(self) if stop is None else stop
        if not 0 <= start <= stop <= len(self):
            raise DataError(f"images {start}..{stop} are asked for; {self.title} has {len(self)}")
        return self._images(start, stop)

    def batches(self, size: int, progress: Progress | None = None) -> Iterator[Array]:
        """Yield all images in order, `size` at a time, fewer in the last; `progress` is told after each."""
        for start in range(0, len(self), size):
            stop = min(start + size, len(self))
            yield self.images(start, stop)
            if progress is not None:
                progress(stop, len(self))

    @property
    def numbered(self) -> bool:
        """Whether classes are told by the numbers of labels alone, as a list's are: there may be more than it has."""
        return self.classes == tuple(map(str, range(len(self.classes))))

    def content(self) -> bytes:
        """Return what tells its images from others of the same names and form, as far as that is known unread."""
        return b""

    @abstractmethod
    def _images(self, start: int, stop: int) -> Array:
        """Return the images of a range that lies within the data set."""


class DatasetKind(Dataset):
    """A data set that can be found by a name or by a path."""

    #: True for the kinds that are chosen by a path of the user's, not by name.
    by_path: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def find(cls, folder: Path, split: str) -> "Dataset":
        """Return the `split` of the data set in (or at) `folder`; raise DataError where it is not there."""

    @classmethod
    def is_in(cls, folder: Path, split: str) -> bool:
        """Return whether `folder`, where data sets are kept, holds this one."""
        return False

    @classmethod
    def opens(cls, path: Path) -> bool:
        """Return whether `path`, which the user gave, is a data set of this kind."""
        return False

    @classmethod
    def fetch(cls, folder: Path, progress: Progress | None = None) -> None:
        """Download the data set into `folder`; raise DataError for a kind that cannot be downloaded."""
        raise DataError("there is nothing to download for this data set", mend="Leave --download away")


#: Every kind of data set.
DATASETS: Registry[type[DatasetKind]] = Registry("data set", "xdn.data")


def trained_for(net: Net) -> str | None:
    """Return the registered data set that the net's input names as its source, None where it names none."""
    sources = [str(getattr(layer.params, "source", "")) for layer in net.input_layers]
    return next((source for source in sources if source in DATASETS), None)


def find_dataset(
    name_or_path: str | None = None,
    split: str = "test",
    folder: Path | None = None,
    *,
    download: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Return the data set that is meant.

    Parameters
    ----------
    name_or_path : str, optional
        A registered name, or the path of a folder of images or of a list file. None: the first of
        `settings.DEFAULT_DATASETS` that is found (CIFAR-10, else the synthetic one), or, with `download`, the first.
    split : str
        ``"train"`` or ``"test"``.
    folder : Path, optional
        Where data sets are kept; `settings.data_dir()` by default.
    download : bool
        Fetch the data set where it is not in `folder`.
    progress : callable, optional
        Told the bytes that are fetched.

    Raises
    ------
    DataError
        When nothing of that name or path is there; the message lists the known names.
    """
    folder = folder or settings.data_dir()
    if split not in SPLITS:
        raise DataError(f"no data set has the split {split!r}", mend=f"The splits: {', '.join(SPLITS)}")
    if name_or_path is None:
        here = (name for name in settings.DEFAULT_DATASETS if DATASETS[name].is_in(folder, split))
        name_or_path = settings.DEFAULT_DATASETS[0] if download else next(here)
    named = [name for name, kind in DATASETS.items() if not kind.by_path]
    if name_or_path in named:
        kind = DATASETS[name_or_path]
        if download and not kind.is_in(folder, split):
            kind.fetch(folder, progress)
        return kind.find(folder, split)
    path = Path(name_or_path).expanduser()
    for _, kind in DATASETS.items():
        if kind.opens(path):
            return kind.find(path, split)
    close = nearest(name_or_path, named)
    raise DataError(
        f"{name_or_path!r} is neither a data set nor a folder of images nor a list file",
        mend=(f"The nearest data set: {close[0]}; all" if close else "The data sets") + f": {', '.join(named)}",
    )
