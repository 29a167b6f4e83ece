"""`cancelflow migrate`: apply sql/migrations with yoyo, forward only, and install the data deletion plan."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files

import psycopg
from yoyo import get_backend, read_migrations
from yoyo.exceptions import LockTimeout

from nodes.errors import CancelflowError, DatabaseUnavailable
from nodes.settings import DatabaseSettings
from sql import QUERIES
from sql.deletion_plan import DeletionPlanInvalid, read_plan

CONNECT_TIMEOUT_SECONDS = 5


class MigrationFailed(CancelflowError):
    """PostgreSQL refused a migration, or another process holds yoyo's lock; earlier migrations stay applied."""


def migrate(settings: DatabaseSettings) -> list[str]:
    """Apply the missing migrations under yoyo's lock; return their names.

    The deletion plan is written each time, since a company may have added files to it. Raises `MigrationFailed`, also
    for an invalid plan.
    """
    with as_file(files("sql").joinpath("migrations")) as folder, _our_errors():
        migrations = read_migrations(str(folder))
        backend = get_backend(_for_yoyo(settings.admin_url))
        try:
            with backend.lock():
                missing = backend.to_apply(migrations)
                names = [migration.id for migration in missing]
                backend.apply_migrations(missing)
        finally:
            backend.connection.close()
        _write_deletion_plan(settings)
    return names


def known_migrations() -> list[str]:
    """Return the names of this version's migrations, as yoyo records them."""
    found = files("sql").joinpath("migrations").iterdir()
    return sorted(file.name.removesuffix(".sql") for file in found if file.name.endswith(".sql"))


def _write_deletion_plan(settings: DatabaseSettings) -> None:
    steps = read_plan(settings.data_deletion_plan)
    with psycopg.connect(settings.admin_url, connect_timeout=CONNECT_TIMEOUT_SECONDS) as connection:
        connection.execute(QUERIES["clear_deletion_plan"])
        for step in steps:
            connection.execute(QUERIES["add_deletion_step"], vars(step))


def _for_yoyo(url: str) -> str:
    address, _, parameters = url.partition("?")
    parameters = parameters or f"connect_timeout={CONNECT_TIMEOUT_SECONDS}"
    return f"postgresql+psycopg://{address.partition('://')[2]}?{parameters}"


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(_first_line(error)) from None
    except (psycopg.Error, LockTimeout, DeletionPlanInvalid) as error:
        raise MigrationFailed(_first_line(error)) from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
