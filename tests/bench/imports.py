"""Benchmark of `cancelflow import`: many customers with a subscription each, into a separate database.

python -m tests.bench.imports 100000, with the settings of a running stack in the environment
"""

import os
import sys
import time
from dataclasses import dataclass

import httpx
import psycopg
from psycopg import sql
from pydantic import SecretStr

from deployments.demo.catalog import Catalog
from deployments.migrations import migrate
from nodes.settings import BillingSettings, DatabaseSettings, load
from tests.bench.sides import on_database

NAME = "cancelflow_import"


@dataclass(frozen=True)
class Imported:
    """The total and processor time of an import, and the process's peak memory."""

    subscriptions: int
    seconds: float
    processor_seconds: float
    megabytes: float


def fill(customers: int) -> None:
    """Create them in the simulator, without events."""
    import stripe

    settings = load(BillingSettings)
    client = stripe.StripeClient(
        settings.stripe_api_key.get_secret_value(), base_addresses={"api": str(settings.stripe_api_base)}
    )
    items = [{"price": Catalog(client).price("professional", "month")}]
    order = {"count": customers, "subscription": {"items": items}}
    httpx.post(f"{settings.stripe_api_base}/_simulator/fill", json=order, timeout=600).raise_for_status()


def import_all(admin_url: str) -> Imported:
    """Import everything into a new database."""
    database = on_database(admin_url, NAME)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(NAME)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))
    migrate(DatabaseSettings(database_url=SecretStr(database), database_admin_url=SecretStr(database)))
    return run_import(database)


def run_import(database: str) -> Imported:
    """Run the command against this database, as an operator does."""
    began = time.monotonic()
    environment = {**os.environ, "DATABASE_ADMIN_URL": database}
    command = [sys.executable, "-m", "deployments.command_line", "import"]
    process = os.posix_spawn(sys.executable, command, environment)
    _, status, used = os.wait4(process, 0)
    seconds = time.monotonic() - began
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError("the import failed")
    with psycopg.connect(database) as connection:
        [[found]] = connection.execute("SELECT count(*) FROM subscriptions").fetchall()
    return Imported(found, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main() -> None:
    """Measure an import, and a second one that changes nothing."""
    fill(int(sys.argv[1]))
    admin_url = load(DatabaseSettings).admin_url
    for measured in (import_all(admin_url), run_import(on_database(admin_url, NAME))):
        print(measured)  # noqa: T201


if __name__ == "__main__":
    main()
