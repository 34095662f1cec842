"""How a net is run: what changes its time, and none of its results beyond the rounding of sums and of weights."""

import json
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from xdn import settings
from xdn.element import REAL, WEIGHT_ELEMENTS
from xdn.errors import ParseError, SettingError, UnknownNameError
from xdn.files import read_bounded, write_atomically
from xdn.kernels.core.choice import Choice
from xdn.kernels.core.layout import SCHEDULES

T = TypeVar("T")

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
        Whether 3x3 convolutions may be computed with fewer multiplications, and larger rounding errors.
    weights_as : str
        Number format in which weights of convolutions and inner products are stored: ``"f32"``, ``"bf16"`` or
        ``"f16"``, of half the size. They are rounded to it, and computed with in f32. Filters that Winograd's
        algorithm transforms are rounded before that, and the transformed ones kept in f32; depthwise filters remain.
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
        return _read(Configuration, document, where)


def load_configuration(path: Path) -> Configuration:
    """Return the configuration that a JSON file holds.

    Raises
    ------
    ParseError
        Where there is no such file, or it is too large or is not JSON.
    SettingError
        For JSON that is not a configuration.
    """
    try:
        document = json.loads(read_bounded(path, settings.MAX_CONFIGURATION_BYTES))
    except (ValueError, RecursionError) as error:
        raise ParseError(f"this is not JSON: {error}", where=str(path)) from error
    return Configuration.of(document, str(path))


def save_configuration(configuration: Configuration, path: Path) -> None:
    """Write a configuration as a JSON file, which `load_configuration` reads."""
    write_atomically(path, json.dumps(configuration.document(), indent=2).encode() + b"\n")


def _said(named: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the fields of a dataclass that say something, as JSON values."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in named if value is not None}


def _read(kind: type[T], document: Any, where: str) -> T:
    """Return the dataclass whose fields a JSON object holds; whether layers have its choices is seen in a plan."""
    hints, values = get_type_hints(kind), {}
    for name, value in _table(document, where).items():
        if name not in hints:
            raise SettingError("unknown field", where=f"{where}.{name}", mend=f"Known: {', '.join(hints)}")
        values[name] = _value(hints[name], value, f"{where}.{name}")
    return kind(**values)


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise SettingError("this is not a JSON object", where=where)
    return value


#: What a JSON value of a type is called.
_KINDS = {str: "a text", bool: "true or false", float: "a number", int: "a whole number", tuple: "two whole numbers"}


def _value(hint: Any, value: Any, where: str) -> Any:
    """Return the JSON value of a field with a type hint."""
    of = get_args(hint)
    if hint is Choice:
        return _read(Choice, value, where)
    if get_origin(hint) is Mapping:
        return {name: _value(of[1], each, f"{where}.{name}") for name, each in _table(value, where).items()}
    if value is None and type(None) in of:
        return None
    kind = of[0] if of else hint
    kind = get_origin(kind) or kind
    if kind is float and type(value) is int and abs(value) <= 1 << 53:
        value = float(value)
    elif kind is tuple and isinstance(value, list) and [type(each) for each in value] == [int, int]:
        value = tuple(value)
    if type(value) is not kind:
        raise SettingError(f"{reprlib.repr(value)} is not {_KINDS[kind]}", where=where)
    return value


#: Everything is left to the rules.
DEFAULT = Configuration()
