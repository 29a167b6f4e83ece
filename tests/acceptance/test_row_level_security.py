"""Row-level security in SQL, as the application's role (FEATURES W03; SPEC, Decided 4); the database's own rules."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg
import pytest
from psycopg import errors
from psycopg.rows import dict_row

from tests.cancel_page.visitor import Visitor, token
from tests.consents.test_database import REFUSED
from tests.world import Person, Row, World

ROLE = "cancelflow_app"
# The tables with user rows, and their owner's column. A test compares this list with the catalogue.
OWNER = {
    "users": "id",
    "subscriptions": "user_id",
    "cancellation_requests": "user_id",
    "cancellation_reasons": "user_id",
    "retention_offers": "user_id",
    "entitlements": "user_id",
    "data_retention_jobs": "user_id",
    "outbox": "user_id",
    "audit_log": "user_id",
    "idempotency_keys": "user_id",
    "attempts": "user_id",
    "data_deletions": "user_id",
    "reactivation_requests": "user_id",
    "change_requests": "user_id",
    "offers_listed": "user_id",
    "subscription_ends": "user_id",
    "offers_shown": "user_id",
    "retained_invoices": "user_id",
    "cancel_sessions": "user_id",
    "session_tokens": "user_id",
    "session_events": "user_id",
    "webhook_deliveries": "user_id",
    "consents": "user_id",
    "tasks": "user_id",
    "calls": "user_id",
    "replies": "user_id",
    "feedback_tags": "user_id",
    "win_backs": "user_id",
}

every_table = pytest.mark.parametrize("table", OWNER)


@dataclass(frozen=True)
class Two:
    """Users A and B, each with a row in every table: they accepted the offer and cancelled later."""

    a: Person
    b: Person


@pytest.fixture(scope="module")
def two(world: World) -> Two:
    people = Two(world.person("enterprise"), world.person("enterprise"))
    world.admin.execute("INSERT INTO fixes (tag, notes) VALUES ('sso', '{}') ON CONFLICT DO NOTHING")
    for person in (people.a, people.b):
        assert world.http.get("/retention-offer", headers=person.headers).json()["show_offer"]
        assert world.accept(person).status_code == 200
        assert world.http.get("/offers", headers=person.headers).status_code == 200
        for path, choice in (("/offers/pause/accept", {"months": 1}), ("/resume-subscription", {})):
            assert world.http.post(path, json=choice, headers=person.headers).status_code == 200
        world.admin.execute(
            "INSERT INTO retained_invoices VALUES ('in_' || gen_random_uuid(), %s, %s, 'usd', 100, now(), now())",
            [person.user_id, person.subscription_id],
        )
        keyed = replace(person, headers={**person.headers, "Idempotency-Key": f"key-{person.user_id}"})
        assert world.cancel(keyed, feedback="mine").status_code == 200
        body = {"user_id": person.user_id}
        assert world.http.post("/reactivate-subscription", json=body, headers=person.headers).status_code == 200
        stopped = {"channel": "phone", "accepted": False}
        assert world.http.post("/consents", json=stopped, headers=person.headers).status_code == 200
        with Visitor(world) as visitor:
            visitor.open(token(person))
            assert visitor.press("cancel").status_code == 200
        world.admin.execute(
            "INSERT INTO subscription_ends (user_id, subscription_id, kind, ended_at)"
            " VALUES (%s, %s, 'neutral', now())",
            [person.user_id, person.subscription_id],
        )
        world.admin.execute(
            "INSERT INTO webhook_deliveries (user_id, endpoint, type, key, at, data)"
            " VALUES (%s, 'every', 'session.started', gen_random_uuid(), now(), '{}')",
            [person.user_id],
        )
        world.admin.execute(
            "INSERT INTO tasks (user_id, kind, key, said, publish_at)"
            " VALUES (%s, 'support', gen_random_uuid(), 'mine', NULL)",
            [person.user_id],
        )
        world.admin.execute(
            "INSERT INTO calls (request_id, user_id, state, due_at, placed_at)"
            " SELECT id, user_id, 'placed', NULL, now() FROM cancellation_requests WHERE user_id = %s LIMIT 1",
            [person.user_id],
        )
        world.admin.execute(
            "INSERT INTO replies (request_id, user_id, fingerprint, kind, text, category, confidence)"
            " SELECT id, user_id, '', 'reply', 'mine', 'other', 0.5 FROM cancellation_requests"
            " WHERE user_id = %s LIMIT 1",
            [person.user_id],
        )
        world.admin.execute(
            "INSERT INTO feedback_tags (request_id, user_id, tag, tagged_by)"
            " SELECT id, user_id, 'sso', 'operator' FROM cancellation_requests WHERE user_id = %s LIMIT 1",
            [person.user_id],
        )
        world.admin.execute(
            "INSERT INTO win_backs (tag, user_id, request_id, outcome, decided_at)"
            " SELECT tag, user_id, request_id, 'written', now() FROM feedback_tags WHERE user_id = %s",
            [person.user_id],
        )
        # False, because their rows still exist, but only an existing user can try to read the record.
        world.admin.execute(
            "INSERT INTO data_deletions (user_id, removed, kept) VALUES (%s, '[]', '[]')", [person.user_id]
        )
    return people


@contextmanager
def as_role(world: World, **named: str) -> Iterator[psycopg.Connection[Row]]:
    """Open a transaction as the application's role for a user, a request or no one; it is rolled back."""
    with psycopg.connect(world.addresses["database_url"], row_factory=dict_row) as connection:
        for setting, value in named.items():
            connection.execute("SELECT set_config(%s, %s, true)", [f"app.{setting}", value])
        yield connection
        connection.rollback()


def count(connection: psycopg.Connection[Row], query: str, *parameters: object) -> int:
    [row] = connection.execute(query.encode(), parameters).fetchall()
    return int(row["count"])


def columns_that_may(world: World, privilege: str, table: str) -> list[str]:
    """Return the columns on which the application's role has this privilege, without generated ones."""
    found = world.rows(
        """SELECT c.column_name AS name FROM information_schema.columns c
        WHERE c.table_schema = 'public' AND c.table_name = %s AND c.is_identity = 'NO'
            AND has_column_privilege(%s, 'public.' || c.table_name, c.column_name, %s)
        ORDER BY c.ordinal_position""",
        table,
        ROLE,
        privilege,
    )
    return [row["name"] for row in found]


def test_every_table_with_user_rows_is_tested(world: World) -> None:
    found = world.rows(
        """SELECT DISTINCT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
            AND (a.attname = 'user_id' OR c.relname = 'users')"""
    )
    assert {row["name"] for row in found} == set(OWNER)


def test_every_table_with_user_rows_forces_row_level_security(world: World) -> None:
    found = world.rows(
        """SELECT relname AS name, relrowsecurity AND relforcerowsecurity AS forced FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)""",
        list(OWNER),
    )
    assert {row["name"]: row["forced"] for row in found} == dict.fromkeys(OWNER, True)


def test_no_other_table_or_view_shows_user_rows_to_the_role(world: World) -> None:
    """Neither a view that runs as its owner nor a table without a user."""
    views = world.rows(
        """SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
            AND has_table_privilege(%s, oid, 'SELECT')
            AND NOT coalesce('security_invoker=true' = ANY(reloptions), false)""",
        ROLE,
    )
    tables = world.rows(
        """SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> ALL(%s)
            AND has_table_privilege(%s, oid, 'SELECT, INSERT, UPDATE, DELETE')""",
        list(OWNER),
        ROLE,
    )
    # The company's own files and texts, and ids of requests without a user, which the role can only add.
    others = ["blueprint_versions", "consent_wordings", "fixes", "unreported_requests"]
    assert (views, sorted(each["relname"] for each in tables)) == ([], others)


def test_the_role_owns_nothing_and_bypasses_nothing(world: World) -> None:
    role = world.row("SELECT * FROM pg_roles WHERE rolname = %s", ROLE)
    powers = ("rolsuper", "rolbypassrls", "rolcreatedb", "rolcreaterole", "rolreplication")
    assert [power for power in powers if role[power]] == []
    owned = world.rows(
        "SELECT classid::regclass, objid FROM pg_shdepend WHERE refobjid = %s AND deptype = 'o'", role["oid"]
    )
    assert owned == []
    memberships = world.rows("SELECT roleid::regrole::text AS of FROM pg_auth_members WHERE member = %s", role["oid"])
    assert memberships == []
    with as_role(world) as connection:
        assert connection.execute("SELECT current_user AS me").fetchall() == [{"me": ROLE}]


@every_table
def test_a_user_sees_only_their_own_rows(world: World, two: Two, table: str) -> None:
    owner = OWNER[table]
    assert world.row(f"SELECT count(*) FROM {table} WHERE {owner} = %s", two.b.user_id)["count"] > 0
    with as_role(world, user_id=two.a.user_id) as connection:
        assert count(connection, f"SELECT count(*) FROM {table} WHERE {owner} = %s", two.b.user_id) == 0
        assert count(connection, f"SELECT count(*) FROM {table} WHERE {owner} <> %s", two.a.user_id) == 0
        assert count(connection, f"SELECT count(*) FROM {table}") > 0


@every_table
def test_no_rows_are_visible_without_a_user(world: World, two: Two, table: str) -> None:
    for named in ({}, {"user_id": ""}):
        with as_role(world, **named) as connection:
            assert count(connection, f"SELECT count(*) FROM {table}") == 0


@every_table
def test_another_users_rows_cannot_be_changed(world: World, two: Two, table: str) -> None:
    changeable = columns_that_may(world, "UPDATE", table)
    owner, before = OWNER[table], world.belongings(two.b.user_id)[table]
    assert owner not in changeable  # so that no row can be moved to another user either
    with as_role(world, user_id=two.a.user_id) as connection:
        if changeable:
            sets = ", ".join(f"{column} = NULL" for column in changeable)
            changed = connection.execute(f"UPDATE {table} SET {sets} WHERE {owner} = %s".encode(), [two.b.user_id])
            assert changed.rowcount == 0
            connection.commit()
        else:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(f"UPDATE {table} SET {owner} = {owner}".encode())
    assert world.belongings(two.b.user_id)[table] == before


@every_table
def test_nothing_can_be_written_in_another_users_name(world: World, two: Two, table: str) -> None:
    """A copies one of their own rows, under B's name."""
    owner = OWNER[table]
    columns = columns_that_may(world, "INSERT", table)
    copied = ", ".join(columns) or owner
    renamed = ", ".join("%s" if column == owner else column for column in columns) or "%s"
    refusal = "row-level security" if columns else "permission denied"
    with (
        as_role(world, user_id=two.a.user_id) as connection,
        pytest.raises(errors.InsufficientPrivilege, match=refusal),
    ):
        statement = f"INSERT INTO {table} ({copied}) SELECT {renamed} FROM {table} LIMIT 1"
        connection.execute(statement.encode(), [two.b.user_id])


@every_table
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_role_can_delete_nothing(world: World, two: Two, table: str, statement: str) -> None:
    with (
        as_role(world, user_id=two.a.user_id) as connection,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        connection.execute(statement.format(table).encode())


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("cancellation_requests", "runs = 99"),
        ("cancel_sessions", "progress = '{}'"),
        ("replies", "category = 'unused'"),
    ],
)
def test_a_request_a_session_or_a_reply_can_be_read_by_its_id_but_not_changed(
    world: World, two: Two, table: str, change: str
) -> None:
    row = world.rows(f"SELECT id FROM {table} WHERE user_id = %s", two.b.user_id)[0]
    with as_role(world, request_id=str(row["id"])) as connection:
        seen = connection.execute(f"SELECT id FROM {table}".encode()).fetchall()
        changed = connection.execute(f"UPDATE {table} SET {change}".encode()).rowcount
        others = {each: count(connection, f"SELECT count(*) FROM {each}") for each in OWNER}
    assert (seen, changed) == ([row], 0)
    assert others == dict.fromkeys(OWNER, 0) | {table: 1}


@pytest.mark.parametrize("statement", ["UPDATE {} SET number = number", "DELETE FROM {}"])
def test_the_application_only_adds_events_of_sessions(world: World, two: Two, statement: str) -> None:
    with as_role(world, user_id=two.a.user_id) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.format("session_events").encode())


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET at = at", "DELETE FROM audit_log", "TRUNCATE audit_log"])
def test_not_even_the_owner_can_change_the_audit_log(world: World, two: Two, statement: str) -> None:
    before = world.belongings(two.a.user_id)["audit_log"]
    with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
        world.admin.execute(statement.encode())
    assert world.belongings(two.a.user_id)["audit_log"] == before


# Copies from Stripe, which move to a user id that is added to Stripe's metadata later.
COPIES = ("users", "subscriptions", "subscription_ends")


@pytest.mark.parametrize("table", [table for table in OWNER if table not in COPIES])
def test_rows_in_any_table_are_history(world: World, two: Two, table: str) -> None:
    """Only the rows in this table are left, and those that they belong to."""
    belongs_to = world.rows(
        "SELECT confrelid::regclass::text AS name FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass",
        table,
    )
    left = {table, *COPIES, *(each["name"] for each in belongs_to)}
    history = "SELECT has_history(%s)"
    with rolled_back(world):
        world.admin.execute("SET LOCAL session_replication_role = replica")  # without triggers and foreign keys
        for other in OWNER.keys() - left:
            world.admin.execute(f"DELETE FROM {other} WHERE user_id = %s".encode(), [two.a.user_id])
        assert world.row(history, two.a.user_id)["has_history"]
        for other in OWNER.keys() & left - set(COPIES):
            world.admin.execute(f"DELETE FROM {other} WHERE user_id = %s".encode(), [two.a.user_id])
        assert not world.row(history, two.a.user_id)["has_history"]


# The database's own constraints. Each statement is tried as the owner and rolled back.


@contextmanager
def rolled_back(world: World) -> Iterator[None]:
    with world.admin.transaction(force_rollback=True):
        yield


def request_of(world: World, person: Person) -> uuid.UUID:
    made = world.row(
        "INSERT INTO cancellation_requests (user_id, asked_user_id, accept_offer) VALUES (%s, %s, true) RETURNING id",
        person.user_id,
        person.user_id,
    )
    found: uuid.UUID = made["id"]
    return found


def offer_at(world: World, person: Person, accepted_at: str, state: str = "reserved") -> None:
    world.admin.execute(
        "INSERT INTO retention_offers (request_id, user_id, subscription_id, plan, percent_off, months, coupon_id,"
        " state, accepted_at) VALUES (%s, %s, %s, 'starter', 20, 3, 'c', %s, %s)",
        [request_of(world, person), person.user_id, person.subscription_id, state, accepted_at],
    )


@pytest.mark.parametrize(
    ("first", "second", "allowed"),
    [
        ("2026-01-15T12:00:00Z", "2026-07-15T11:59:59Z", False),
        ("2026-01-15T12:00:00Z", "2026-07-15T12:00:00Z", True),
        ("2026-07-15T12:00:00Z", "2026-01-15T12:00:01Z", False),
        ("2026-01-15T12:00:00Z", "2026-01-15T12:00:00Z", False),
        # Calendar months: the last of August, and the end of February.
        ("2026-08-31T00:00:00Z", "2027-02-27T23:59:59Z", False),
        ("2026-08-31T00:00:00Z", "2027-02-28T00:00:00Z", True),
        # Counted in UTC, whatever zone they are written in.
        ("2026-01-01T00:30:00+01:00", "2026-06-30T23:29:59Z", False),
        ("2026-01-01T00:30:00+01:00", "2026-06-30T23:30:00Z", True),
    ],
)
def test_a_user_can_accept_one_offer_in_six_calendar_months(
    world: World, two: Two, first: str, second: str, allowed: bool
) -> None:
    with rolled_back(world):
        world.admin.execute("UPDATE retention_offers SET state = 'withdrawn' WHERE user_id = %s", [two.a.user_id])
        offer_at(world, two.a, first)
        if allowed:
            offer_at(world, two.a, second)
        else:
            with pytest.raises(errors.ExclusionViolation, match="one_retention_offer_in_its_cooldown"):
                offer_at(world, two.a, second)


def test_the_six_months_apply_per_user_and_withdrawn_offers_do_not_count(world: World, two: Two) -> None:
    with rolled_back(world):
        at = "2020-01-15T12:00:00Z"
        offer_at(world, two.a, at, state="withdrawn")
        offer_at(world, two.a, at)
        offer_at(world, two.b, at)
        offers = world.row("SELECT count(*) FROM retention_offers WHERE accepted_at = %s", at)
        assert offers["count"] == 3


CHECKS = {
    "a_pending_cancellation_has_its_date": ("subscriptions", "cancel_at = NULL"),
    "subscriptions_status_check": ("subscriptions", "status = 'cancelled'"),
    "users_id_check": ("users", "id = repeat('x', 256)"),
    "users_country_check": ("users", "country = 'Germany'"),
    "an_outcome_is_whole": ("cancellation_requests", "response = NULL"),
    "cancellation_requests_outcome_check": ("cancellation_requests", "outcome = 'done'"),
    "cancellation_requests_recovery_point_check": ("cancellation_requests", "recovery_point = 'x'"),
    "cancellation_requests_feedback_check": ("cancellation_requests", "feedback = repeat('x', 5001)"),
    "cancellation_reasons_category_check": ("cancellation_reasons", "category = 'because'"),
    "cancellation_reasons_feedback_check": ("cancellation_reasons", "feedback = repeat('x', 5001)"),
    "retention_offers_percent_off_check": ("retention_offers", "percent_off = 101"),
    "retention_offers_cooldown_months_check": ("retention_offers", "cooldown_months = -1"),
    "retention_offers_months_check": ("retention_offers", "months = 0"),
    "retention_offers_state_check": ("retention_offers", "state = 'offered'"),
    "retention_offers_current_discount_check": ("retention_offers", "current_discount = 'forgotten'"),
    "an_applied_offer_names_its_discount": ("retention_offers", "stripe_discount_id = NULL"),
    "entitlements_kind_check": ("entitlements", "kind = 'gold'"),
    "entitlements_check": ("entitlements", "ends_at = starts_at"),
    "data_is_kept_for_90_days": ("data_retention_jobs", "run_at = run_at - interval '1 second'"),
    "data_retention_jobs_status_check": ("data_retention_jobs", "status = 'late'"),
    "data_retention_jobs_put_off_reason_check": ("data_retention_jobs", "put_off_until = now(), put_off_reason = 'x'"),
    "a_job_is_put_off_for_a_reason": ("data_retention_jobs", "put_off_until = now()"),
    "outbox_problem_check": ("outbox", "refused = true, problem = 'x'"),
    "a_problem_is_an_end": ("outbox", "refused = false, problem = 'no-address'"),
    "outbox_kind_check": ("outbox", "kind = 'postcard'"),
    "idempotency_keys_key_check": ("idempotency_keys", "key = ''"),
    "cancellation_requests_origin_check": ("cancellation_requests", "origin = 'x'"),
    "reactivation_requests_origin_check": ("reactivation_requests", "origin = 'x'"),
    "reactivation_requests_recovery_point_check": ("reactivation_requests", "recovery_point = 'x'"),
    "reactivation_requests_outcome_check": ("reactivation_requests", "outcome = 'done'"),
    "a_reactivation_is_whole": ("reactivation_requests", "response = NULL"),
    "change_requests_kind_check": ("change_requests", "kind = 'x'"),
    "change_requests_origin_check": ("change_requests", "origin = 'x'"),
    "change_requests_recovery_point_check": ("change_requests", "recovery_point = 'x'"),
    "change_requests_outcome_check": ("change_requests", "outcome = 'done'"),
    "cancellation_requests_carried_out_by_check": ("cancellation_requests", "carried_out_by = 'x'"),
    "cancellation_requests_message_check": ("cancellation_requests", "message = repeat('x', 501)"),
    "change_requests_carried_out_by_check": ("change_requests", "carried_out_by = 'x'"),
    "change_requests_message_check": ("change_requests", "message = repeat('x', 501)"),
    "a_change_is_whole": ("change_requests", "response = NULL"),
    "an_applied_change_was_agreed": ("change_requests", "agreed = NULL"),
    "subscription_ends_kind_check": ("subscription_ends", "kind = 'x'"),
    "session_events_kind_check": ("session_events", "kind = 'x'"),
    "change_requests_booking_id_check": ("change_requests", "booking_id = ''"),
    "tasks_kind_check": ("tasks", "kind = 'x'"),
    "tasks_said_check": ("tasks", "said = repeat('x', 5001)"),
    "a_done_task_says_by_whom": ("tasks", "done_at = now()"),
    "calls_state_check": ("calls", "state = 'x'"),
    "calls_warmth_check": ("calls", "warmth = 'x'"),
    "a_call_is_due_while_it_waits": ("calls", "due_at = now()"),
    "a_placed_call_has_its_time": ("calls", "placed_at = NULL"),
    "replies_kind_check": ("replies", "kind = 'x', text = NULL, category = NULL, confidence = NULL"),
    "replies_text_check": ("replies", "text = repeat('x', 5001)"),
    "replies_category_check": ("replies", "category = 'because'"),
    "replies_confidence_check": ("replies", "confidence = 2"),
    "replies_corrected_category_check": (
        "replies",
        "corrected_category = 'because', corrected_at = now(), corrected_by = 'x'",
    ),
    "only_an_answer_has_a_text": ("replies", "text = NULL"),
    "only_an_answer_has_a_category": ("replies", "kind = 'stop', text = NULL"),
    "a_category_has_a_confidence": ("replies", "confidence = NULL"),
    "feedback_tags_kind_check": ("feedback_tags", "kind = 'x'"),
    "feedback_tags_tag_check": ("feedback_tags", "tag = 'Single Sign-On'"),
    "win_backs_outcome_check": ("win_backs", "outcome = 'x'"),
    "a_decided_win_back_says_when": ("win_backs", "decided_at = NULL"),
    "a_correction_says_by_whom": ("replies", "corrected_at = now()"),
    "retained_invoices_currency_check": ("retained_invoices", "currency = 'USD'"),
}


@pytest.mark.parametrize("constraint", CHECKS)
def test_the_database_rejects_an_invalid_value(world: World, two: Two, constraint: str) -> None:
    table, change = CHECKS[constraint]
    with rolled_back(world), pytest.raises(errors.CheckViolation) as refused:
        world.admin.execute(f"UPDATE {table} SET {change} WHERE {OWNER[table]} = %s".encode(), [two.a.user_id])
    assert refused.value.diag.constraint_name == constraint


def test_every_check_of_the_schema_is_tested(world: World) -> None:
    found = world.rows(
        """SELECT conname AS name FROM pg_constraint
        WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND conrelid <> 0"""
    )
    untried = {row["name"] for row in found} - set(CHECKS) - set(REFUSED)
    assert untried == {"subscriptions_id_check", "reason_counts_month_check", "reason_counts_reasons_check"}


@pytest.mark.parametrize(
    "table", ["cancellation_reasons", "retention_offers", "entitlements", "data_retention_jobs", "outbox"]
)
def test_a_request_has_each_effect_once(world: World, two: Two, table: str) -> None:
    columns = ", ".join(column for column in columns_that_may(world, "SELECT", table) if column != "id")
    copy = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} WHERE user_id = %s"
    with rolled_back(world), pytest.raises(errors.UniqueViolation, match=f"{table}_request_id"):
        world.admin.execute(copy.encode(), [two.a.user_id])
