"""The folder of a run in parts: what is run, which parts there are, and which ones are missing."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from xdn import settings
from xdn.errors import DataError, ParseError, listed
from xdn.files import exists, read_json, write_json
from xdn.record import Reader
from xdn.shards.cut import Block, blocks
from xdn.shards.part import Part, PartFacts, part_facts, part_files, part_name

log = logging.getLogger(__name__)

#: The format of the folder, and the file that says what is run.
FORMAT = "xdn.parts/1"
RUN = "run.json"


@dataclass(frozen=True)
class Run:
    """What is run: equal for all who take part.

    Parameters
    ----------
    net, data : str
        Names as people read them.
    images : int
        All of them.
    block_images : int
        Images of a part.
    classes : tuple of str
        The data set's.
    scored : bool
        Whether the net tells classes.
    facts : mapping
        What decides the results -> its digest: the net, the images, what is done to them.
    format : str
        `FORMAT`.
    """

    net: str
    data: str
    images: int
    block_images: int
    classes: tuple[str, ...]
    scored: bool
    facts: Mapping[str, str]
    format: str = FORMAT

    @property
    def digest(self) -> str:
        """SHA-256 over all but the net's name, which may differ from machine to machine."""
        said = asdict(self) | {"net": ""}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    @property
    def parts(self) -> int:
        """How many parts all images are cut into."""
        return -(-self.images // self.block_images)

    def blocks(self) -> tuple[Block, ...]:
        """Return the blocks of all images."""
        return blocks(self.images, self.block_images)

    def differing(self, other: "Run") -> list[str]:
        """Return the names of what another run has otherwise."""
        own, its = ({**asdict(each), **each.facts} for each in (self, other))
        return sorted(
            name.replace("_", " ") for name in {*own, *its} - {"net", "facts"} if own.get(name) != its.get(name)
        )


@dataclass(frozen=True)
class PartsFolder:
    """A folder with the parts of one run.

    Parameters
    ----------
    path : Path
    run : Run
    """

    path: Path
    run: Run

    @classmethod
    def begin(cls, path: Path, run: Run) -> "PartsFolder":
        """Return the folder for a run, made where it is not there; several processes may begin at once.

        Raises
        ------
        DataError
            Where it has parts of another run.
        """
        path.mkdir(parents=True, exist_ok=True)
        if not exists(path / RUN):
            write_json(path / RUN, asdict(run), durable=True)
        found = cls.open(path)
        if found.run.digest != run.digest:
            named = listed(found.run.differing(run))
            mend = "Name another folder with --parts, or remove this one"
            raise DataError(
                f"the folder has parts of another run, which differs in {named}", where=str(path), mend=mend
            )
        return found

    @classmethod
    def open(cls, path: Path) -> "PartsFolder":
        """Return the folder of a run that has begun.

        Raises
        ------
        ParseError
            Where it is none, or its file is damaged.
        """
        where = str(path / RUN)
        run = Reader(ParseError, lenient=True).read(Run, read_json(path / RUN, settings.MAX_RESULT_BYTES), where)
        if run.format != FORMAT:
            raise ParseError(f"the format {run.format!r} is not {FORMAT!r}", where=where)
        if min(run.images, run.block_images) < 1:
            raise ParseError("a run has images, and a part of it, too", where=where)
        return cls(path, run)

    def absolute(self) -> "PartsFolder":
        """Return the folder for a process that works elsewhere."""
        return PartsFolder(self.path.absolute(), self.run)

    def missing(self, asked: tuple[Block, ...]) -> tuple[Block, ...]:
        """Return the blocks of those asked for that have no whole part of this run yet; what is there is read whole."""
        return tuple(block for block in asked if not self._has(block, _facts_of_whole))

    def unseen(self, asked: tuple[Block, ...]) -> tuple[Block, ...]:
        """Return the blocks of those asked for that have no part of this run yet, by what parts say of themselves."""
        return tuple(block for block in asked if not self._has(block, part_facts))

    def _has(self, block: Block, facts_of: Callable[[Path], PartFacts]) -> bool:
        path = self.path / part_name(block)
        if not exists(path):
            return False
        try:
            facts = facts_of(path)
        except ParseError as error:
            log.warning("made again: %s", error)
            return False
        return facts.run == self.run.digest and facts.block == block

    def parts(self) -> Iterator[Part]:
        """Yield all parts in the order of their images.

        Raises
        ------
        DataError
            Naming the images that are missing or there twice, and parts of other runs.
        """
        files = self._files()
        _check_cover(files, self.run.images)
        for path in files:
            yield Part.read(path)

    def _files(self) -> dict[Path, PartFacts]:
        found = {path: part_facts(path) for path in part_files(self.path)}
        strangers = [path.name for path, facts in found.items() if facts.run != self.run.digest]
        if strangers:
            mend = "Remove them, and run their images again"
            raise DataError(f"parts of another run: {listed(strangers)}", where=str(self.path), mend=mend)
        return dict(sorted(found.items(), key=lambda pair: pair[1].block))


def _facts_of_whole(path: Path) -> PartFacts:
    return Part.read(path).facts


def _check_cover(files: Mapping[Path, PartFacts], images: int) -> None:
    """Raise DataError unless each image of a run lies in exactly one of its parts, which come in order."""
    missing, double, reached, last = [], [], 0, ""
    for path, facts in files.items():
        if facts.start > reached:
            missing.append(str(Block(reached, facts.start)))
        if facts.start < reached:
            double.append(f"{Block(facts.start, min(reached, facts.stop))} in {last} and {path.name}")
        if facts.stop >= reached:
            reached, last = facts.stop, path.name
    if reached < images:
        missing.append(str(Block(reached, images)))
    if double:
        raise DataError(f"images are there twice: {listed(double)}", mend="Remove one of the parts")
    if missing:
        mend = "Run their shards again: what is there is kept"
        raise DataError(f"images are missing: {listed(missing)} of {images}", mend=mend)
    if reached > images:
        raise DataError(f"the parts have {reached} images, the run {images}")
