"""A part of a run: what a net says of a block of images, and the file that keeps it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from xdn.arrays import read_arrays, write_arrays
from xdn.errors import ParseError
from xdn.graph import Array
from xdn.record import Reader
from xdn.shards.cut import Block

#: Arrays of every part: (N,) i64 and i32, and the text of what it says of itself.
IMAGE, LABEL, FACTS = "image", "label", "facts"
#: Of a net that tells classes: (N,) i32 and (N, K) f32.
CLASS, SCORES = "class", "scores"
_SUFFIX = ".npz"
#: Beyond what any clock says, in seconds.
_NEVER = 1e12


@dataclass(frozen=True)
class PartFacts:
    """What a part says of itself.

    Parameters
    ----------
    run : str
        The digest of the run that it belongs to.
    start, stop : int
        Its block.
    worker : str
        Which process made it: host, and number.
    threads : int
        As many as it computed with.
    began : float
        When it began, in seconds since 1970.
    seconds : float
        From then, reading the images, to their results.
    kernels_compiled : int
        Kernels that the process had compiled until then since no cache had them.
    """

    run: str
    start: int
    stop: int
    worker: str
    threads: int
    began: float
    seconds: float
    kernels_compiled: int = 0

    @property
    def block(self) -> Block:
        """The images."""
        return Block(self.start, self.stop)


@dataclass(frozen=True, eq=False)
class Part:
    """What a net says of a block of images.

    Parameters
    ----------
    facts : PartFacts
    labels : (N,) i32
        The data set's.
    columns : mapping
        `CLASS` and `SCORES` of a net that tells classes; else output -> (N, K) f32.
    """

    facts: PartFacts
    labels: Array
    columns: Mapping[str, Array]

    def write(self, folder: Path) -> Path:
        """Write the part into a folder, whole or not at all, and return its file; one that was there is replaced."""
        block = self.facts.block
        images = np.arange(block.start, block.stop, dtype=np.int64)
        said = np.frombuffer(json.dumps(asdict(self.facts)).encode(), np.uint8)
        path = folder / part_name(block)
        write_arrays(path, {FACTS: said, IMAGE: images, LABEL: self.labels, **self.columns})
        return path

    @classmethod
    def read(cls, path: Path) -> "Part":
        """Return the part in a file.

        Raises
        ------
        ParseError
            For a file that is damaged, or holds something else than it says.
        """
        columns = read_arrays(path)
        facts = _facts(columns.pop(FACTS, None), path)
        block, images, labels = facts.block, columns.pop(IMAGE, None), columns.pop(LABEL, None)
        rows = (len(block),)
        if images is None or images.shape != rows or not np.array_equal(images, np.arange(block.start, block.stop)):
            raise ParseError(f"the part has other images than {block}", where=str(path))
        if labels is None or labels.shape != rows or any(values.shape[:1] != rows for values in columns.values()):
            raise ParseError("the part has no row for each image", where=str(path))
        if labels.dtype.kind != "i" or any(values.ndim > 2 for values in columns.values()):
            raise ParseError("the part's labels, or its columns, are of another form", where=str(path))
        return cls(facts, labels, columns)


def part_name(block: Block) -> str:
    """Return the name of a part's file: by the block alone, so that a part that is made again takes its place."""
    return f"part-{block.start:010}-{block.stop:010}{_SUFFIX}"


def part_files(folder: Path) -> list[Path]:
    """Return the files of parts in a folder, by the order of their images."""
    return sorted(folder.glob(f"part-*{_SUFFIX}"))


def part_facts(path: Path) -> PartFacts:
    """Return what a part says of itself, without reading the rest; raise ParseError as `Part.read` does."""
    return _facts(read_arrays(path, (FACTS,)).get(FACTS), path)


def _facts(text: Array | None, path: Path) -> PartFacts:
    """Return what a part says of itself, from the bytes of a JSON object."""
    try:
        said = json.loads(b"" if text is None else text.tobytes())
    except (ValueError, RecursionError):
        raise ParseError("this archive is not a part of a run", where=str(path)) from None
    facts = Reader(ParseError, lenient=True).read(PartFacts, said, str(path))
    if not 0 <= facts.start < facts.stop <= np.iinfo(np.int64).max:
        raise ParseError(f"there are no images {facts.block}", where=str(path))
    if not (0 <= facts.began < _NEVER and 0 < facts.seconds < _NEVER):
        raise ParseError("its times are not those of a run", where=str(path))
    return facts
