"""The store's SQLite file: its tables, and what is checked before a file is taken for one.

A file is opened to be read or to be written. Reading writes nothing, neither to the file nor beside it: a store on a
full or a read-only disk is read as any other. Only damage makes a file no store; all else that goes wrong (no room, no
right to write, another process) leaves the file as it is.
"""

import sqlite3
from itertools import repeat
from pathlib import Path

#: Raised whenever tables or documents change their meaning.
SCHEMA = 1
#: How long a process waits for another one that writes, in seconds.
_BUSY_S = 10.0
#: How many steps SQLite's machine may take for a connection, which is a second or so, and after how many it asks.
_MOST_STEPS, _STEPS = 1 << 25, 1 << 14

_TABLES = """
CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, facts TEXT NOT NULL, document TEXT NOT NULL, created REAL);
CREATE TABLE IF NOT EXISTS trials (study TEXT, number INTEGER, document TEXT NOT NULL, PRIMARY KEY (study, number));
"""


#: What SQLite says of a file that is damaged, is not a database, has other tables, or takes too many steps to read.
_DAMAGE = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_INTERRUPT}
#: What it says where a file beside the store is needed, of a process that did not end well, and cannot be made.
_NOTHING_BESIDE = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_PERM,
}


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error of `connected` or `opened` lies in the file itself."""
    return _code(error) in _DAMAGE


def connected(path: Path) -> sqlite3.Connection:
    """Open the store at `path` to change it, with empty tables where there is none.

    A file may come from anywhere, so it must hold these tables and nothing else (a view or a trigger runs what it
    likes), be whole (pages that several others point to are read for ever), and be read in a bounded number of steps.

    Raises
    ------
    sqlite3.DatabaseError
        For every other file, and where it cannot be written; `is_damage` tells which.
    """
    return _opened(path, "mode=rwc", creates=True)


def opened(path: Path) -> sqlite3.Connection:
    """Open the store at `path` to read it; what is checked, and raised, is as for `connected`."""
    try:
        return _opened(path, "mode=rw")
    except sqlite3.DatabaseError as error:
        if _code(error) not in _NOTHING_BESIDE:
            raise
    return _opened(path, "mode=ro&immutable=1")


def _opened(path: Path, mode: str, creates: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", timeout=_BUSY_S, uri=True)
    try:
        steps = repeat(False, _MOST_STEPS // _STEPS)
        connection.set_progress_handler(lambda: next(steps, True), _STEPS)
        connection.execute("PRAGMA trusted_schema=OFF")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA):
            raise sqlite3.DatabaseError(f"its schema is number {version}, not {SCHEMA}")
        if version == 0 and creates and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version={SCHEMA}; COMMIT;")
        _check(connection)
    except UnicodeDecodeError as error:
        connection.close()
        raise sqlite3.DatabaseError("a name in it is not text") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary code of an error; those that this module raises itself, which have none, are damage."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF


def _check(connection: sqlite3.Connection) -> None:
    found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL LIMIT 3").fetchall()
    expected = _TABLES.replace("IF NOT EXISTS ", "").replace(";", "").strip().splitlines()
    if sorted(str(sql) for (sql,) in found) != sorted(expected):
        raise sqlite3.DatabaseError("it has other tables")
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise sqlite3.DatabaseError(f"it is damaged: {damage}")
