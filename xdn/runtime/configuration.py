"""How a net is run: what changes its time, and none of its results beyond the rounding of sums and their terms."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from xdn import settings
from xdn.element import REAL, WEIGHT_ELEMENTS
from xdn.errors import SettingError, UnknownNameError
from xdn.files import read_json, write_json
from xdn.kernels.core.choice import F32, PRECISIONS, Choice
from xdn.kernels.core.layout import SCHEDULES
from xdn.record import Reader

#: The most threads and blocks that a configuration may ask for.
_MOST = 1 << 16


@dataclass(frozen=True)
class Configuration:
    """What may be chosen for a session; what is None is left to a rule.

    Parameters
    ----------
    threads : int, optional
        Workers.
    members : int, optional
        Threads that share the work of each image in the channel schedule (model parallelism); the workers form
        `threads` // `members` replicas, which take images side by side (data parallelism). None: images go to as many
        replicas as there are images for, and threads that are left over help them.
    schedule : str, optional
        ``"batch"``: vectors of images, ``"channel"``: vectors of channels.
    chunk_blocks : int, optional
        Blocks of images that a replica takes at a time.
    heavy_weights : float
        From how many times the bytes of its blobs (of one block) on a layer's weights a layer takes all blocks of a
        chunk at once: where the segments of a plan begin and end.
    light_blocks : int
        Blocks that the other layers take at a time.
    winograd : bool
        Whether convolutions may be computed with fewer multiplications, and larger rounding errors: those of 3x3 by
        Winograd's minimal filtering, pointwise ones by Strassen's algorithm.
    weights_as : str
        Number format in which weights of convolutions and inner products are stored: ``"f32"``, ``"bf16"`` or
        ``"f16"``, of half the size. They are rounded to it, and computed with in f32. Filters that Winograd's
        algorithm transforms, or Strassen's sums, are rounded before that, and what it makes of them kept in f32;
        depthwise filters remain.
    precision : str
        Which algorithms may be taken: ``"f32"``, all whose error is that of f32 sums, by the tile unit where there is
        one; ``"fma"``, those whose results are the same bits on all processors; ``"bf16x3"``, by the tile unit with
        three products of bf16 parts instead of six where that is faster, to 16 bits instead of 24; ``"bf16"``: layers
        read bf16 (the stage ``read-bf16``), which `xdn.Session` lets them, and others are computed as by ``"f32"``.
    choices : mapping
        Schedule's name -> layer's name -> how it is computed; all others by the rule.

    Raises
    ------
    SettingError, UnknownNameError
        For a value that means nothing.
    """

    threads: int | None = None
    members: int | None = None
    schedule: str | None = None
    chunk_blocks: int | None = None
    heavy_weights: float = settings.HEAVY_WEIGHTS
    light_blocks: int = 1
    winograd: bool = True
    weights_as: str = REAL.name
    precision: str = F32
    choices: Mapping[str, Mapping[str, Choice]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("threads", "members", "chunk_blocks", "light_blocks"):
            value = getattr(self, name)
            if value is not None and not (type(value) is int and 1 <= value <= _MOST):
                raise SettingError(f"{value!r} is not between 1 and {_MOST}", where=name)
        if not self.heavy_weights >= 0:
            raise SettingError(f"{self.heavy_weights!r} is not a positive number", where="heavy_weights")
        if self.weights_as not in WEIGHT_ELEMENTS:
            raise UnknownNameError(
                f"weights cannot be stored as {self.weights_as!r}", mend=f"Known: {', '.join(WEIGHT_ELEMENTS)}"
            )
        if self.precision not in PRECISIONS:
            raise UnknownNameError(f"unknown precision {self.precision!r}", mend=f"Known: {', '.join(PRECISIONS)}")
        for schedule in (self.schedule, *self.choices):
            if schedule is not None and schedule not in SCHEDULES:
                raise UnknownNameError(f"unknown schedule {schedule!r}", mend=f"Known: {', '.join(SCHEDULES)}")

    def with_given(self, **given: Any) -> "Configuration":
        """Return the configuration with those fields replaced that are given; None stands for one that is not."""
        # A name that is not a field stays among them, and is refused.
        found: dict[str, Any] = {
            name: getattr(self, name, None) if value is None else value for name, value in given.items()
        }
        return replace(self, **found)

    def document(self) -> dict[str, Any]:
        """Return everything that is not at its default as JSON values."""
        found = asdict(self, dict_factory=_said)
        return {name: value for name, value in found.items() if value != getattr(DEFAULT, name)}

    @staticmethod
    def of(document: Any, where: str = "configuration") -> "Configuration":
        """Return what `document` wrote.

        Raises
        ------
        SettingError
            For a document of another form; the message names the place in it.
        """
        return Reader(SettingError).read(Configuration, document, where)


def load_configuration(path: Path) -> Configuration:
    """Return the configuration that a JSON file holds.

    Raises
    ------
    ParseError
        Where there is no such file, or it is too large or is not JSON.
    SettingError
        For JSON that is not a configuration.
    """
    return Configuration.of(read_json(path, settings.MAX_CONFIGURATION_BYTES), str(path))


def save_configuration(configuration: Configuration, path: Path) -> None:
    """Write a configuration as a JSON file, which `load_configuration` reads."""
    write_json(path, configuration.document())


def _said(named: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the fields of a dataclass that say something, as JSON values."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in named if value is not None}


#: Everything is left to the rules.
DEFAULT = Configuration()
