"""What tuning found, kept between processes: an SQLite file in the cache folder.

A key says what a result is valid for: the net, the shape of its images, the objective, the processor, the cores, the
versions and sources of what makes the code. A result under another key is not looked at, so an update of any of these
makes XDN tune, or take its defaults, again. Values are JSON, read with care: the file may come from anywhere.
"""

import hashlib
import json
import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, TypeGuard

from xdn import settings
from xdn.codegen.cache import generator_digest
from xdn.codegen.target import cpu_name
from xdn.cpus import affinity_cpus
from xdn.errors import DataError, XdnError
from xdn.files import exists
from xdn.graph import Net
from xdn.kernels.core.choice import F32
from xdn.runtime.configuration import Configuration
from xdn.tune.database import SCHEMA, connected, is_damage, opened
from xdn.tune.trial import Trial

log = logging.getLogger(__name__)

#: Numbers of a stored result lie below this.
_MOST = 1e12


def here() -> dict[str, Any]:
    """Return the facts of this machine and version; `generator_digest` covers features, sources and libraries."""
    return {"schema": SCHEMA, "cpu": cpu_name(), "cores": affinity_cpus(), "kernels": generator_digest()}


def digest_of(document: Any) -> str:
    """Return JSON values as a short text."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Key:
    """What a result is valid for.

    Parameters
    ----------
    facts : mapping
        Names and values, all of them text or numbers.
    """

    facts: Mapping[str, Any]

    @staticmethod
    def of(net: Net, objective: str, threads: int, precision: str = F32) -> "Key":
        """Return the key of a net as it is run, on images of its first input's shape, with so many threads at most.

        What was found in another precision is not taken: it may give other results.
        """
        shape = next(iter(net.inputs.values())).shape[1:]
        own = {"net": net.structure_digest, "image": "x".join(map(str, shape))}
        return Key(here() | own | {"objective": objective, "threads": threads, "precision": precision})

    @property
    def digest(self) -> str:
        """The key as a short text."""
        return digest_of(dict(self.facts))


@dataclass(frozen=True)
class Result:
    """A stored result.

    Parameters
    ----------
    facts : mapping
        Its key's.
    configuration : Configuration
    call_images : int, optional
        Images of a call.
    factor : float
        How many times faster it was than the default.
    cost : float
        In the objective's unit.
    created : float
        Seconds since 1970.
    """

    facts: Mapping[str, Any]
    configuration: Configuration
    call_images: int | None
    factor: float
    cost: float
    created: float = 0.0

    def document(self) -> dict[str, Any]:
        """Return what is stored as JSON values."""
        return {
            "configuration": self.configuration.document(),
            "call_images": self.call_images,
            "factor": self.factor,
            "cost": self.cost,
        }

    @staticmethod
    def of(facts: Any, document: Any, created: Any = 0.0) -> "Result":
        """Return a result from JSON values; raise an XdnError where they are not what `document` writes."""
        if not isinstance(document, dict) or not isinstance(facts, dict):
            raise DataError("a stored result is not a JSON object")
        if not all(isinstance(v, (str, int, float)) and f"{name}{v}".isprintable() for name, v in facts.items()):
            raise DataError("a fact of a stored result is neither text that can be shown nor a number")
        numbers = [document.get("factor"), document.get("cost"), created]
        call = document.get("call_images")
        if not all(map(_is_number, numbers)) or not (call is None or type(call) is int):
            raise DataError("a stored result has no factor, cost or number of images")
        configuration = Configuration.of(document.get("configuration"))
        return Result(facts, configuration, call, float(numbers[0]), float(numbers[1]), float(created))


class Store:
    """The results in one file; several processes may use it at once.

    A file that is not a store of this schema is set aside, and an empty one takes its place. One that cannot be read or
    written, on a disk that is full or read-only, stays as it is: reading then finds nothing, with a warning.

    Parameters
    ----------
    path : Path, optional
        Default: ``tuning.sqlite`` in the cache folder.
    """

    def __init__(self, path: Path | None = None):
        self.path = path or settings.cache_dir() / "tuning.sqlite"

    @contextmanager
    def _changed(self) -> Iterator[sqlite3.Connection]:
        """Open the store to change it, all at once or not at all; raise DataError where it cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._size()
            try:
                connection = connected(self.path)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                self._set_aside(str(error))
                connection = connected(self.path)
            with closing(connection), connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise DataError(f"the store cannot be written: {error}", where=str(self.path)) from error

    def _found(self, query: str, *values: Any) -> Sequence[Any]:
        """Return the rows that a query finds; none, and a warning, where the store cannot be read."""
        if not exists(self.path):
            return []
        try:
            if not self._size():
                return []
            with closing(opened(self.path)) as connection:
                return connection.execute(query, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and is_damage(error):
                self._set_aside(str(error))
            else:
                log.warning("the tuning results in %s cannot be read: %s", self.path, getattr(error, "strerror", error))
        return []

    def _size(self) -> int:
        """Return the bytes of the store, 0 of none, and of one that is too large, which is set aside."""
        size = self.path.stat().st_size if exists(self.path) else 0
        if size <= settings.MAX_STORE_BYTES:
            return size
        self._set_aside(f"it has more than {settings.MAX_STORE_BYTES} bytes")
        return 0

    def _set_aside(self, why: str) -> None:
        aside = self.path.with_name(f"{self.path.name}.broken-{int(time.time())}-{os.getpid()}")
        try:
            self.path.replace(aside)
            for suffix in ("-wal", "-shm", "-journal"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s is not a store of tuning results (%s), and stays: %s", self.path, why, error.strerror)
        else:
            log.warning("%s is not a store of tuning results (%s); it is kept as %s", self.path, why, aside.name)

    def get(self, key: Key) -> Result | None:
        """Return the result for a key, None where there is none that can be read."""
        rows = self._found("SELECT facts, document, created FROM results WHERE key = ?", key.digest)
        return self._read(rows[0]) if rows else None

    def put(self, key: Key, result: Result) -> None:
        """Keep the result for a key, in place of an older one; raise DataError where it cannot be written."""
        facts, document = json.dumps(dict(key.facts)), json.dumps(result.document())
        with self._changed() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", (key.digest, facts, document, time.time())
            )

    def all(self) -> dict[str, Result]:
        """Return digest of the key -> result, newest first; what cannot be read is left out, with a warning."""
        rows = self._found("SELECT key, facts, document, created FROM results ORDER BY created DESC")
        found = {str(digest): self._read(rest) for digest, *rest in rows}
        return {digest: result for digest, result in found.items() if result is not None}

    def _read(self, row: Any) -> Result | None:
        facts, document, created = row
        try:
            return Result.of(_json(facts), _json(document), created)
        except XdnError as error:
            log.warning("a result in %s is passed over: %s", self.path, error)
            return None

    def clear(self, digest: str | None = None) -> int:
        """Remove a result, or everything, unfinished searches too; return how many results there were."""
        if not exists(self.path):
            return 0
        with self._changed() as connection:
            if digest is None:
                connection.execute("DELETE FROM trials")
                return connection.execute("DELETE FROM results").rowcount
            return connection.execute("DELETE FROM results WHERE key = ?", (digest,)).rowcount

    def trials(self, study: str) -> list[Trial]:
        """Return what is on record of a search that was not ended, in order."""
        rows = self._found("SELECT document FROM trials WHERE study = ? ORDER BY number", study)
        found = [_trial(text) for (text,) in rows]
        return [trial for trial in found if trial is not None]

    def add_trial(self, study: str, number: int, trial: Trial) -> None:
        """Put a trial on record."""
        document = json.dumps(trial.document())
        with self._changed() as connection:
            connection.execute("INSERT OR REPLACE INTO trials VALUES (?, ?, ?)", (study, number, document))

    def end_study(self, study: str) -> None:
        """Drop the record of a search that is done."""
        with self._changed() as connection:
            connection.execute("DELETE FROM trials WHERE study = ?", (study,))


def _is_number(value: Any) -> TypeGuard[float]:
    """Return whether a JSON value is a finite number; no seconds since 1970 and no cost are beyond the bound."""
    return isinstance(value, int | float) and -_MOST < value < _MOST


def _json(text: Any) -> Any:
    if not isinstance(text, str):
        raise DataError("a stored value is not text")
    if len(text) > settings.MAX_CONFIGURATION_BYTES:
        raise DataError(f"a stored value has {len(text)} characters; at most {settings.MAX_CONFIGURATION_BYTES}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"a stored value is not JSON: {error}") from error


def _trial(text: Any) -> Trial | None:
    """Return a trial from its JSON, None where that is not one."""
    try:
        document = _json(text)
    except DataError:
        return None
    if not isinstance(document, dict) or not isinstance(document.get("values"), dict):
        return None
    share, score, error = (document.get(name) for name in ("share", "score", "error"))
    if not _is_number(share) or not (score is None or _is_number(score)) or not isinstance(error, str):
        return None
    return Trial(document["values"], float(share), inf if score is None else float(score), error)
