"""A file is taken for a store only where it holds the store's tables, whole, and nothing that runs by itself."""

import sqlite3

import pytest

from xdn.tune import database
from xdn.tune.store import Store

#: A view in the place of a table, whose rows have no end.
ENDLESS = """
CREATE VIEW results AS WITH RECURSIVE n(key) AS (SELECT 1 UNION ALL SELECT key + 1 FROM n)
SELECT key, '{}' AS facts, '{}' AS document, 0.0 AS created FROM n;
"""
TRIGGER = "CREATE TRIGGER t AFTER INSERT ON results BEGIN DELETE FROM trials; END;"


def made(path, *statements):
    """Write a store with `statements` run on it, in one file."""
    database.connected(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=DELETE")
    for statement in statements:
        connection.executescript(statement)
    connection.close()
    return path


def set_aside(path):
    return len(list(path.parent.glob("*.broken-*")))


def test_an_own_file_is_taken(tmp_path):
    path = made(tmp_path / "s")
    database.connected(path).close()
    assert Store(path).all() == {}
    assert set_aside(path) == 0


@pytest.mark.parametrize(
    "statement",
    [
        f"DROP TABLE results; {ENDLESS}",
        TRIGGER,
        "CREATE TABLE more (a)",
        "CREATE INDEX i ON results (facts)",
        "DROP TABLE trials; CREATE TABLE trials (study, number, document)",
    ],
    ids=["view", "trigger", "table", "index", "columns"],
)
def test_what_else_a_file_holds_is_not_run(tmp_path, statement):
    path = made(tmp_path / "s", statement)
    with pytest.raises(sqlite3.DatabaseError, match="other tables"):
        database.connected(path)
    assert Store(path).all() == {}
    assert set_aside(path) == 1


def test_pages_with_two_parents_are_damage(tmp_path):
    """A tree that is not a tree has more rows than the file has bytes."""
    rows = "".join(f"INSERT INTO results VALUES ('{number:099}', '{'f' * 900}', 'd', 0);" for number in range(60))
    path = made(tmp_path / "s", rows)
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[16:18], "big")
    # Interior pages of a table have the kind 5; their children stand in the cells that two-byte offsets point to.
    page = next(at for at in range(size, len(content), size) if content[at] == 5)
    first, second = (page + int.from_bytes(content[page + 12 + 2 * n : page + 14 + 2 * n], "big") for n in (0, 1))
    content[second : second + 4] = content[first : first + 4]
    path.write_bytes(content)
    with pytest.raises(sqlite3.DatabaseError, match="damaged"):
        database.connected(path)


def test_steps_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "_MOST_STEPS", 1 << 20)
    connection = database.connected(tmp_path / "s")
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        connection.execute("WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n) SELECT count(*) FROM n")
    connection.close()


def test_a_name_that_is_not_text(tmp_path):
    """SQLite quotes it in its message, which Python cannot read."""
    path = made(tmp_path / "s", "CREATE TABLE abcd (a); CREATE INDEX efgh ON abcd (a)")
    content = path.read_bytes().replace(b"ON abcd", b"ON \xff\xfe\xff\xfe")
    path.write_bytes(content)
    with pytest.raises(sqlite3.DatabaseError):
        database.connected(path)
