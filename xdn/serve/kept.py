"""What runs of a net took, kept in the cache folder: a service that starts again need not measure them anew."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path

from xdn import settings
from xdn.errors import DataError, XdnError
from xdn.files import exists, read_json, write_json
from xdn.graph import Net
from xdn.record import Reader
from xdn.runtime.configuration import Configuration
from xdn.serve.times import Seconds
from xdn.tune.store import digest_of, here

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Kept:
    """What a file holds."""

    seconds: Mapping[str, Mapping[str, float]]


class KeptTimes:
    """The times of one net, as it is run on this machine by this version.

    Parameters
    ----------
    net : Net
    configuration : Configuration
    threads, most_images : int
    """

    def __init__(self, net: Net, configuration: Configuration, threads: int, most_images: int):
        how = {"configuration": configuration.document(), "threads": threads, "most_images": most_images}
        digest = digest_of(here() | {"net": net.structure_digest} | how)
        #: Where they are kept.
        self.path: Path = settings.cache_dir() / "served" / f"{digest}.json"

    def read(self) -> Seconds:
        """Return what is kept; nothing, with a warning, where that cannot be read."""
        if not exists(self.path):
            return {}
        try:
            document = read_json(self.path, settings.MAX_CONFIGURATION_BYTES)
            kept = Reader(DataError).read(_Kept, document)
            return {name: _checked(of) for name, of in kept.seconds.items()}
        except (XdnError, OSError) as error:
            log.warning("the times in %s are measured anew: %s", self.path, error)
            return {}

    def write(self, seconds: Seconds) -> None:
        """Keep times in place of those that are kept; a folder that cannot be written is left alone."""
        named = {name: {str(images): each for images, each in of.items()} for name, of in seconds.items()}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, asdict(_Kept(named)))
        except (XdnError, OSError) as error:
            log.warning("times cannot be kept in %s: %s", self.path, error)


def _checked(seconds: Mapping[str, float]) -> dict[int, float]:
    """Return the seconds of each number of images; DataError where they cannot be such."""
    for images, each in seconds.items():
        if not (images.isdecimal() and len(images) < 10 and int(images) and isfinite(each) and each > 0):
            raise DataError(f"{each} seconds of {images[:20]!r} images")
    return {int(images): each for images, each in seconds.items()}
