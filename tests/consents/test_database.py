"""The ledger in PostgreSQL: append-only, confined to its user, and kept as proof after a deletion."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from psycopg import errors
from psycopg.rows import dict_row

from nodes.clients.database.connections import APPLICATION_ROLE
from nodes.rules.consents import CHANNELS, Channel, Consent, Source, counts
from tests.consents.company import LEAST, Company
from tests.world import Row

pytestmark = pytest.mark.slow

DELETED = """INSERT INTO data_deletions (user_id, deleted_at, removed, kept)
    VALUES (%s, now() - %s::interval, '[]', '[]')"""
# As the owner, who alone can say when.
RECORDED = (
    """INSERT INTO consents (user_id, channel, accepted, recorded_at) VALUES (%s, 'sms', false, now() - %s::interval)"""
)


@contextmanager
def as_application(company: Company, user_id: str) -> Iterator[psycopg.Connection[Row]]:
    """Open a transaction as the application, for this user."""
    with psycopg.connect(company.world.addresses["database_url"], row_factory=dict_row) as connection:
        connection.execute(
            "SELECT set_config('role', %s, true), set_config('app.user_id', %s, true)", [APPLICATION_ROLE, user_id]
        )
        yield connection


# Each event: a channel, and the version of an accepted wording, or None for a revocation.
EVENTS = some.tuples(
    some.sampled_from(CHANNELS[:1] + CHANNELS[2:]), some.sampled_from([None, 1, 2]), some.sampled_from(["form", "call"])
)


@given(history=some.lists(EVENTS, max_size=8))
@settings(max_examples=60)
def test_the_current_state_is_the_last_event_of_each_channel(
    company: Company, history: list[tuple[Channel, int | None, Source]]
) -> None:
    user = str(uuid.uuid4())
    with as_application(company, user) as connection:
        for channel, version, source in history:
            language = None if version is None else "en" if (channel, version) == ("phone", 2) else ""
            connection.execute(
                """INSERT INTO consents (user_id, channel, accepted, version, language, source)
                VALUES (%s, %s, %s, %s, %s, %s)""",
                [user, channel, version is not None, version, language, source],
            )
        found = connection.execute("SELECT * FROM current_consents").fetchall()

    last = {channel: version for channel, version, _ in history}
    assert {row["channel"]: row["version"] for row in found} == last
    for row in found:
        newest = Consent(**{name: row[name] for name in Consent.__dataclass_fields__})
        version = last[newest.channel]
        assert newest.accepted is (version is not None)
        assert counts(newest, LEAST) is (version is not None and version >= LEAST.get(newest.channel, 1))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consents SET accepted = true",
        "DELETE FROM consents",
        "TRUNCATE consents",
        "UPDATE consent_wordings SET text = 'another'",
        "DELETE FROM consent_wordings",
        "TRUNCATE consent_wordings CASCADE",
    ],
)
def test_nothing_is_changed_or_deleted_not_even_by_the_owner(company: Company, statement: str) -> None:
    user = company.customer()
    company.accepts(user)
    whole = "SELECT c.*, w.text FROM consents c JOIN consent_wordings w USING (channel, version, language)"
    before = company.world.rows(whole)
    with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
        company.world.admin.execute(statement.encode())
    with as_application(company, user) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.encode())
    assert company.world.rows(whole) == before


# By constraint: the table, and a row that it refuses.
REFUSED: dict[str, tuple[str, Row]] = {
    "an_opt_in_has_source_and_wording": ("consents", {"accepted": True, "version": 2, "language": "en"}),
    "a_revocation_needs_no_wording": ("consents", {"version": 2, "language": "en"}),
    "consents_channel_check": ("consents", {"channel": "fax"}),
    "consents_source_check": ("consents", {"source": "gossip"}),
    "consents_evidence_check": ("consents", {"evidence": f'"{"x" * 4096}"'}),
    "a_number_is_for_calls_and_texts": ("consents", {"phone_number": "+14155552671"}),
    "consents_channel_version_language_fkey": (
        "consents",
        {"accepted": True, "version": 9, "language": "en", "source": "form"},
    ),
    "consent_wordings_channel_check": ("consent_wordings", {"channel": "fax"}),
    "consent_wordings_version_check": ("consent_wordings", {"version": 0}),
}
VALID: dict[str, Row] = {
    "consents": {"user_id": "a-user", "channel": "phone", "accepted": False},
    "consent_wordings": {"channel": "phone", "version": 7, "language": "en", "text": "You may."},
}


@pytest.mark.parametrize("constraint", REFUSED)
def test_the_database_refuses_a_row_that_proves_nothing(company: Company, constraint: str) -> None:
    table, wrong = REFUSED[constraint]
    row = {**VALID[table], **wrong}
    statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})"
    with pytest.raises(errors.IntegrityError) as refused:
        company.world.admin.execute(statement.encode(), [*row.values()])
    assert refused.value.diag.constraint_name == constraint


@pytest.mark.parametrize("columns", ["version", "language", "source"])
def test_an_acceptance_names_version_language_and_source(company: Company, columns: str) -> None:
    whole = {**VALID["consents"], "accepted": True, "version": 2, "language": "en", "source": "form"}
    row = {**whole, columns: None}
    statement = f"INSERT INTO consents ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})"
    with pytest.raises(errors.CheckViolation, match="an_opt_in_has_source_and_wording"):
        company.world.admin.execute(statement.encode(), [*row.values()])


def test_the_application_does_not_say_when(company: Company) -> None:
    user = company.customer()
    with as_application(company, user) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(RECORDED.encode(), [user, "1 day"])


def test_a_user_sees_and_adds_only_their_own(company: Company) -> None:
    one, other = company.customer(), company.customer()
    company.accepts(one)
    company.accepts(other)
    for relation in ("consents", "current_consents"):
        with as_application(company, one) as connection:
            found = connection.execute(f"SELECT user_id FROM {relation}".encode()).fetchall()
        assert found == [{"user_id": one}]
    add = "INSERT INTO consents (user_id, channel, accepted) VALUES (%s, 'phone', false)"
    with (
        as_application(company, one) as connection,
        pytest.raises(errors.InsufficientPrivilege, match="row-level security"),
    ):
        connection.execute(add, [other])


# Deletion


def due_for_deletion(company: Company, user_id: str) -> None:
    """Let the user's last subscription have ended 91 days ago."""
    company.world.admin.execute(
        """INSERT INTO data_retention_jobs (request_id, user_id, subscription_id, cancel_at, run_at)
        SELECT gen_random_uuid(), %s, 'sub_' || gen_random_uuid(), at, at + interval '90 days'
        FROM (SELECT now() - interval '91 days' AS at) ended""",
        [user_id],
    )


def test_a_deletion_keeps_the_proof_and_ends_the_consents(company: Company) -> None:
    user = company.customer()
    company.accepts(user)
    company.accepts(user, "email_marketing")
    proof = company.ledger(user)
    due_for_deletion(company, user)

    with as_application(company, user) as connection:
        [done] = connection.execute("SELECT kept FROM delete_data_of_user(gen_random_uuid())").fetchall()

    [kept] = [each for each in done["kept"] if each["where"] == "consents"]
    assert sorted(kept["ids"]) == [row["id"] for row in proof]
    assert "Art. 17(3)(e)" in kept["ground"]
    assert company.world.rows("SELECT FROM users WHERE id = %s", user) == []
    assert company.ledger(user) == proof
    assert company.current(user) == {}

    company.accepts(user)  # the customer came back, and was asked again

    assert company.current(user) == {"phone": True}


def prune(company: Company) -> None:
    with as_application(company, "") as connection:
        connection.execute("SELECT prune_consents(1000)")


@pytest.mark.parametrize(
    ("recorded", "deleted", "kept"),
    [
        ("2000 days", "5 years 1 hour", False),
        ("2000 days", "4 years 364 days", True),
        ("2000 days", None, True),
        ("1 day", "5 years 1 hour", True),  # the customer came back after the deletion
    ],
)
def test_proof_is_deleted_five_years_after_the_customers_other_data(
    company: Company, recorded: str, deleted: str | None, kept: bool
) -> None:
    user = company.customer()
    company.world.admin.execute(RECORDED.encode(), [user, recorded])
    if deleted:
        company.world.admin.execute(DELETED.encode(), [user, deleted])

    prune(company)

    assert bool(company.ledger(user)) is kept


def test_the_time_of_an_entry_is_the_databases(company: Company) -> None:
    before: datetime = company.world.row("SELECT clock_timestamp() AS at")["at"]
    user = company.customer()
    company.accepts(user)
    [row] = company.ledger(user)
    assert timedelta() < row["recorded_at"] - before < timedelta(minutes=2)
