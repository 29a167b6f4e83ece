"""The application's database access: one user per transaction, our own errors, and health with row-level security."""

import asyncio
import logging
import select
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import assume, example, given
from hypothesis import settings as given_at_most
from hypothesis import strategies as some
from psycopg.sql import SQL, Identifier

from deployments.migrations import migrate
from nodes.clients.database import connections as module
from nodes.clients.database.client import Database, Transaction
from nodes.clients.database.connections import cut_after
from nodes.errors import CancelflowError, ConstraintViolated, DatabaseUnavailable, StatementRefused
from nodes.rules.user_ids import is_user_id
from nodes.settings import DatabaseSettings
from sql import QUERIES
from tests.conftest import Addresses
from tests.nodes.clients.smtp_servers import black_hole
from tests.ports import free_port
from tests.world import World

Result = TypeVar("Result")
DUE_SECONDS = 2.0
CONSTRAINT = "cancellation_requests_feedback_check"


def settings(url: str, pool_size: int = 2) -> DatabaseSettings:
    given = {"database_url": url, "database_admin_url": url, "database_pool_size": pool_size}
    return DatabaseSettings.model_validate(given)


def on(url: str, work: Callable[[Database], Awaitable[Result]], pool_size: int = 2) -> Result:
    """Return the work's result, with a database opened only for it."""

    async def scenario() -> Result:
        async with opened(url, pool_size) as database:
            return await work(database)

    return asyncio.run(scenario())


@asynccontextmanager
async def opened(url: str, pool_size: int = 2) -> AsyncIterator[Database]:
    database = Database(settings(url, pool_size))
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> float:
    """Shorten the wait for an unreachable server."""
    monkeypatch.setattr(module, "POOL_TIMEOUT_SECONDS", 0.5)
    return 0.5


@pytest.fixture
def url(stack: Addresses) -> str:
    """Return the URL for the application's role."""
    return str(stack["database_url"])


@pytest.fixture
def users(world: World) -> Iterator[tuple[str, str]]:
    """Create two customers with a request each."""
    made = (f"auth0|{uuid.uuid4().hex}", f"o'neil {uuid.uuid4().hex}")
    for user in made:
        world.admin.execute("INSERT INTO users (id, email) VALUES (%s, %s)", [user, f"{user}@example.com"])
        world.admin.execute(
            "INSERT INTO cancellation_requests (user_id, asked_user_id, accept_offer, resume_at)"
            " VALUES (%s, %s, false, null)",
            [user, user],
        )
    yield made
    world.admin.execute("DELETE FROM cancellation_requests WHERE user_id = ANY(%s)", [list(made)])
    world.admin.execute("DELETE FROM users WHERE id = ANY(%s)", [list(made)])


@contextmanager
def new_database(admin_url: str) -> Iterator[str]:
    """Yield the owner's URL of a new, empty database on the stack's server."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            yield urlsplit(admin_url)._replace(path=f"/{name}").geturl()
        finally:
            admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@dataclass(frozen=True)
class _Locale:
    locale: str
    time_zone: str


# The role in use


def test_the_application_is_confined_for_any_login(stack: Addresses, url: str) -> None:
    on(url, Database.check)
    # The owner may log in as well: the connection still acts as the application.
    on(str(stack["database_admin_url"]), Database.check)


@pytest.mark.parametrize("login", ["database_url", "database_admin_url"])
def test_a_user_sees_only_their_own_rows(stack: Addresses, login: str, users: tuple[str, str]) -> None:
    one, _ = users

    async def seen(database: Database) -> list[list[Any]]:
        async with database.as_user(one) as transaction:
            return [await transaction.values("customer", user_id=user) for user in users]

    assert on(str(stack[login]), seen) == [[one], []]


def test_a_connection_forgets_its_previous_user(url: str, users: tuple[str, str]) -> None:
    one, other = users

    async def seen(database: Database) -> list[list[Any]]:
        async with database.as_user(one):
            pass
        async with database.as_user(other) as transaction:
            return [await transaction.values("customer", user_id=user) for user in users]

    assert on(url, seen, pool_size=1) == [[], [other]]


def test_another_users_rows_cannot_be_written(url: str, users: tuple[str, str]) -> None:
    one, other = users

    async def write(database: Database) -> None:
        async with database.as_user(one) as transaction:
            await transaction.run("write_audit", **audit(other))

    error = failure(url, write)
    assert isinstance(error, StatementRefused)
    assert str(error) == "PostgreSQL refused a statement (InsufficientPrivilege)"


def audit(user: str) -> dict[str, object]:
    unknown = dict.fromkeys(("request_id", "asked_user_id", "subscription_id", "problem", "stripe_request_id"))
    return {"user_id": user, "action": "test", "outcome": "refused", "http_status": 400, **unknown}


def test_the_owner_of_a_request_is_found_by_its_id(world: World, url: str, users: tuple[str, str]) -> None:
    one, _ = users
    request = world.row("SELECT id FROM cancellation_requests WHERE user_id = %s", one)["id"]

    async def owners(database: Database) -> list[str | None]:
        return [await database.owner_of("cancellation", each) for each in (request, uuid.uuid4())]

    assert on(url, owners) == [one, None]


IDS = some.text(min_size=1, max_size=255).filter(is_user_id)


class _RollBack(Exception):
    """An exception that rolls a transaction back."""


@given(IDS, IDS)
@given_at_most(max_examples=40)
@example("o'; SET app.user_id = 'other'; --", "other")
@example("\\'", "'")
@example("%(user_id)s", "%%")
@example("' || 'x", "' 'x")
def test_any_user_id_is_quoted_correctly(url: str, mine: str, other: str) -> None:
    """The statement that names the user is composed on the client: wrong quoting would name another user."""
    assume(mine != other)

    async def work(database: Database) -> None:
        with pytest.raises(_RollBack):
            async with database.as_user(mine) as transaction:
                await transaction.run("write_audit", **audit(mine))
                raise _RollBack
        with pytest.raises(StatementRefused):
            async with database.as_user(mine) as transaction:
                await transaction.run("write_audit", **audit(other))

    on(url, work, pool_size=1)


# Transactions


async def receive(transaction: Transaction, user: str, feedback: str | None = None) -> uuid.UUID:
    made: list[uuid.UUID] = await transaction.values(
        "receive_cancellation",
        request_id=uuid.uuid4(),
        user_id=user,
        asked_user_id=user,
        asked_subscription=None,
        every=False,
        accept_offer=True,
        reason=None,
        feedback=feedback,
        as_of=None,
        in_line=False,
        coming_in_seconds=0,
        key=None,
        session_id=None,
        feedback_option=None,
        carried_out_by="cancelflow",
        message=None,
        fingerprint=None,
        reason_optional_countries=[],
        at_most=0,
        refusals={"request-under-way": {"status": 409}},
    )
    return made[0]


def requests_of(world: World, user: str) -> list[uuid.UUID]:
    return [row["id"] for row in world.rows("SELECT id FROM cancellation_requests WHERE user_id = %s", user)]


def test_a_successful_block_is_committed(world: World, url: str, users: tuple[str, str]) -> None:
    async def work(database: Database) -> uuid.UUID:
        async with database.as_user(users[0]) as transaction:
            request = await receive(transaction, users[0])
            await transaction.run("leave_cancellation", request_id=request)
            return request

    assert on(url, work) in requests_of(world, users[0])


def test_a_failing_block_is_rolled_back(world: World, url: str, users: tuple[str, str]) -> None:
    before = requests_of(world, users[0])

    async def work(database: Database) -> None:
        async with database.as_user(users[0]) as transaction:
            await receive(transaction, users[0])
            raise KeyError("a mistake of the caller's")

    with pytest.raises(KeyError, match="a mistake"):
        on(url, work)
    assert requests_of(world, users[0]) == before


def test_rows_are_returned_in_the_requested_form(url: str, users: tuple[str, str]) -> None:
    async def work(database: Database) -> tuple[object, ...]:
        async with database.as_user(users[0]) as transaction:
            return (
                await transaction.one("customer_locale", _Locale, user_id=users[0]),
                await transaction.one("customer_locale", _Locale, user_id=users[1]),
                await transaction.all("customer_locale", _Locale, user_id=users[0]),
                await transaction.run("leave_cancellation", request_id=uuid.uuid4()),
            )

    assert on(url, work) == (_Locale("en", "UTC"), None, [_Locale("en", "UTC")], 0)


def test_an_invalid_value_is_not_repeated_in_the_error(url: str, users: tuple[str, str]) -> None:
    async def work(database: Database) -> None:
        async with database.as_user(users[0]) as transaction:
            await transaction.values("owner_of_cancellation", request_id="ada@example.com")

    error = failure(url, work)
    assert isinstance(error, StatementRefused)
    assert "ada@example.com" not in str(error)


# Errors


def failure(url: str, work: Callable[[Database], Awaitable[object]]) -> CancelflowError:
    with pytest.raises(CancelflowError) as caught:
        on(url, work)
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    password = urlsplit(url).password
    assert password
    assert password not in str(error)
    return error


def test_a_refused_write_names_the_constraint_and_not_the_row(world: World, url: str, users: tuple[str, str]) -> None:
    before = requests_of(world, users[0])

    async def work(database: Database) -> None:
        async with database.as_user(users[0]) as transaction:
            await receive(transaction, users[0])
            await receive(transaction, users[0], feedback="ada@example.com says: " + "x" * 5000)

    error = failure(url, work)
    assert isinstance(error, ConstraintViolated)
    assert error.constraint == CONSTRAINT
    assert "ada@example.com" not in str(error)
    assert requests_of(world, users[0]) == before


def test_the_database_can_be_used_after_a_refused_write(url: str, users: tuple[str, str]) -> None:
    async def work(database: Database) -> list[Any]:
        with pytest.raises(ConstraintViolated):
            async with database.as_user(users[0]) as transaction:
                await receive(transaction, users[0], feedback="x" * 5001)
        async with database.as_user(users[0]) as transaction:
            return await transaction.values("customer", user_id=users[0])

    assert on(url, work, pool_size=1) == [users[0]]


def test_a_statement_that_waits_for_a_lock_times_out(
    world: World, url: str, users: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STATEMENT_TIMEOUT_MS", 500)
    [request] = requests_of(world, users[0])

    async def work(database: Database) -> None:
        async with database.as_user(users[0]) as transaction:
            await transaction.run("choose_subscription", request_id=request, subscription_id=None, paid_until=None)

    with psycopg.connect(world.addresses["database_admin_url"]) as holder:
        holder.execute("SELECT FROM cancellation_requests WHERE id = %s FOR UPDATE", [request])
        error = failure(url, work)
    assert isinstance(error, DatabaseUnavailable)


def test_a_broken_connection_is_replaced(world: World, url: str, users: tuple[str, str]) -> None:
    async def work(database: Database) -> list[Any]:
        async with database.as_user(users[0]) as transaction:
            [process] = await transaction.values("backend_of_test")
        world.admin.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
        async with database.as_user(users[0]) as transaction:
            return await transaction.values("customer", user_id=users[0])

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(QUERIES, "backend_of_test", "SELECT pg_backend_pid()")
        assert on(url, work, pool_size=1) == [users[0]]


def with_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()


def test_a_busy_process_does_not_cut_off_a_server_that_responded(url: str) -> None:
    async def busy() -> Any:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            with cut_after(connection, DUE_SECONDS):
                asking = asyncio.create_task(connection.execute("SELECT 1"))
                await asyncio.sleep(0)  # the query has been sent
                assert select.select([connection], [], [], None)[0]  # and answered; nothing is read from here on
                time.sleep(DUE_SECONDS)  # noqa: ASYNC251
                return await (await asking).fetchone()

    assert asyncio.run(busy()) == (1,)


def test_an_unreachable_server_is_reported_in_time(
    url: str, caplog: pytest.LogCaptureFixture, short_timeout: float
) -> None:
    caplog.set_level(logging.DEBUG)
    away = with_port(url, free_port())
    error = failure(away, Database.check)
    assert isinstance(error, DatabaseUnavailable)
    assert str(urlsplit(url).password) not in caplog.text


def test_a_server_that_never_responds_is_reported_in_time(url: str) -> None:
    with black_hole() as port:
        error = failure(with_port(url, port), Database.check)
    assert isinstance(error, DatabaseUnavailable)


@pytest.mark.usefixtures("short_timeout")
def test_a_wrong_password_is_not_repeated(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    parts = urlsplit(url)
    wrong = parts._replace(netloc=f"{parts.username}:hunter2-hunter2@127.0.0.1:{parts.port}").geturl()
    assert isinstance(failure(wrong, Database.check), DatabaseUnavailable)
    assert "hunter2-hunter2" not in caplog.text


def test_a_closed_database_is_unavailable(url: str) -> None:
    async def work(database: Database) -> None:
        await database.close()
        await database.check()

    assert isinstance(failure(url, work), DatabaseUnavailable)


# Health


def test_a_database_without_our_tables_is_not_healthy(stack: Addresses) -> None:
    with new_database(str(stack["database_admin_url"])) as empty:
        assert str(failure(empty, Database.check)) == "the database is not migrated: run `cancelflow migrate`"
        migrate(settings(empty))
        on(empty, Database.check)


def test_an_application_that_owns_a_table_is_not_healthy(stack: Addresses) -> None:
    with new_database(str(stack["database_admin_url"])) as fresh:
        migrate(settings(fresh))
        with psycopg.connect(fresh) as owner:
            owner.execute("ALTER TABLE outbox OWNER TO cancelflow_app")
        error = failure(fresh, Database.check)
    assert isinstance(error, DatabaseUnavailable)
    assert str(error) == "the role cancelflow_app is not confined: see sql/migrations"


@pytest.mark.parametrize("attribute", ["BYPASSRLS", "SUPERUSER"])
def test_a_role_that_bypasses_row_level_security_is_not_confined(world: World, attribute: str) -> None:
    """Checks only the query: the application's role belongs to the whole server, and is not changed."""
    with psycopg.connect(world.addresses["database_admin_url"]) as owner:
        owner.execute(f"CREATE ROLE test_unconfined {attribute}".encode())
        owner.execute("SET ROLE test_unconfined")
        found = owner.execute(QUERIES["health"]).fetchone()
        owner.rollback()
    assert found == ("test_unconfined", True, False)
