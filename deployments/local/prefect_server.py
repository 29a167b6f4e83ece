"""How the embedded Prefect server and its worker run: where they are and what they keep."""

import sys
from collections.abc import Mapping
from pathlib import Path

from deployments.local.files import private_directory
from deployments.prefect.settings import SERVER

WORK_POOL = "cancelflow"


def server_command(host: str, port: int) -> list[str]:
    """Return the server with its UI, in the foreground."""
    return [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)]


def worker_command() -> list[str]:
    """Return a worker that runs deployments as processes of this machine; it makes the pool where it is missing."""
    start = [sys.executable, "-m", "prefect", "worker", "start", "--with-healthcheck"]
    return [*start, "--pool", WORK_POOL, "--type", "process", "--name", WORK_POOL]


def worker_environment(directory: Path, host: str, port: int) -> dict[str, str]:
    """Return the worker's settings: where its health page is, and a directory for passing files.

    Prefect's runner writes to `runner_storage` in the machine's own, which belongs to the first user who ran one.
    """
    passing = private_directory(directory / "prefect" / "tmp")
    return {
        "PREFECT_WORKER_WEBSERVER_HOST": host,
        "PREFECT_WORKER_WEBSERVER_PORT": str(port),
        # Every 10 s by default, which is long for whoever has just started a run in the UI.
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "TMPDIR": str(passing),
    }


def home(directory: Path) -> dict[str, str]:
    """Return what server and clients share, so that none of them reads or changes the user's own Prefect profile."""
    return {"PREFECT_HOME": str(directory / "prefect")}


def server_environment(directory: Path, url: str, database: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the server's settings. `url` is where people reach it, `database` the connection of its own database.

    What `given`, the user's environment, says of our choices stays.
    """
    return {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
        # Otherwise the page in the browser calls port 4200, whichever port it came from.
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        # The page's files are copied before they are served: not into the environment, which may be read-only.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(directory / "prefect" / "ui"),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        **{name: given.get(name, choice) for name, choice in SERVER.items()},
    }


def asyncpg_url(url: str) -> str:
    """Return a PostgreSQL address, in SQLAlchemy's spelling."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)
