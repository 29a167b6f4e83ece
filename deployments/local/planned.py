"""One embedded stack as it is planned: its directory, its settings, and the parts that it starts."""

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployments.local.files import kept_secrets
from deployments.local.ports import Ports
from deployments.local.process import Command, HttpServer, Supervised, TcpServer

LOOPBACK = "127.0.0.1"
# Where the packages stand: `python -m deployments…` and the deployments' flow files are found from here.
ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT = 120.0  # seconds; a slow machine may need most of it for Prefect's first start
SECRETS = ("postgres_superuser", "cancelflow_app", "prefect", "link_secret", "stripe_webhook")


def nothing() -> None:
    """What most parts do before they start, and once they are ready."""


@dataclass(frozen=True)
class Part:
    """A process of the stack. `prepare` runs before it starts, `finish` once it is ready; both take a moment."""

    name: str  # of its log, and in `needs`
    title: str  # for people
    process: Callable[[], Supervised]
    needs: frozenset[str] = frozenset()  # names of parts that must be ready before
    address: str = ""  # shown; empty for a command that runs to its end
    prepare: Callable[[], None] = nothing
    finish: Callable[[], None] = nothing


class PlannedStack:
    """What the planning functions fill in: `environment` for the product, `addresses` for others, `parts` to start."""

    def __init__(self, directory: Path, given: Mapping[str, str], ports: Ports, wanted: Collection[str]) -> None:
        self.directory = directory
        self.given = {name: value for name, value in given.items() if value}  # empty is unset, as in nodes/settings
        self.ports = ports
        self.wanted = wanted
        self.secrets = kept_secrets(directory / "secrets.json", SECRETS)
        self.parts: list[Part] = []
        self.environment: dict[str, str] = {}
        self.addresses: dict[str, str | None] = {}

    def set(self, **settings: str | None) -> None:
        """Settings that the product reads; None leaves one out."""
        self.environment |= {name: value for name, value in settings.items() if value is not None}

    def process_environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return what a part sees: the user's environment, and ours above it."""
        return {
            **self.given,
            "DO_NOT_TRACK": "1",  # Prefect's client would report its use
            "PYTHONUNBUFFERED": "1",  # a log is read while its part runs
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
        """A part that is ready when `health`, a path under its address, answers well."""

        def process() -> Supervised:
            envvars = self.process_environment(more or {})
            url = f"{address}{health}"
            return HttpServer(
                command, url, method="GET", request_timeout=5, timeout=START_TIMEOUT, cwd=str(ROOT), envvars=envvars
            )

        self.parts.append(Part(name, title, process, frozenset(needs), address))

    def add_tcp(self, name: str, title: str, command: list[str], *, host: str, port: int) -> None:
        """A part that is ready when it takes connections."""

        def process() -> Supervised:
            envvars = self.process_environment({})
            return TcpServer(command, host, port, timeout=START_TIMEOUT, cwd=str(ROOT), envvars=envvars)

        self.parts.append(Part(name, title, process, address=f"{host}:{port}"))

    def add_command(
        self, name: str, title: str, command: list[str], *, needs: Collection[str], finish: Callable[[], None] = nothing
    ) -> None:
        """A command that runs to its end before those who need it start."""

        def process() -> Supervised:
            envvars = self.process_environment({})
            return Command(command, timeout=START_TIMEOUT, cwd=str(ROOT), envvars=envvars)

        self.parts.append(Part(name, title, process, frozenset(needs), finish=finish))


def module(name: str, *arguments: str | int | Path) -> list[str]:
    """`python -m name …`, with this Python."""
    return [sys.executable, "-m", name, *map(str, arguments)]
