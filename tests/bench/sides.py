"""The two sides compared, each with its own database, so that neither resumes the other's unfinished work."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
from psycopg import sql
from pydantic import SecretStr

from deployments.demo.cases import CASES
from deployments.demo.customers import DemoCustomer, seed
from deployments.migrations import migrate
from deployments.tokens import token
from nodes.settings import DatabaseSettings, IdentitySettings, SeedSettings, load
from tests.ports import free_port
from tests.waiting import eventually

TRIGGER, BARE = "trigger", "bare handler"
SEEDING_THREADS = 4
START_SECONDS = 60.0
LIFETIME = timedelta(hours=1)
[_PROFESSIONAL] = [case for case in CASES if case.name == "professional"]


@dataclass(frozen=True)
class Ask:
    """One customer's POST, ready to send."""

    user_id: str
    headers: dict[str, str]


class Side:
    """One side: its URL and its database."""

    def __init__(self, name: str, url: str, database: str) -> None:
        self.name, self.url, self.database = name, url, database
        self._fresh: list[Ask] = []

    def seed(self, customers: int) -> None:
        """Create so many more customers with a subscription."""
        settings = load(SeedSettings).model_copy(update={"database_admin_url": SecretStr(self.database)})
        identity = load(IdentitySettings)

        def make(part: int) -> list[DemoCustomer]:
            return seed(settings, progress=lambda _: None, cases=(_PROFESSIONAL,) * part)

        parts = [len(range(first, customers, SEEDING_THREADS)) for first in range(SEEDING_THREADS)]
        with ThreadPoolExecutor(SEEDING_THREADS) as threads:
            for made in threads.map(make, parts):
                self._fresh += [
                    Ask(each.user_id, {"Authorization": f"Bearer {token(identity, each.user_id, LIFETIME)}"})
                    for each in made
                ]

    def take(self, customers: int) -> list[Ask]:
        """Return so many customers who have not cancelled yet."""
        taken, self._fresh = self._fresh[:customers], self._fresh[customers:]
        if len(taken) < customers:
            raise ValueError(f"{self.name} has {len(taken)} customers left, not {customers}")
        return taken


@contextmanager
def bare_side(admin_url: str, application_url: str, log: Path) -> Iterator[Side]:
    """Run the bare handler with a new database; stop it at the end of the block."""
    name = "cancelflow_bare"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    database, application = (on_database(url, name) for url in (admin_url, application_url))
    migrate(DatabaseSettings(database_url=SecretStr(database), database_admin_url=SecretStr(database)))
    port = free_port()
    settings = {"DATABASE_URL": application, "DATABASE_ADMIN_URL": database, "HTTP_PORT": str(port)}
    url = f"http://127.0.0.1:{port}"
    with _process([sys.executable, "-m", "tests.bench.bare"], {**os.environ, **settings}, log):
        eventually(lambda: _responds(url), within=START_SECONDS)
        yield Side(BARE, url, database)


@contextmanager
def _process(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _responds(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def on_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
