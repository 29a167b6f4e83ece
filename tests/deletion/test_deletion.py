"""WF-056: FEATURES W17 and G07, each verified where its effect is stored."""

import json

import psycopg
import pytest
from psycopg import errors

from flows.delete_expired_data import delete_expired_data
from nodes.deletion.step_01_read_deletion_plan import DeletionPlanIncomplete
from tests.cancel_page.visitor import Visitor, token
from tests.deletion.former_customers import (
    claims_lapse,
    former_customer,
    later_job,
    leaves,
    leaving,
    month_ends,
    swept,
)
from tests.waiting import concurrently
from tests.world import Person, Row, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

GONE = (
    "users",
    "subscriptions",
    "cancellation_requests",
    "cancellation_reasons",
    "retention_offers",
    "entitlements",
    "outbox",
    "idempotency_keys",
    "attempts",
    "offers_shown",
    "retained_invoices",
    "reactivation_requests",
    "subscription_ends",
    "change_requests",
    "offers_listed",
    "cancel_sessions",
    "calls",
    "session_tokens",
    "session_events",
    "webhook_deliveries",
    "tasks",
    "replies",
    "feedback_tags",
    "win_backs",
)
KEPT = ("audit_log", "data_retention_jobs", "data_deletions", "consents")


def delete(world: World, person: Person, *, dry_run: bool = False) -> dict[str, list[Row]]:
    """Run once, and return what is left of this customer, regardless of other tests' customers."""
    swept(delete_expired_data, dry_run=dry_run)
    return world.belongings(person.user_id)


def job(world: World, person: Person) -> Row:
    return world.row("SELECT * FROM data_retention_jobs WHERE user_id = %s", person.user_id)


def test_due_data_is_deleted(world: World) -> None:
    person, _ = former_customer(world, days_ago=91, feedback="too dear for me")
    world.admin.execute(
        "INSERT INTO webhook_deliveries (user_id, endpoint, type, key, at, data)"
        " VALUES (%s, 'every', 'subscription.ended', gen_random_uuid(), now(), '{}')",
        [person.user_id],
    )
    asked_for = "INSERT INTO cancel_codes (address_hash, client_hash, user_ids, resume_at) VALUES ('', '', %s, NULL)"
    world.admin.execute(asked_for, [[person.user_id]])
    world.admin.execute(
        "INSERT INTO tasks (user_id, kind, key, said, publish_at)"
        " VALUES (%s, 'sales', gen_random_uuid(), 'too dear for me', NULL)",
        [person.user_id],
    )
    world.admin.execute(
        "INSERT INTO calls (request_id, user_id, state, due_at, placed_at, transcript)"
        " SELECT id, user_id, 'placed', NULL, now(), 'too dear for me' FROM cancellation_requests WHERE user_id = %s",
        [person.user_id],
    )
    world.admin.execute(
        "INSERT INTO replies (request_id, user_id, fingerprint, kind, text)"
        " SELECT id, user_id, '', 'reply', 'too dear' FROM cancellation_requests WHERE user_id = %s",
        [person.user_id],
    )
    world.admin.execute(
        "INSERT INTO feedback_tags (request_id, user_id, tag, tagged_by)"
        " SELECT id, user_id, 'sso', 'operator' FROM cancellation_requests WHERE user_id = %s",
        [person.user_id],
    )
    world.admin.execute("INSERT INTO fixes (tag, notes) VALUES ('sso', '{}') ON CONFLICT DO NOTHING")
    world.admin.execute(
        "INSERT INTO win_backs (tag, user_id, request_id, outcome, decided_at)"
        " SELECT tag, user_id, request_id, 'written', now() FROM feedback_tags WHERE user_id = %s",
        [person.user_id],
    )
    before = world.belongings(person.user_id)

    after = delete(world, person)

    assert {table: len(after[table]) for table in GONE} == dict.fromkeys(GONE, 0)
    assert after["audit_log"] == before["audit_log"]
    [kept] = after["data_retention_jobs"]
    assert kept == before["data_retention_jobs"][0] | {"status": "done", "claimed_until": None}
    [record] = after["data_deletions"]
    removed = {part["table"]: part["rows"] for part in record["removed"]}
    assert removed.pop("stripe_events") > 0
    assert removed.pop("cancel_codes") == 1
    assert removed == {table: len(before[table]) for table in GONE}
    # Events of the deletion's own write to Stripe may arrive after it.
    earlier = "SELECT FROM stripe_events WHERE subscription_id = %s AND received_at < %s"
    assert world.rows(earlier, person.subscription_id, record["deleted_at"]) == []
    assert all(part["ground"] for part in record["removed"] + record["kept"])


def test_sessions_of_the_cancel_page_are_deleted(world: World) -> None:
    person, clock = leaving(world, days_ago=91)
    with Visitor(world) as visitor:
        visitor.open(token(person))
        visitor.press("next", reason="other", **{"text-other": "too dear for me"})
        assert visitor.press("cancel").status_code == 200
    month_ends(world, person, clock)
    before = world.belongings(person.user_id)

    after = delete(world, person)

    sessions = ("cancel_sessions", "session_tokens", "session_events")
    assert [len(before[table]) > 0 for table in sessions] == [True] * 3
    assert [after[table] for table in sessions] == [[]] * 3
    [record] = after["data_deletions"]
    removed = {part["table"]: part["rows"] for part in record["removed"]}
    assert {table: removed[table] for table in sessions} == {table: len(before[table]) for table in sessions}


def test_the_record_states_which_data_was_kept_and_on_what_ground(world: World) -> None:
    person, _ = former_customer(world, days_ago=91, feedback="too dear for me")
    customer = world.row("SELECT * FROM users WHERE id = %s", person.user_id)

    [record] = delete(world, person)["data_deletions"]

    kept = {part["where"]: part for part in record["kept"]}
    audited = world.rows("SELECT id FROM audit_log WHERE user_id = %s ORDER BY id", person.user_id)
    assert kept["audit_log"]["ids"] == [row["id"] for row in audited]
    assert kept["data_retention_jobs"]["ids"] == [job(world, person)["id"]]
    assert kept["outside"]["ids"] == [customer["stripe_customer_id"]]
    assert "Art. 17(3)(b)" in kept["outside"]["ground"]
    assert world.stripe.invoices.list({"customer": customer["stripe_customer_id"]}).data
    written = json.dumps([record["removed"], record["kept"]])
    for personal in (person.email, customer["name"], "too dear for me"):
        assert personal not in written


def test_a_second_run_finds_nothing(world: World) -> None:
    person, _ = former_customer(world, days_ago=91)
    first = delete(world, person)
    asked = len(world.simulator.requests(contains=job(world, person)["subscription_id"]))

    assert delete(world, person) == first
    assert len(world.simulator.requests(contains=job(world, person)["subscription_id"])) == asked


def test_a_dry_run_changes_nothing(world: World) -> None:
    person, _ = former_customer(world, days_ago=91, feedback="too dear for me")
    before, writes = world.belongings(person.user_id), world.simulator.writes(person.subscription_id)

    state = swept(delete_expired_data)

    assert state.message is not None
    assert state.message.startswith("would delete ")
    assert world.belongings(person.user_id) == before
    assert world.simulator.writes(person.subscription_id) == writes
    assert delete(world, person)["users"] == []


def test_nothing_is_deleted_before_it_is_due(world: World) -> None:
    person, _ = former_customer(world, days_ago=85)
    before = world.belongings(person.user_id)

    assert delete(world, person) == before


def test_a_customer_who_subscribed_again_unnoticed_keeps_their_data(world: World) -> None:
    person, _ = former_customer(world, days_ago=91)
    customer = world.row("SELECT stripe_customer_id AS id FROM users WHERE id = %s", person.user_id)["id"]
    price = world.stripe.subscriptions.retrieve(person.subscription_id).items.data[0].price.id
    world.stripe.subscriptions.create({"customer": customer, "items": [{"price": price}]})
    before = world.belongings(person.user_id)

    after = delete(world, person)

    put_off = job(world, person)
    assert (put_off["status"], put_off["put_off_reason"]) == ("scheduled", "live_subscription")
    assert put_off["put_off_until"] > put_off["run_at"]
    assert {**after, "data_retention_jobs": None} == {**before, "data_retention_jobs": None}


def test_a_subscription_that_ended_later_keeps_the_data_for_another_90_days(world: World) -> None:
    person, clock = former_customer(world, days_ago=91)
    customer = world.row("SELECT stripe_customer_id AS id FROM users WHERE id = %s", person.user_id)["id"]
    price = world.stripe.subscriptions.retrieve(person.subscription_id).items.data[0].price.id
    clock.advance(clock.now + 10 * 24 * 3600)
    second = world.stripe.subscriptions.create({"customer": customer, "items": [{"price": price}]})
    ended = world.stripe.subscriptions.cancel(second.id).ended_at

    after = delete(world, person)

    assert len(after["users"]) == 1
    put_off = job(world, person)
    assert put_off["put_off_reason"] == "ended_later"
    assert ended is not None
    assert put_off["put_off_until"].timestamp() == ended + 90 * 24 * 3600


def test_the_data_is_deleted_by_the_last_of_several_jobs(world: World) -> None:
    person, _ = former_customer(world, days_ago=91)
    later = later_job(world, person)

    assert len(delete(world, person)["users"]) == 1

    world.admin.execute("UPDATE data_retention_jobs SET status = 'cancelled' WHERE id = %s", [later])
    claims_lapse(world, person)
    assert delete(world, person)["users"] == []


def test_nothing_is_deleted_if_stripe_does_not_know_the_customer(world: World) -> None:
    """Stripe does not know the customer, for example with another account's key."""
    person, _ = former_customer(world, days_ago=91)
    world.admin.execute("UPDATE users SET stripe_customer_id = 'cus_of_nobody' WHERE id = %s", [person.user_id])

    assert len(delete(world, person)["subscriptions"]) == 1
    assert job(world, person)["put_off_reason"] == "unknown_to_stripe"


def test_a_customer_whose_look_up_fails_is_left_for_the_next_run(world: World) -> None:
    person, _ = former_customer(world, days_ago=91)
    customer = world.row("SELECT stripe_customer_id AS id FROM users WHERE id = %s", person.user_id)["id"]
    before = world.belongings(person.user_id)
    with world.simulator.fault(kind="status", status=400, contains=customer, times=0):
        state = swept(delete_expired_data, dry_run=False)

    assert state.is_failed()
    assert "left for the next run" in (state.message or "")
    claims_lapse(world, person)
    left = job(world, person)
    assert {**world.belongings(person.user_id), "data_retention_jobs": [left | {"claimed_until": None}]} == before
    assert delete(world, person)["users"] == []


def test_two_concurrent_runs_share_the_work(world: World) -> None:
    people = [former_customer(world, days_ago=91)[0] for _ in range(3)]

    states = concurrently(*[lambda: swept(delete_expired_data, dry_run=False)] * 2)

    assert [state.is_completed() for state in states] == [True, True]
    for person in people:
        left = world.belongings(person.user_id)
        assert (len(left["users"]), len(left["data_deletions"])) == (0, 1)


def test_an_accepted_discount_is_deleted_too(world: World) -> None:
    person, clock = leaving(world, days_ago=91, plan="enterprise")
    assert world.accept(person, reason="too_complex").status_code == 200
    leaves(world, person, clock)

    after = delete(world, person)

    assert {table: len(after[table]) for table in GONE} == dict.fromkeys(GONE, 0)
    [record] = after["data_deletions"]
    removed = {part["table"]: part["rows"] for part in record["removed"]}
    assert (removed["retention_offers"], removed["entitlements"], removed["cancellation_requests"]) == (1, 1, 2)


# Constraints of the database itself


def test_the_plan_covers_every_table_with_user_rows(world: World) -> None:
    assert world.rows("SELECT * FROM gaps_in_deletion_plan()") == []


def test_a_table_missing_from_the_plan_stops_the_flow_before_it_deletes(world: World) -> None:
    person, _ = former_customer(world, days_ago=91)
    before = world.belongings(person.user_id)
    world.admin.execute("CREATE TABLE wish_lists (user_id text, wish text)")
    try:
        with pytest.raises(DeletionPlanIncomplete, match="wish_lists holds users' rows and is not in the plan"):
            swept(delete_expired_data, dry_run=False)
    finally:
        world.admin.execute("DROP TABLE wish_lists")
    assert world.belongings(person.user_id) == before


def delete_data_of_user(connection: psycopg.Connection[Row]) -> list[Row]:
    return connection.execute("SELECT * FROM delete_data_of_user(NULL)").fetchall()


def test_the_application_cannot_delete_a_user_before_the_due_date(world: World) -> None:
    person, _ = former_customer(world, days_ago=80)
    with (
        world.as_application(person.user_id) as connection,
        pytest.raises(errors.CheckViolation) as refused,
    ):
        delete_data_of_user(connection)
    assert refused.value.diag.constraint_name == "data_is_kept_until_every_job_is_due"


def test_the_application_cannot_delete_a_user_with_a_live_subscription(world: World) -> None:
    person, _ = former_customer(world, days_ago=91)
    world.admin.execute("UPDATE subscriptions SET status = 'active' WHERE id = %s", [person.subscription_id])
    with (
        world.as_application(person.user_id) as connection,
        pytest.raises(errors.CheckViolation) as refused,
    ):
        delete_data_of_user(connection)
    assert refused.value.diag.constraint_name == "data_is_kept_while_a_subscription_lives"


def test_the_application_cannot_delete_a_user_without_a_job(world: World) -> None:
    person = world.person("professional")
    before = world.belongings(person.user_id)
    with world.as_application(person.user_id) as connection:
        assert delete_data_of_user(connection) == []
        connection.commit()
    assert world.belongings(person.user_id) == before


@pytest.mark.parametrize("function", ["anonymize_request(gen_random_uuid())"])
def test_the_application_cannot_call_functions_without_checks(world: World, function: str) -> None:
    with world.as_application(None) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(f"SELECT {function}".encode())


def test_the_application_can_list_the_ids_of_due_users(world: World) -> None:
    person, _ = former_customer(world, days_ago=91)
    with world.as_application(None) as connection:
        found = connection.execute("SELECT due_deletions(NULL, 100000) AS id").fetchall()
    assert {"id": person.user_id} in found
