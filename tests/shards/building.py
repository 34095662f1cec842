"""A small run in parts."""

from functools import cache
from pathlib import Path

from tests.evaluate.building import Stripes, brightest_channel
from xdn import api
from xdn.evaluate.scores import first_output
from xdn.runtime.session import Session
from xdn.shards.folder import PartsFolder
from xdn.shards.work import Work, run_blocks

#: Images of the run, and of a part.
IMAGES, BLOCK = 70, 20


@cache
def session() -> Session:
    """Return a session of the net that finds the brightest channel."""
    return Session(brightest_channel(), threads=1)


def stripes_work(count: int = IMAGES, scored: bool = True) -> Work:
    """Return what is to be done with so many images; a net that is always right."""
    net = session().net
    return Work(
        session(), Stripes(count), api.pixel_transform(net, Stripes.shape), first_output(net) if scored else None
    )


def folder_of(work: Work, path: Path) -> PartsFolder:
    """Return a folder with all parts of a run."""
    folder = PartsFolder.begin(path, work.run("net", BLOCK))
    run_blocks(work, folder, folder.run.blocks())
    return folder
