"""The data of a run: found by what the user said, packed where it is not yet."""

from dataclasses import dataclass
from pathlib import Path

from xdn.data.dataset import DATASETS, Dataset, Progress, Size, find_dataset
from xdn.data.header import MAGIC
from xdn.data.packed import PackedData, cached_path, pack
from xdn.data.reordered import reordered
from xdn.data.resized import resized
from xdn.errors import DataError


@dataclass(frozen=True, eq=False)
class DataSource:
    """What a run must know of its data, packed or not.

    Parameters
    ----------
    name, title, split : str
        As in `Dataset`.
    classes : tuple of str
    channel_order : str
        ``"rgb"`` or ``"bgr"``.
    image_shape : (H, W, C)
    data : PackedData or Dataset
        The packed file, or the data set whose images are decoded when they are asked for.
    """

    name: str
    title: str
    split: str
    classes: tuple[str, ...]
    channel_order: str
    image_shape: tuple[int, int, int]
    data: PackedData | Dataset

    @staticmethod
    def of(data: PackedData | Dataset) -> "DataSource":
        """Return the source that `data` is."""
        if isinstance(data, PackedData):
            h = data.header
            return DataSource(h.dataset, h.title, h.split, h.classes, h.channel_order, h.shape[1:], data)
        return DataSource(data.name, data.title, data.split, data.classes, data.channel_order, data.shape, data)


def is_packed(path: Path) -> bool:
    """Return whether the file at `path` begins as packed data does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def find_data(
    what: str | None,
    default: str | None = None,
    *,
    size: Size | None = None,
    channel_order: str | None = None,
    download: bool = False,
) -> PackedData | Dataset:
    """Return the test data that the user means.

    Parameters
    ----------
    what : str, optional
        A packed file, a data set's name, a folder of images, a list file, or the folder that holds CIFAR-10.
    default : str, optional
        The data set to take where `what` is None; where both are None, the first that is found.
    size : (height, width), optional
        Resize the images.
    channel_order : str, optional
        Turn the channels round where the data has them in another order than this, ``"rgb"`` or ``"bgr"``.
    download : bool
        Fetch the data set where it is not there.

    Raises
    ------
    DataError
        Where there is no such data, or packed data would have to be resized or its channels turned round.
    """
    if what is not None and is_packed(Path(what)):
        if size is not None:
            raise DataError("packed data is not resized", where=what, mend="Leave out --size, or pack with it")
        packed = PackedData.open(Path(what))
        if channel_order not in (None, packed.header.channel_order):
            mend = f"Pack the data with --channel-order {channel_order}"
            raise DataError(f"packed data keeps its order, {packed.header.channel_order}", where=what, mend=mend)
        return packed
    if what is not None and what not in DATASETS and DATASETS["cifar10"].is_in(Path(what), "test"):
        dataset = find_dataset("cifar10", folder=Path(what))
    else:
        dataset = find_dataset(what or default, download=download)
    dataset = resized(dataset, size) if size else dataset
    return reordered(dataset, channel_order) if channel_order else dataset


def packed_in_cache(dataset: Dataset, progress: Progress | None = None) -> PackedData:
    """Return the data set packed into the cache; a named set is packed once, files of the user's each time.

    Raises
    ------
    DataError
        Where the cache folder cannot be written.
    """
    path = cached_path(dataset)
    try:
        if dataset.origin or not path.is_file():
            pack(dataset, path, progress)
        try:
            return PackedData.open(path)
        except DataError:
            # What the cache holds can always be made again.
            pack(dataset, path, progress)
            return PackedData.open(path)
    except OSError as error:
        mend = "Name another cache folder with XDN_CACHE, or run with --online"
        raise DataError(f"the packed data cannot be kept: {error.strerror}", where=str(path), mend=mend) from None
