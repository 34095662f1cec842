"""A small run in parts."""

from functools import cache

from tests.evaluate.building import Stripes, brightest_channel
from xdn import api
from xdn.evaluate.scores import first_output
from xdn.runtime.session import Session
from xdn.shards.work import Work

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
