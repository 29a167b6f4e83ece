"""The plan of an embedded stack: its directory, its settings, and the parts to start."""

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployments.local.files import kept_secrets
from deployments.local.ports import Ports
from deployments.local.process import Command, HttpServer, Supervised, TcpServer

LOOPBACK = "127.0.0.1"
# The folder that contains the packages: `python -m deployments…` and the deployments' flow files are found from here.
ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT = 120.0  # seconds; a slow machine may need most of it for Prefect's first start
SECRETS = (
    "postgres_superuser",
    "cancelflow_app",
    "prefect",
    "link_secret",
    "stripe_webhook",
    "session",
    "call_vendor",
    "replies",
)


def nothing() -> None:
    """Do nothing: the default for `Part.prepare` and `Part.finish`."""


@dataclass(frozen=True)
class Part:
    """A process of the stack. `prepare` runs before it starts, `finish` when it is ready; both must be quick."""

    name: str  # of its log file, and in `needs`
    title: str  # for progress messages
    process: Callable[[], Supervised]
    needs: frozenset[str] = frozenset()  # names of parts that must be ready first
    address: str = ""  # for display; empty for a command that runs to completion
    prepare: Callable[[], None] = nothing
    finish: Callable[[], None] = nothing


class PlannedStack:
    """A plan under construction: `environment` for the product, `addresses` for other programs, `parts` to start."""

    def __init__(self, directory: Path, given: Mapping[str, str], ports: Ports, wanted: Collection[str]) -> None:
        self.directory = directory
        self.given = {name: value for name, value in given.items() if value}  # empty counts as unset
        self.ports = ports
        self.wanted = wanted
        self.secrets = kept_secrets(directory / "secrets.json", SECRETS)
        self.parts: list[Part] = []
        self.environment: dict[str, str] = {}
        self.addresses: dict[str, str | None] = {}

    def set(self, **settings: str | None) -> None:
        """Add settings for the product; None omits one."""
        self.environment |= {name: value for name, value in settings.items() if value is not None}

    def process_environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return a part's environment: the user's, overridden by the stack's."""
        return {
            **self.given,
            "DO_NOT_TRACK": "1",  # keeps Prefect's client from reporting its usage
            "PYTHONUNBUFFERED": "1",  # logs are read while the part is running
            **self.environment,
            **more,
        }

    def add_http(
        self,
        name: str,
        title: str,
        command: list[str],
        *,
        address: str,
        health: str,
        needs: Collection[str] = (),
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Add a part that is ready when `health`, a path under its address, responds successfully."""

        def process() -> Supervised:
            envvars = self.process_environment(more or {})
            url = f"{address}{health}"
            return HttpServer(
                command, url, method="GET", request_timeout=5, timeout=START_TIMEOUT, cwd=str(ROOT), envvars=envvars
            )

        self.parts.append(Part(name, title, process, frozenset(needs), address))

    def add_tcp(self, name: str, title: str, command: list[str], *, host: str, port: int) -> None:
        """Add a part that is ready when it accepts connections."""

        def process() -> Supervised:
            envvars = self.process_environment({})
            return TcpServer(command, host, port, timeout=START_TIMEOUT, cwd=str(ROOT), envvars=envvars)

        self.parts.append(Part(name, title, process, address=f"{host}:{port}"))

    def add_command(
        self, name: str, title: str, command: list[str], *, needs: Collection[str], finish: Callable[[], None] = nothing
    ) -> None:
        """Add a command that runs to completion before the parts that need it start."""

        def process() -> Supervised:
            envvars = self.process_environment({})
            return Command(command, timeout=START_TIMEOUT, cwd=str(ROOT), envvars=envvars)

        self.parts.append(Part(name, title, process, frozenset(needs), finish=finish))


def module(name: str, *arguments: str | int | Path) -> list[str]:
    """Return the command `python -m name …` for the current interpreter."""
    return [sys.executable, "-m", name, *map(str, arguments)]
