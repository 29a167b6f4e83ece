"""Search for a text: in our tables, in Prefect's, in Stripe's objects, in the stack's files."""

import os
import sqlite3
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests.world import Row, World

# The storage of these parts is searched through their tables: deleted rows stay on disk for a while.
STORES = ("postgres", "stripe.json")


def places_that_hold(world: World, text: str) -> set[str]:
    """Return each place by name, such as `cancelflow.outbox`, `stripe.subscription` or a file's path."""
    home = Path(os.environ["PREFECT_HOME"]).parent
    return {
        *_tables(world.addresses["database_admin_url"], "cancelflow", text),
        *_tables(world.addresses["database_admin_url"], "prefect", text),
        *_stripe_objects(home / "stripe.json", text),
        *_files(home, text),
    }


def _tables(url: str, database: str, text: str) -> set[str]:
    with psycopg.connect(url, dbname=database, autocommit=True, row_factory=dict_row) as connection:
        tables = connection.execute(
            "SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        return {f"{database}.{table['name']}" for table in tables if _holds(connection, table["name"], text)}


def _holds(connection: psycopg.Connection[Row], table: str, text: str) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} AS a_row WHERE strpos(a_row::text, %s) > 0) AS held")
    [row] = connection.execute(query.format(sql.Identifier(table)), [text]).fetchall()
    return bool(row["held"])


def _stripe_objects(file: Path, text: str) -> set[str]:
    """Return the kinds of objects, except events and logged requests, which Stripe deletes within 30 days."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as store:
        found = store.execute("SELECT DISTINCT object FROM objects WHERE object <> 'event' AND instr(body, ?)", [text])
        kinds = {f"stripe.{kind}" for (kind,) in found}
    store.close()
    return kinds


def _files(home: Path, text: str) -> set[str]:
    wanted = text.encode()
    return {
        str(file.relative_to(home))
        for file in home.rglob("*")
        if not str(file.relative_to(home)).startswith(STORES) and file.is_file() and wanted in file.read_bytes()
    }
