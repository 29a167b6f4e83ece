"""Bring the database to this version: sql/migrations, forward only, by yoyo."""

from importlib.resources import as_file, files

from yoyo import get_backend, read_migrations

from nodes.settings import DatabaseSettings


def migrate(settings: DatabaseSettings) -> list[str]:
    """Apply what is not applied yet, under yoyo's lock; returns the names of what was applied."""
    with as_file(files("sql").joinpath("migrations")) as folder:
        migrations = read_migrations(str(folder))
        backend = get_backend(settings.admin_url.replace("postgresql://", "postgresql+psycopg://", 1))
        try:
            with backend.lock():
                missing = backend.to_apply(migrations)
                names = [migration.id for migration in missing]
                backend.apply_migrations(missing)
        finally:
            backend.connection.close()
    return names
