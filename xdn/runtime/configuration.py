"""How a net is run: what changes its time, and none of its results beyond the rounding of sums and of weights."""

import json
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from xdn import settings
from xdn.element import REAL, WEIGHT_ELEMENTS
from xdn.errors import ParseError, SettingError, UnknownNameError
from xdn.files import read_bounded, write_atomically
from xdn.kernels.core.choice import Choice
from xdn.kernels.core.layout import SCHEDULES

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
        found = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "choices"}
        found = {name: value for name, value in found.items() if value != getattr(DEFAULT, name)}
        if self.choices:
            found["choices"] = {
                schedule: {layer: _given(choice) for layer, choice in chosen.items()}
                for schedule, chosen in self.choices.items()
            }
        return found

    @staticmethod
    def of(document: Any, where: str = "configuration") -> "Configuration":
        """Return what `document` wrote.

        Raises
        ------
        SettingError
            For a document of another form; the message names the place in it.
        """
        kinds = {each.name: each for each in fields(Configuration)}
        values: dict[str, Any] = {}
        for name, value in _table(document, where).items():
            if name not in kinds:
                raise SettingError("unknown field", where=f"{where}.{name}", mend=f"Known: {', '.join(kinds)}")
            values[name] = _value(name, value, f"{where}.{name}")
        return Configuration(**values)


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


def _given(choice: Choice) -> dict[str, Any]:
    found = {name: value for name, value in asdict(choice).items() if value is not None}
    return found | ({"tile": list(choice.tile)} if choice.tile else {})


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise SettingError("this is not a JSON object", where=where)
    return value


#: What a JSON value of a type is called.
_KINDS = {str: "a text", bool: "true or false", float: "a number", int: "a whole number"}


def _value(name: str, value: Any, where: str) -> Any:
    """Return the JSON value of a field."""
    if name == "choices":
        return {
            schedule: {
                layer: _choice(choice, f"{where}.{schedule}.{layer}")
                for layer, choice in _table(chosen, f"{where}.{schedule}").items()
            }
            for schedule, chosen in _table(value, where).items()
        }
    kind = {"schedule": str, "weights_as": str, "winograd": bool, "heavy_weights": float}.get(name, int)
    if kind is float and type(value) is int and abs(value) <= 1 << 53:
        value = float(value)
    if type(value) is not kind and not (value is None and getattr(DEFAULT, name) is None):
        raise SettingError(f"{reprlib.repr(value)} is not {_KINDS[kind]}", where=where)
    return value


def _choice(document: Any, where: str) -> Choice:
    """Return a choice; whether its layer has it is seen when the plan is made."""
    found = _table(document, where)
    names = {each.name for each in fields(Choice)}
    if not found.keys() <= names:
        raise SettingError(
            f"unknown field {min(found.keys() - names)!r}", where=where, mend=f"Known: {', '.join(names)}"
        )
    tile = found.get("tile")
    if tile is not None:
        if not (isinstance(tile, list) and len(tile) == 2 and all(type(size) is int for size in tile)):
            raise SettingError(f"{reprlib.repr(tile)} is not a pair of whole numbers", where=f"{where}.tile")
        found = found | {"tile": tuple(tile)}
    for name in ("algorithm", "order"):
        if not isinstance(found.get(name, ""), str):
            raise SettingError(f"{reprlib.repr(found[name])} is not a text", where=f"{where}.{name}")
    return Choice(**found)


#: Everything is left to the rules.
DEFAULT = Configuration()
