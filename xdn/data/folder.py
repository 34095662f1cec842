"""Images in files: a folder with one folder a class, and a list file as Caffe's ImageData reads it."""

import codecs
import io
import logging
import os
from copy import copy
from pathlib import Path

import numpy as np

from xdn import settings
from xdn.data.dataset import DATASETS, GREY, DatasetKind, Size
from xdn.data.decode import OPENCV_VERSION, SUFFIXES, decode, resize, resize_record
from xdn.errors import DataError, listed
from xdn.files import exists, read_bounded
from xdn.graph import Array

log = logging.getLogger(__name__)


class ImageFiles(DatasetKind):
    """Images that are decoded, and resized, whenever they are asked for; B,G,R as OpenCV gives them, or grey.

    Parameters
    ----------
    path : Path
        The folder or list that the user named.
    split : str
        ``"train"`` or ``"test"``.
    files : list of Path
        One file an image.
    labels : list of int
        One label an image.
    classes : tuple of str
        Class names.
    """

    channel_order = "bgr"
    by_path = True

    def __init__(self, path: Path, split: str, files: list[Path], labels: list[int], classes: tuple[str, ...]):
        self.name, self.origin = _printable(path.resolve().name), str(path.resolve())
        self.title = f"{self.name} ({len(files)} image files)"
        self.split, self.classes = split, tuple(map(_printable, classes))
        self.labels = np.array(labels, np.int32)
        self.files = files
        self._size: Size | None = None
        height, width, channels = decode(files[0]).shape
        self.shape = (height, width, channels)
        self.preprocessing = {"decoder": "OpenCV", "opencv": OPENCV_VERSION}

    def at_size(self, size: Size) -> "ImageFiles":
        """Return the same images, each resized to (height, width) = `size` when it is decoded."""
        other = copy(self)
        other._size, other.shape = size, (*size, self.shape[2])
        other.preprocessing = self.preprocessing | resize_record(size)
        return other

    def content(self) -> bytes:
        """Return the names of the files, each with that of its folder; where the whole lies differs by machine."""
        return b"\0".join(os.fsencode("/".join(file.parts[-2:])) for file in self.files)

    def in_grey(self) -> "ImageFiles":
        """Return the same images with one channel, as Caffe's ImageData decodes them for `is_color: false`."""
        other = copy(self)
        other.channel_order, other.shape = GREY, (*self.shape[:2], 1)
        other.preprocessing = self.preprocessing | {"colour": GREY}
        return other

    def _images(self, start: int, stop: int) -> Array:
        images = np.empty((stop - start, *self.shape), np.uint8)
        for image, file in zip(images, self.files[start:stop], strict=True):
            decoded = decode(file, grey=self.channel_order == GREY)
            decoded = decoded if self._size is None else resize(decoded, self._size)
            if decoded.shape != self.shape:
                (h, w, _), (first_h, first_w, _) = decoded.shape, self.shape
                raise DataError(
                    f"the image has {h}x{w} pixels, the first has {first_h}x{first_w}",
                    where=str(file),
                    mend="Give one size for all with --size HxW",
                )
            image[...] = decoded
        return images


@DATASETS.register("folder")
class ImageFolder(ImageFiles):
    """FOLDER: the images in a folder with one folder a class, in the order of their sorted names."""

    @classmethod
    def opens(cls, path: Path) -> bool:
        """Return whether `path` is a folder."""
        return path.is_dir()

    @classmethod
    def find(cls, folder: Path, split: str) -> "ImageFolder":
        """Return the images in `folder`/`split` where that has folders of classes, else in `folder` itself.

        Images for tests lie in ``test``, or else in ``val``.

        Raises
        ------
        DataError
            Where there are no folders of classes, none of them has an image, or only another split is there.
        """
        root = _root(folder, split)
        classes = _subfolders(root)
        if not classes:
            mend = (
                'Put the images of each class into a folder of its own, or name a list file: "path label" on each line'
            )
            raise DataError("the folder holds no folders of images, one a class", where=str(root), mend=mend)
        if len(classes) > settings.MAX_CLASSES:
            raise DataError(f"{len(classes)} classes; at most {settings.MAX_CLASSES} are read", where=str(root))
        found = [(file, label) for label, name in enumerate(classes) for file in _images_in(root / name)]
        if not found:
            raise DataError("no folder of a class holds an image", where=str(root), mend=_KNOWN_ENDINGS)
        _tell_left_out(root, classes)
        files, labels = zip(*found, strict=True)
        return cls(folder, split, list(files), list(labels), tuple(classes))


@DATASETS.register("list")
class ImageList(ImageFiles):
    """LIST: the images of a text file with "path label" on each line, as Caffe's ImageData reads it."""

    @classmethod
    def opens(cls, path: Path) -> bool:
        """Return whether `path` is a file."""
        return path.is_file()

    @classmethod
    def find(cls, folder: Path, split: str) -> "ImageList":
        """Return the images that the file `folder` lists; the classes are named by their numbers.

        The label stands after the last blank (Caffe's image_data_layer.cpp). A relative path counts from the list's
        folder, and where nothing is there, from the working folder, as in Caffe.
        """
        path = folder
        content = read_bounded(path, settings.MAX_LIST_BYTES)
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and b"\0" in content:
            raise DataError("the list is UTF-16", where=str(path), mend="Save it as UTF-8")
        if b"\0" in content:
            raise DataError("the file is binary, not a text list", where=str(path), mend='Each line is "path label"')
        content = content.removeprefix(codecs.BOM_UTF8)
        files: list[Path] = []
        labels: list[int] = []
        for number, raw in enumerate(io.BytesIO(content), 1):
            line = raw.decode("utf-8", errors="surrogateescape").strip()
            if not line:
                continue
            name, _, label = line.rpartition(" ")
            if not name or not (label.isascii() and label.isdigit()) or len(label) > 9:
                raise DataError('the line is not "path label"', where=f"{path}:{number}")
            if int(label) >= settings.MAX_CLASSES:
                raise DataError(f"label {label}; at most {settings.MAX_CLASSES} classes", where=f"{path}:{number}")
            if len(files) == settings.MAX_LIST_IMAGES:
                raise DataError(f"more than {settings.MAX_LIST_IMAGES} images", where=f"{path}:{number}")
            beside = path.parent / name.strip()
            files.append(beside if exists(beside) else Path(name.strip()))
            labels.append(int(label))
        if not files:
            raise DataError("the list names no image", where=str(path), mend='Each line is "path label"')
        return cls(path, split, files, labels, tuple(str(label) for label in range(max(labels) + 1)))


#: Split -> the folders that may hold it.
_SPLITS = {"train": ("train",), "test": ("test", "val")}
_KNOWN_ENDINGS = f"Files in a class's folder are images by their ending: {' '.join(sorted(SUFFIXES))}"


def _printable(name: str) -> str:
    """Return the name with bytes that are not UTF-8 shown as question marks."""
    return name.encode(errors="replace").decode()


def _subfolders(folder: Path) -> list[str]:
    """Return the sorted names of the folders in `folder`, hidden ones left out."""
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _is_image(entry: Path) -> bool:
    return entry.suffix.lower() in SUFFIXES and entry.is_file()


def _root(folder: Path, split: str) -> Path:
    """Return the folder that holds the folders of classes; raise DataError where only another split is there."""
    places = {name: [folder / part for part in parts if _subfolders(folder / part)] for name, parts in _SPLITS.items()}
    if places[split] or not any(places.values()):
        return next(iter(places[split]), folder)
    found = listed([place.name for each in places.values() for place in each])
    mend = f"Add a folder {_SPLITS[split][0]}, or name one of its folders"
    raise DataError(f"the folder has {found}, but nothing for {split}", where=str(folder), mend=mend)


def _images_in(folder: Path) -> list[Path]:
    """Return the image files in `folder`, sorted by name."""
    return sorted(entry for entry in folder.iterdir() if _is_image(entry))


def _tell_left_out(root: Path, classes: list[str]) -> None:
    """Name in one warning what lies among the images and is not read: other files, folders within folders of classes.

    Hidden files are nobody's images. A file beside the folders of classes belongs to none of them.
    """
    left = [entry for entry in root.iterdir() if entry.name not in classes]
    left += [entry for name in classes for entry in (root / name).iterdir() if not _is_image(entry)]
    shown = sorted(str(entry.relative_to(root)) for entry in left if not entry.name.startswith("."))
    if shown:
        log.warning("%s: %d entries are not read: %s. %s", root, len(shown), _printable(listed(shown)), _KNOWN_ENDINGS)
