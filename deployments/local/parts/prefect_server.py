"""Commands and settings of the embedded Prefect server and its worker."""

import sys
from collections.abc import Mapping
from pathlib import Path

from deployments.local.files import private_directory
from deployments.prefect.settings import SERVER

WORK_POOL = "cancelflow"


def server_command(host: str, port: int) -> list[str]:
    """Return the command that runs the server and its UI in the foreground."""
    return [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)]


def worker_command() -> list[str]:
    """Return the command of a worker that runs deployments as local processes; it creates the work pool if needed."""
    start = [sys.executable, "-m", "prefect", "worker", "start", "--with-healthcheck"]
    return [*start, "--pool", WORK_POOL, "--type", "process", "--name", WORK_POOL]


def worker_environment(directory: Path, host: str, port: int) -> dict[str, str]:
    """Return the worker's settings: the address of its health page, and its temporary directory.

    Prefect's runner writes to `runner_storage` in the system's temporary directory, which belongs to the first user who
    started a runner.
    """
    passing = private_directory(directory / "prefect" / "tmp")
    return {
        "PREFECT_WORKER_WEBSERVER_HOST": host,
        "PREFECT_WORKER_WEBSERVER_PORT": str(port),
        # The default of 10 s is a long wait for a run just started in the UI.
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "TMPDIR": str(passing),
    }


def home(directory: Path) -> dict[str, str]:
    """Return the setting that server and clients share, so that none of them uses the user's own Prefect profile."""
    return {"PREFECT_HOME": str(directory / "prefect")}


def server_environment(directory: Path, url: str, database: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the server's settings. `url` is its public address, `database` the connection URL of its own database.

    Settings in `given`, the user's environment, override the defaults in `SERVER`.
    """
    return {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
        # Without this the page in the browser calls port 4200, whichever port served it.
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        # Prefect copies the UI's files before serving them; the Python environment may be read-only.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(directory / "prefect" / "ui"),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        **{name: given.get(name, choice) for name, choice in SERVER.items()},
    }


def asyncpg_url(url: str) -> str:
    """Return a PostgreSQL URL in SQLAlchemy's format."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)
