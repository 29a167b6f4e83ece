"""A separate PostgreSQL server that may be stopped and started, with a migrated database for each trigger.

On its own database a trigger finds no other requests, and no other trigger finishes its own.
"""

import itertools
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from pydantic import SecretStr

from deployments.demo.cases import Case
from deployments.demo.customers import seed
from deployments.local.parts.database import APPLICATION
from deployments.local.parts.postgres import EmbeddedPostgres
from deployments.local.process import Guard
from deployments.migrations import migrate
from nodes.settings import DatabaseSettings, SeedSettings, load
from tests.ports import free_port
from tests.waiting import eventually
from tests.world import Person, World

PASSWORD = "of-a-test"
TEMPLATE = "migrated"
START_SECONDS = 120.0
STOP_SECONDS = 120.0


class OwnServer:
    """A server that stops as an operator would stop it: clients are disconnected, and no committed data is lost."""

    def __init__(self, directory: Path) -> None:
        self._postgres = EmbeddedPostgres(directory / "postgres", free_port(), PASSWORD)
        self._log = directory / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        with self._log.open("ab") as log:
            self._guard = Guard(log.fileno(), [])  # in case the tests are killed
        self._making = threading.Lock()
        self._numbers = itertools.count(1)

    def start(self) -> None:
        self._postgres.prepare()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._postgres.command, stdout=log, stderr=log, start_new_session=True)
        self._guard.watch(self._process.pid, self._postgres.stop_signal)
        eventually(self._postgres.is_ready, within=START_SECONDS)

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(self._postgres.stop_signal)
            self._process.wait(STOP_SECONDS)
            self._guard.forget(self._process.pid)
            self._process = None

    def close(self) -> None:
        self.stop()
        self._guard.dismiss()

    def restart(self) -> None:
        self.stop()
        self.start()

    def make_template(self) -> None:
        self._postgres.ensure_database(TEMPLATE)
        url = SecretStr(self._postgres.url(TEMPLATE))
        migrate(DatabaseSettings(database_url=url, database_admin_url=url))
        self._postgres.ensure_role(APPLICATION, PASSWORD)

    def settings_of_another_database(self) -> dict[str, str]:
        """Return DATABASE_URL and DATABASE_ADMIN_URL of a new database."""
        with self._making, psycopg.connect(self._postgres.url("postgres"), autocommit=True) as connection:
            name = f"trigger_{next(self._numbers)}"
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
        return {
            "DATABASE_URL": self._postgres.url(name, APPLICATION, PASSWORD),
            "DATABASE_ADMIN_URL": self._postgres.url(name),
            "DATABASE_POOL_SIZE": "4",  # dozens of triggers share the server
        }


class OwnWorld(World):
    """The stack with another database; everything else is shared with the stack's world."""

    def __init__(self, world: World, settings: dict[str, str]) -> None:
        vars(self).update(vars(world))
        own = {"database_url": settings["DATABASE_URL"], "database_admin_url": settings["DATABASE_ADMIN_URL"]}
        self.addresses = world.addresses | own
        self._connect()

    def close(self) -> None:
        self.admin.close()

    def reconnect(self) -> None:
        """Reconnect after the server was stopped."""
        self.admin.close()
        self._connect()

    def _connect(self) -> None:
        self.admin = psycopg.connect(self.addresses["database_admin_url"], autocommit=True, row_factory=dict_row)

    def made(self, case: Case) -> Person:
        here = {"database_admin_url": SecretStr(self.addresses["database_admin_url"])}
        [made] = seed(load(SeedSettings).model_copy(update=here), progress=lambda _: None, cases=(case,))
        return self.known(made)


@contextmanager
def own_server(directory: Path) -> Iterator[OwnServer]:
    with closing(OwnServer(directory)) as server:
        server.start()
        server.make_template()
        yield server
