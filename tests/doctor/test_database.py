"""PostgreSQL: each possible problem, on a separate database."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr

from deployments.doctor.database import OLDEST, of_confinement, of_version
from deployments.doctor.finding import Level
from deployments.migrations import migrate
from nodes.clients.database.setup import Login
from nodes.settings import DatabaseSettings
from tests.conftest import Addresses
from tests.doctor.conftest import assert_bad, assert_ok, found
from tests.nodes.clients.smtp_servers import black_hole
from tests.nodes.clients.test_database import new_database
from tests.ports import free_port
from tests.world import World

pytestmark = pytest.mark.slow

CHECKS = ("version", "role", "confinement", "row-level security", "owner", "migrations")
Settings = dict[str, str | None]
LOGIN = Login(
    version=180_000,
    database="cancelflow",
    started_at=datetime(2026, 11, 25, tzinfo=UTC),
    login="app",
    login_unconfined=False,
    role_exists=True,
    role_unconfined=False,
    role_owns=False,
)


@pytest.fixture(scope="module")
def database(stack: Addresses) -> Iterator[Settings]:
    """Yield a migrated, separate database."""
    with new_database(str(stack["database_admin_url"])) as admin:
        migrate(DatabaseSettings(database_url=SecretStr(admin), database_admin_url=SecretStr(admin)))
        login = urlsplit(str(stack["database_url"]))._replace(path=urlsplit(admin).path).geturl()
        yield {"DATABASE_URL": login, "DATABASE_ADMIN_URL": admin}


@pytest.fixture
def owner(database: Settings) -> Iterator[psycopg.Connection[object]]:
    """Yield its owner's connection, with which a test repairs what it breaks."""
    with psycopg.connect(str(database["DATABASE_ADMIN_URL"]), autocommit=True) as connection:
        yield connection


@pytest.fixture
def another_login(owner: psycopg.Connection[object], database: Settings) -> Iterator[Settings]:
    """Create a login without privileges."""
    name = f"test_{uuid4().hex[:12]}"
    owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'hunter2'".encode())
    parts = urlsplit(str(database["DATABASE_URL"]))
    yield {**database, "DATABASE_URL": parts._replace(netloc=f"{name}:hunter2@127.0.0.1:{parts.port}").geturl()}
    owner.execute(f"DROP ROLE {name}".encode())


def name_of(login: Settings) -> str:
    return str(urlsplit(str(login["DATABASE_URL"])).username)


def test_a_correct_database_passes(database: Settings) -> None:
    findings = found("PostgreSQL", **database)
    assert_ok(findings, *CHECKS)
    assert findings["version"].found.startswith("18.")


def test_an_old_server_fails() -> None:
    """Checks only the finding: no such server is available."""
    old = replace(LOGIN, version=(OLDEST - 1) * 10_000 + 9)
    assert_bad(of_version(old), Level.FAILED, "14.9")


def test_a_database_that_is_not_migrated_fails(stack: Addresses) -> None:
    with new_database(str(stack["database_admin_url"])) as empty:
        findings = found("PostgreSQL", DATABASE_URL=empty, DATABASE_ADMIN_URL=None)
    assert_bad(findings["migrations"], Level.FAILED, "are not applied")
    assert_bad(findings["row-level security"], Level.FAILED, "there are no tables")
    assert "cancelflow migrate" in findings["migrations"].to_do


def test_a_missing_migration_fails(owner: psycopg.Connection[object], database: Settings) -> None:
    owner.execute("UPDATE _yoyo_migration SET migration_id = 'x_' || migration_id WHERE migration_id LIKE '0010%'")
    finding = found("PostgreSQL", **database)["migrations"]
    owner.execute("UPDATE _yoyo_migration SET migration_id = substr(migration_id, 3) WHERE migration_id LIKE 'x\\_%'")
    assert_bad(finding, Level.FAILED, "1 of ")


def test_a_database_of_a_newer_version_is_a_warning(owner: psycopg.Connection[object], database: Settings) -> None:
    owner.execute("INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('x', '9999_the_future')")
    finding = found("PostgreSQL", **database)["migrations"]
    owner.execute("DELETE FROM _yoyo_migration WHERE migration_hash = 'x'")
    assert_bad(finding, Level.WARNING, "9999_the_future")


@pytest.mark.parametrize(
    ("broken", "mended", "says"),
    [
        (
            "DROP POLICY own_rows ON outbox",
            "CREATE POLICY own_rows ON outbox TO cancelflow_app USING (user_id = app_user_id())",
            "outbox: its policies are not cancelflow's",
        ),
        (
            "CREATE POLICY everything ON users USING (true)",
            "DROP POLICY everything ON users",
            "users: its policies are not cancelflow's",
        ),
        (
            "ALTER TABLE subscriptions DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE subscriptions ENABLE ROW LEVEL SECURITY",
            "subscriptions: row-level security is not enabled and forced",
        ),
        (
            "ALTER TABLE audit_log NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE audit_log FORCE ROW LEVEL SECURITY",
            "audit_log: row-level security is not enabled and forced",
        ),
    ],
)
def test_an_unprotected_table_is_named(
    owner: psycopg.Connection[object], database: Settings, broken: str, mended: str, says: str
) -> None:
    owner.execute(broken.encode())
    finding = found("PostgreSQL", **database)["row-level security"]
    owner.execute(mended.encode())
    assert_bad(finding, Level.FAILED, says)
    assert len(finding.found.splitlines()) == 2
    assert_ok(found("PostgreSQL", **database), *CHECKS)


def test_a_new_table_with_user_rows_needs_protection(owner: psycopg.Connection[object], database: Settings) -> None:
    owner.execute("CREATE TABLE notes (user_id text)")
    assert_ok(found("PostgreSQL", **database), *CHECKS)  # a table of the company's, which we cannot access
    owner.execute("GRANT SELECT ON notes TO cancelflow_app")
    finding = found("PostgreSQL", **database)["row-level security"]
    owner.execute("DROP TABLE notes")
    assert_bad(finding, Level.FAILED, "notes: row-level security is not enabled and forced")


def test_an_application_that_owns_a_table_fails(owner: psycopg.Connection[object], database: Settings) -> None:
    owner.execute("ALTER TABLE outbox OWNER TO cancelflow_app")
    finding = found("PostgreSQL", **database)["confinement"]
    owner.execute("ALTER TABLE outbox OWNER TO CURRENT_USER")
    assert_bad(finding, Level.FAILED, "owns tables")


def test_a_login_that_cannot_act_as_the_application_fails(
    owner: psycopg.Connection[object], another_login: Settings
) -> None:
    finding = found("PostgreSQL", **another_login)["role"]
    assert_bad(finding, Level.FAILED, f"the login {name_of(another_login)} may not act as cancelflow_app")
    assert f"GRANT cancelflow_app TO {name_of(another_login)}" in finding.to_do
    owner.execute(f"GRANT cancelflow_app TO {name_of(another_login)}".encode())
    assert_ok(found("PostgreSQL", **another_login), *CHECKS)


@pytest.mark.parametrize("attribute", ["SUPERUSER", "BYPASSRLS"])
def test_a_login_that_bypasses_policies_is_a_warning(
    owner: psycopg.Connection[object], another_login: Settings, attribute: str
) -> None:
    owner.execute(f"GRANT cancelflow_app TO {name_of(another_login)}".encode())
    owner.execute(f"ALTER ROLE {name_of(another_login)} {attribute}".encode())
    findings = found("PostgreSQL", **another_login)
    assert_bad(findings["confinement"], Level.WARNING, "is a superuser or bypasses row-level security")
    assert findings["role"].level is Level.OK


def test_a_role_that_bypasses_policies_fails() -> None:
    """Checks only the finding: the role belongs to the whole server, and is not changed."""
    finding = of_confinement(replace(LOGIN, role_unconfined=True))
    assert_bad(finding, Level.FAILED, "cancelflow_app is a superuser or bypasses row-level security")


def test_an_owner_that_owns_nothing_fails(another_login: Settings) -> None:
    as_owner = {"DATABASE_URL": another_login["DATABASE_URL"], "DATABASE_ADMIN_URL": another_login["DATABASE_URL"]}
    assert_bad(found("PostgreSQL", **as_owner)["owner"], Level.FAILED, "owns no tables")


def test_a_missing_owner_is_a_warning(database: Settings) -> None:
    finding = found("PostgreSQL", **{**database, "DATABASE_ADMIN_URL": None})["owner"]
    assert_bad(finding, Level.WARNING, "DATABASE_ADMIN_URL is not set, and DATABASE_URL logs in as cancelflow_app")


def test_an_owner_of_another_database_fails(world: World, database: Settings) -> None:
    other = {**database, "DATABASE_ADMIN_URL": str(world.addresses["database_admin_url"])}
    assert_bad(found("PostgreSQL", **other)["owner"], Level.FAILED, "leads to another database")


def test_a_wrong_password_is_not_shown(database: Settings) -> None:
    parts = urlsplit(str(database["DATABASE_URL"]))
    wrong = parts._replace(netloc=f"{parts.username}:hunter2@127.0.0.1:{parts.port}").geturl()
    finding = found("PostgreSQL", **{**database, "DATABASE_URL": wrong})["response"]
    assert_bad(finding, Level.FAILED, "password authentication failed")
    assert "hunter2" not in str(finding)


def test_an_owners_wrong_password_hides_no_other_finding(database: Settings) -> None:
    parts = urlsplit(str(database["DATABASE_ADMIN_URL"]))
    wrong = parts._replace(netloc=f"{parts.username}:hunter2@127.0.0.1:{parts.port}").geturl()
    findings = found("PostgreSQL", **{**database, "DATABASE_ADMIN_URL": wrong})
    assert_bad(findings["owner"], Level.FAILED, "DATABASE_ADMIN_URL: ")
    assert findings["row-level security"].level is Level.OK
    assert "hunter2" not in str(findings)


def test_an_unreachable_server_fails() -> None:
    url = f"postgresql://app:hunter2@127.0.0.1:{free_port()}/x"
    assert_bad(found("PostgreSQL", DATABASE_URL=url)["response"], Level.FAILED, "Connection refused")


def test_a_server_that_never_responds_fails() -> None:
    with black_hole() as port:
        findings = found("PostgreSQL", DATABASE_URL=f"postgresql://app:hunter2@127.0.0.1:{port}/x")
    assert_bad(findings["response"], Level.FAILED, "timeout")
    assert "hunter2" not in str(findings)
