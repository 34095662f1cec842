"""The SQLite file behind the store: its tables, and what is checked before a file is taken for one."""

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


def connected(path: Path) -> sqlite3.Connection:
    """Open the store at `path`, with empty tables where there is none.

    A file may come from anywhere, so it must hold these tables and nothing else (a view or a trigger runs what it
    likes), be whole (pages that several others point to are read for ever), and be read in a bounded number of steps.

    Raises
    ------
    sqlite3.DatabaseError
        For every other file.
    """
    connection = sqlite3.connect(path, timeout=_BUSY_S)
    try:
        steps = repeat(False, _MOST_STEPS // _STEPS)
        connection.set_progress_handler(lambda: next(steps, True), _STEPS)
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA journal_mode=WAL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA):
            raise sqlite3.DatabaseError(f"its schema is number {version}, not {SCHEMA}")
        if version == 0:
            connection.executescript(_TABLES)
            connection.execute(f"PRAGMA user_version={SCHEMA}")
            connection.commit()
        _check(connection)
    except UnicodeDecodeError as error:
        connection.close()
        raise sqlite3.DatabaseError("a name in it is no text") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL LIMIT 3").fetchall()
    expected = _TABLES.replace("IF NOT EXISTS ", "").replace(";", "").strip().splitlines()
    if sorted(str(sql) for (sql,) in found) != sorted(expected):
        raise sqlite3.DatabaseError("it has other tables")
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise sqlite3.DatabaseError(f"it is damaged: {damage}")
