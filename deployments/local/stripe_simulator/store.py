"""The simulator's state in one SQLite file: one document per object, and a log of calls and responses.

Every response is stored before it is sent, so a killed process loses none. (Write-ahead logging without flushes
survives the death of the process, though not of the machine, which is enough for a simulator.)
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .wire import Document, dump

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of creation, which lists and cursors follow
    object TEXT NOT NULL,
    id TEXT NOT NULL,
    customer TEXT,
    subscription TEXT,
    lookup TEXT,                           -- a customer's email, an event's type and so on: account._LOOKUPS
    clock TEXT NOT NULL DEFAULT '',        -- the object's test clock
    due INTEGER,                           -- when time next changes it, on that clock
    created INTEGER,
    status TEXT,
    body TEXT NOT NULL,
    UNIQUE (object, id)
);
CREATE INDEX IF NOT EXISTS objects_of_kind ON objects (object, seq);
-- Lists by time or status filter inside the index, without reading the objects.
CREATE INDEX IF NOT EXISTS objects_of_clock ON objects (object, clock, seq, created, status);
CREATE INDEX IF NOT EXISTS objects_of_customer ON objects (object, customer, seq) WHERE customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_of_subscription ON objects (object, subscription, seq)
    WHERE subscription IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_lookup ON objects (object, lookup, seq) WHERE lookup IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_due ON objects (clock, due, object DESC) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, at INTEGER NOT NULL, path TEXT NOT NULL, params TEXT NOT NULL,
    request_id TEXT NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS requests (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    params TEXT NOT NULL, idempotency_key TEXT, status INTEGER, request_id TEXT NOT NULL,
    replayed INTEGER NOT NULL, fault TEXT
);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, type TEXT NOT NULL, endpoint TEXT NOT NULL,
    url TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0,
    next_at REAL NOT NULL DEFAULT 0, status INTEGER, error TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_pending ON deliveries (next_at) WHERE state = 'pending';
"""


# A column's filter: one value, any of several, or None for no filter.
Column = str | list[str] | tuple[str, ...] | None
_COLUMNS = ("customer", "subscription", "lookup", "clock", "due", "created", "status", "body")
_INSERT = (
    f"INSERT INTO objects (object, id, {', '.join(_COLUMNS)})"
    f" VALUES (:object, :id, {', '.join(f':{name}' for name in _COLUMNS)})"
)
_OVERWRITE = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)
_COMPARISONS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Store:
    """The SQLite file. One thread, one connection; every change is inside `transaction`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=OFF")
        self.connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes made inside, or roll them back on an exception."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def mark(self) -> None:
        """Set a savepoint inside a transaction."""
        self.connection.execute("SAVEPOINT before")

    def undo(self) -> None:
        """Roll back to the savepoint."""
        self.connection.execute("ROLLBACK TO before")

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Undo all changes made inside, within a transaction."""
        self.connection.execute("SAVEPOINT rehearsal")
        try:
            yield
        finally:
            self.connection.execute("ROLLBACK TO rehearsal")
            self.connection.execute("RELEASE rehearsal")

    def put(self, document: Document, columns: Document) -> None:
        """Write an object; `columns` are its lookup columns: see `SCHEMA`."""
        self.connection.execute(
            f"{_INSERT} ON CONFLICT (object, id) DO UPDATE SET {_OVERWRITE}",
            {"object": document["object"], "id": document["id"], "body": dump(document).decode(), **columns},
        )

    def insert(self, rows: Iterable[Document]) -> None:
        """Write many new objects, given as rows."""
        self.connection.executemany(_INSERT, rows)

    def last_sequence(self) -> int:
        """Return the sequence number of the newest object of any kind."""
        return int(self.connection.execute("SELECT ifnull(max(seq), 0) FROM objects").fetchone()[0])

    def rows_after(self, sequence: int) -> list[Document]:
        """Return the rows of objects created after a sequence number, oldest first."""
        rows = self.connection.execute("SELECT * FROM objects WHERE seq > ? ORDER BY seq", (sequence,))
        return [dict(row) for row in rows]

    def get(self, kind: str, identifier: str) -> Document | None:
        """Return one object as it was written, or None."""
        found = self.connection.execute("SELECT body FROM objects WHERE object = ? AND id = ?", (kind, identifier))
        row = found.fetchone()
        return None if row is None else json.loads(row["body"])

    def remove(self, kind: str, identifier: str) -> None:
        """Delete one object."""
        self.connection.execute("DELETE FROM objects WHERE object = ? AND id = ?", (kind, identifier))

    def remove_clock(self, clock: str) -> None:
        """Delete a test clock and everything on it; events stay."""
        self.connection.execute("DELETE FROM objects WHERE clock = ? AND object != 'event'", (clock,))

    def sequence(self, kind: str, identifier: str) -> int | None:
        """Return an object's sequence number, which orders lists."""
        row = self.connection.execute(
            "SELECT seq FROM objects WHERE object = ? AND id = ?", (kind, identifier)
        ).fetchone()
        return None if row is None else int(row["seq"])

    def scan(
        self,
        kind: str,
        *,
        older_than: int | None = None,
        newer_than: int | None = None,
        created: Document | None = None,
        **columns: Column,
    ) -> Iterator[Document]:
        """Return objects newest first or, with `newer_than`, oldest first from there.

        `created` is a `time_range`. A column's filter is one value or several; None means no filter.
        """
        tests: list[tuple[str, Any]] = [("object = ?", kind), ("seq < ?", older_than), ("seq > ?", newer_than)]
        tests += [(f"created {_COMPARISONS[bound]} ?", limit) for bound, limit in (created or {}).items()]
        tests += [(_among(name, value), value) for name, value in columns.items()]
        given = [(test, value) for test, value in tests if value is not None]
        values = [one for _, value in given for one in (value if isinstance(value, list | tuple) else [value])]
        order = "ASC" if newer_than is not None else "DESC"
        where = " AND ".join(test for test, _ in given)
        for row in self.connection.execute(f"SELECT body FROM objects WHERE {where} ORDER BY seq {order}", values):
            yield json.loads(row["body"])

    def next_due(self, clock: str, now: int) -> tuple[int, Document] | None:
        """Return the object on a clock that time changes next, if that is due.

        A schedule comes before its subscription, so that a new phase is billed with its own prices.
        """
        row = self.connection.execute(
            "SELECT due, body FROM objects WHERE clock = ? AND due <= ? ORDER BY due, object DESC, seq LIMIT 1",
            (clock, now),
        ).fetchone()
        return None if row is None else (int(row["due"]), json.loads(row["body"]))

    def setting(self, name: str, default: str) -> str:
        """Return a setting, which survives a restart."""
        row = self.connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return default if row is None else str(row["value"])

    def set_setting(self, name: str, value: str) -> None:
        """Store a setting."""
        self.connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))


def _among(name: str, value: Column) -> str:
    return f"{name} IN ({', '.join('?' * len(value))})" if isinstance(value, list | tuple) else f"{name} = ?"
