"""Port selection: the requested port, else the last one used, else the default, else the next free one."""

import contextlib
import fcntl
import json
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from deployments.local.errors import PortBusy, StackError
from deployments.local.files import private_directory, write_private


class Listener(NamedTuple):
    """A port that the stack needs: the setting that fixes it, and its default."""

    setting: str
    usual: int


LISTENERS = {
    "http": Listener("HTTP_PORT", 8000),
    "prefect": Listener("PREFECT_SERVER_API_PORT", 4200),
    "inbox": Listener("INBOX_PORT", 8025),
    "smtp": Listener("SMTP_PORT", 1025),
    "stripe": Listener("STRIPE_SIMULATOR_PORT", 12111),
    "pubsub": Listener("PUBSUB_EMULATOR_PORT", 8085),
    "postgres": Listener("POSTGRES_PORT", 5433),
    "calls": Listener("CALL_VENDOR_PORT", 8090),
    "worker": Listener("PREFECT_WORKER_WEBSERVER_PORT", 8480),
}
# How far above the default port to look. Stays below the system's range for outgoing connections.
REACH = 200


class Ports:
    """Chooses ports, remembers them in `file`, and claims them until `release`.

    A free port is not enough: a part binds its port seconds after it was chosen, and a second checkout starting in
    between would choose the same one. A claim is a locked file per port and user, and ends with the process.
    """

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        self._file = file
        self._environment = environment
        self._claims: dict[int, int] = {}
        self._remembered: dict[str, int] = _remembered(file)

    def choose(self, name: str, host: str = "127.0.0.1") -> int:
        """Return a port for the part; raises `PortBusy` if the one fixed by a setting is in use."""
        listener = LISTENERS[name]
        asked = self._environment.get(listener.setting)
        port = self._asked(listener.setting, asked, host) if asked else self._near(name, listener.usual, host)
        self._remembered[name] = port
        return port

    def remember(self) -> None:
        """Save the choices for the next start."""
        write_private(self._file, json.dumps(self._remembered, indent=2) + "\n")

    def release(self) -> None:
        """Release every claim."""
        for handle in self._claims.values():
            os.close(handle)
        self._claims.clear()

    def _asked(self, setting: str, value: str, host: str) -> int:
        if not value.isdecimal() or not 0 < int(value) < 65536:
            raise StackError(f"{setting}={value} is not a port")
        if not self._take(int(value), host):
            raise PortBusy(f"port {value} is in use on {host}: set {setting} to another one, or unset it to choose one")
        return int(value)

    def _near(self, name: str, usual: int, host: str) -> int:
        candidates: list[int] = [self._remembered.get(name, usual), *range(usual, usual + REACH)]
        for port in candidates:
            if port not in self._claims and self._take(port, host):
                return port
        raise PortBusy(f"no free port for {name} between {usual} and {usual + REACH}: set {LISTENERS[name].setting}")

    def _take(self, port: int, host: str) -> bool:
        claim = _claim(port)
        if claim is None:
            return False
        if not is_free(host, port):
            os.close(claim)
            return False
        self._claims[port] = claim
        return True


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen there now; a connection that is still closing does not count."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _claim(port: int) -> int | None:
    directory = private_directory(Path(tempfile.gettempdir()) / f"cancelflow-ports-{os.getuid()}")
    handle = os.open(directory / str(port), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _remembered(file: Path) -> dict[str, int]:
    with contextlib.suppress(FileNotFoundError, ValueError):
        kept = json.loads(file.read_text())
        return {name: port for name, port in kept.items() if name in LISTENERS and isinstance(port, int)}
    return {}
