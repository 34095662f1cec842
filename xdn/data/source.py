"""The data of a run: found by what the user said, packed where it is not yet."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from xdn.data.dataset import DATASETS, Dataset, Progress, Size, find_dataset, trained_for
from xdn.data.folder import ImageFiles
from xdn.data.header import MAGIC
from xdn.data.packed import PackedData, cached_path, pack
from xdn.data.resized import resized
from xdn.data.views import reordered
from xdn.errors import DataError
from xdn.files import is_file
from xdn.graph import Net

#: What finds data as `find_data` does.
Find = Callable[..., Dataset]


def default_data(net: Net) -> str | None:
    """Return the data that the net's input names: a registered data set, or a list file beside the net or here."""
    known = trained_for(net)
    if known is not None:
        return known
    sources = [str(getattr(layer.params, "source", "")) for layer in net.input_layers]
    folders = [*([net.folder] if net.folder is not None else []), Path()]
    lists = (folder / source for source in sources if source for folder in folders)
    return next((str(path) for path in lists if is_file(path)), None)


def declared_size(net: Net) -> Size | None:
    """Return (height, width) to which the net's ImageData layer resizes images, None where it does not."""
    sizes = [getattr(layer.params, "resize", ()) for layer in net.input_layers]
    return next(((size[0], size[1]) for size in sizes if size), None)


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
    split: str | None = None,
    usual_split: str = "test",
    size: Size | None = None,
    usual_size: Size | None = None,
    channel_order: str | None = None,
    channels: int | None = None,
    resize_any: bool = False,
    folder: Path | None = None,
    download: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Return the data that the user means; every command finds it here.

    Parameters
    ----------
    what : str, optional
        A packed file, a data set's name, a folder of images, a list file, or the folder that holds CIFAR-10.
    default : str, optional
        The data set to take where `what` is None; where both are None, the first that is found.
    split : str, optional
        ``"train"`` or ``"test"``; of a packed file, which has one split, only that.
    usual_split : str
        The split of a data set where `split` is None.
    size : (height, width), optional
        Resize image files to it. Data sets whose images have one size are not: a resized image is another one than the
        crop that a net was trained on.
    usual_size : (height, width), optional
        The size of image files where `size` is None.
    channel_order : str, optional
        Turn the channels round where the data has them in another order than this, ``"rgb"`` or ``"bgr"``.
    channels : int, optional
        How many the net reads; 1: image files are decoded grey.
    resize_any : bool
        Resize data sets of one size nevertheless.
    folder : Path, optional
        Where data sets are kept.
    download : bool
        Fetch the data set where it is not there.
    progress : callable, optional
        Told the bytes that are fetched.

    Raises
    ------
    DataError
        Where there is no such data, or what has its size, split or order of channels would have to have another.
    """
    if what is not None and is_packed(Path(what)):
        return _packed(Path(what), split, size, channel_order)
    wanted = split or usual_split
    if what is not None and what not in DATASETS and DATASETS["cifar10"].is_in(Path(what), wanted):
        dataset = find_dataset("cifar10", wanted, Path(what))
    else:
        dataset = find_dataset(what or default, wanted, folder, download=download, progress=progress)
    if isinstance(dataset, ImageFiles):
        dataset, size = dataset.in_grey() if channels == 1 else dataset, size or usual_size
    elif size and not resize_any:
        _check_size(dataset.title, dataset.shape, size)
    dataset = resized(dataset, size) if size else dataset
    return reordered(dataset, channel_order) if channel_order else dataset


def _packed(path: Path, split: str | None, size: Size | None, channel_order: str | None) -> PackedData:
    """Return the packed file, which is taken as it is; raise DataError where it is not as it is wanted."""
    packed = PackedData.open(path)
    header = packed.header
    if size:
        _check_size(str(path), header.shape[1:], size)
    if split not in (None, header.split):
        raise DataError(f"the packed file has the split {header.split}, not {split}", where=str(path))
    if channel_order not in (None, header.channel_order):
        mend = f"Pack the data with xdn-pack --data-order {channel_order}"
        raise DataError(f"packed data keeps its order, {header.channel_order}", where=str(path), mend=mend)
    return packed


def _check_size(where: str, shape: tuple[int, int, int], size: Size) -> None:
    """Raise DataError where images that have one size, (H, W, C) `shape`, would have to be resized."""
    if shape[:2] == size:
        return
    raise DataError(
        f"only image files are resized to {size[0]}x{size[1]}; these images have {shape[0]}x{shape[1]} pixels",
        where=where,
        mend="Cut out their middle with --crop, or, where resized ones are meant, pack them with xdn-pack --size",
    )


def packed_in_cache(dataset: Dataset, progress: Progress | None = None) -> PackedData:
    """Return the data set packed into the cache; a named set is packed once, files of the user's each time.

    Raises
    ------
    DataError
        Where the cache folder cannot be written.
    """
    path = cached_path(dataset)
    try:
        if path.is_file() and not dataset.origin:
            # What the cache holds can always be made again.
            with suppress(DataError):
                return PackedData.open(path)
        pack(dataset, path, progress)
        return PackedData.open(path)
    except OSError as error:
        mend = "Name another cache folder with XDN_CACHE, or use xdn-run --online"
        raise DataError(f"the packed data cannot be kept: {error.strerror}", where=str(path), mend=mend) from None
