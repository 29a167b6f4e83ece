"""WF-056: FEATURES W17 and G07, each verified where its effect is stored."""

import json

import psycopg
import pytest
from psycopg import errors

from flows.delete_expired_data import delete_expired_data
from nodes.deletion.step_01_read_deletion_plan import DeletionPlanIncomplete
from tests.deletion.departed import claims_lapse, departed, later_job, leaves, leaving, swept
from tests.waiting import at_once
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
)
KEPT = ("audit_log", "data_retention_jobs", "data_deletions")


def delete(world: World, person: Person, *, dry_run: bool = False) -> dict[str, list[Row]]:
    """Run once, and return what is left of this customer, regardless of other tests' customers."""
    swept(delete_expired_data, dry_run=dry_run)
    return world.belongings(person.user_id)


def job(world: World, person: Person) -> Row:
    return world.row("SELECT * FROM data_retention_jobs WHERE user_id = %s", person.user_id)


def test_when_its_time_has_come_the_data_goes(world: World) -> None:
    person, _ = departed(world, days_ago=91, feedback="too dear for me")
    before = world.belongings(person.user_id)

    after = delete(world, person)

    assert {table: len(after[table]) for table in GONE} == dict.fromkeys(GONE, 0)
    assert after["audit_log"] == before["audit_log"]
    [kept] = after["data_retention_jobs"]
    assert kept == before["data_retention_jobs"][0] | {"status": "done", "claimed_until": None}
    [record] = after["data_deletions"]
    removed = {part["table"]: part["rows"] for part in record["removed"]}
    assert removed.pop("stripe_events") > 0
    assert removed == {table: len(before[table]) for table in GONE}
    # Events of the deletion's own write to Stripe may arrive after it.
    earlier = "SELECT FROM stripe_events WHERE subscription_id = %s AND received_at < %s"
    assert world.rows(earlier, person.subscription_id, record["deleted_at"]) == []
    assert all(part["ground"] for part in record["removed"] + record["kept"])


def test_the_record_says_what_was_kept_and_on_what_ground(world: World) -> None:
    person, _ = departed(world, days_ago=91, feedback="too dear for me")
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
    person, _ = departed(world, days_ago=91)
    first = delete(world, person)
    asked = len(world.simulator.requests(contains=job(world, person)["subscription_id"]))

    assert delete(world, person) == first
    assert len(world.simulator.requests(contains=job(world, person)["subscription_id"])) == asked


def test_a_dry_run_changes_nothing(world: World) -> None:
    person, _ = departed(world, days_ago=91, feedback="too dear for me")
    before, writes = world.belongings(person.user_id), world.simulator.writes(person.subscription_id)

    state = swept(delete_expired_data)

    assert state.message is not None
    assert state.message.startswith("would delete ")
    assert world.belongings(person.user_id) == before
    assert world.simulator.writes(person.subscription_id) == writes
    assert delete(world, person)["users"] == []


def test_before_its_time_nothing_goes(world: World) -> None:
    person, _ = departed(world, days_ago=85)
    before = world.belongings(person.user_id)

    assert delete(world, person) == before


def test_a_customer_who_came_back_keeps_their_data_though_our_rows_never_heard_of_it(world: World) -> None:
    person, _ = departed(world, days_ago=91)
    customer = world.row("SELECT stripe_customer_id AS id FROM users WHERE id = %s", person.user_id)["id"]
    price = world.stripe.subscriptions.retrieve(person.subscription_id).items.data[0].price.id
    world.stripe.subscriptions.create({"customer": customer, "items": [{"price": price}]})
    before = world.belongings(person.user_id)

    after = delete(world, person)

    put_off = job(world, person)
    assert (put_off["status"], put_off["put_off_reason"]) == ("scheduled", "live_subscription")
    assert put_off["put_off_until"] > put_off["run_at"]
    assert {**after, "data_retention_jobs": None} == {**before, "data_retention_jobs": None}


def test_a_subscription_that_ended_later_keeps_the_data_for_its_own_90_days(world: World) -> None:
    person, clock = departed(world, days_ago=91)
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


def test_with_several_subscriptions_the_data_goes_with_the_last_job(world: World) -> None:
    person, _ = departed(world, days_ago=91)
    later = later_job(world, person)

    assert len(delete(world, person)["users"]) == 1

    world.admin.execute("UPDATE data_retention_jobs SET status = 'cancelled' WHERE id = %s", [later])
    claims_lapse(world, person)
    assert delete(world, person)["users"] == []


def test_nothing_goes_on_stripes_silence(world: World) -> None:
    """Stripe does not know the customer, for example with another account's key."""
    person, _ = departed(world, days_ago=91)
    world.admin.execute("UPDATE users SET stripe_customer_id = 'cus_of_nobody' WHERE id = %s", [person.user_id])

    assert len(delete(world, person)["subscriptions"]) == 1
    assert job(world, person)["put_off_reason"] == "unknown_to_stripe"


def test_a_customer_for_whom_stripe_fails_is_left_for_the_next_run(world: World) -> None:
    person, _ = departed(world, days_ago=91)
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


def test_two_runs_at_once_share_the_work(world: World) -> None:
    people = [departed(world, days_ago=91)[0] for _ in range(3)]

    states = at_once(*[lambda: swept(delete_expired_data, dry_run=False)] * 2)

    assert [state.is_completed() for state in states] == [True, True]
    for person in people:
        left = world.belongings(person.user_id)
        assert (len(left["users"]), len(left["data_deletions"])) == (0, 1)


def test_a_discount_that_was_accepted_goes_too(world: World) -> None:
    person, clock = leaving(world, days_ago=91, plan="enterprise")
    assert world.accept(person, reason="too_complex").status_code == 200
    leaves(world, person, clock)

    after = delete(world, person)

    assert {table: len(after[table]) for table in GONE} == dict.fromkeys(GONE, 0)
    [record] = after["data_deletions"]
    removed = {part["table"]: part["rows"] for part in record["removed"]}
    assert (removed["retention_offers"], removed["entitlements"], removed["cancellation_requests"]) == (1, 1, 2)


# Constraints of the database itself


def test_the_plan_names_every_table_with_a_users_rows(world: World) -> None:
    assert world.rows("SELECT * FROM gaps_in_deletion_plan()") == []


def test_a_table_that_the_plan_misses_stops_the_flow_before_it_begins(world: World) -> None:
    person, _ = departed(world, days_ago=91)
    before = world.belongings(person.user_id)
    world.admin.execute("CREATE TABLE wish_lists (user_id text, wish text)")
    try:
        with pytest.raises(DeletionPlanIncomplete, match="wish_lists holds users' rows and is not in the plan"):
            swept(delete_expired_data, dry_run=False)
    finally:
        world.admin.execute("DROP TABLE wish_lists")
    assert world.belongings(person.user_id) == before


def end_by_hand(connection: psycopg.Connection[Row]) -> list[Row]:
    return connection.execute("SELECT * FROM delete_data_of_user(NULL)").fetchall()


def test_the_application_cannot_have_a_user_deleted_who_is_not_due(world: World) -> None:
    person, _ = departed(world, days_ago=80)
    with (
        world.as_application(person.user_id) as connection,
        pytest.raises(errors.CheckViolation) as refused,
    ):
        end_by_hand(connection)
    assert refused.value.diag.constraint_name == "data_is_kept_until_every_job_is_due"


def test_the_application_cannot_have_a_user_deleted_who_has_a_subscription(world: World) -> None:
    person, _ = departed(world, days_ago=91)
    world.admin.execute("UPDATE subscriptions SET status = 'active' WHERE id = %s", [person.subscription_id])
    with (
        world.as_application(person.user_id) as connection,
        pytest.raises(errors.CheckViolation) as refused,
    ):
        end_by_hand(connection)
    assert refused.value.diag.constraint_name == "data_is_kept_while_a_subscription_lives"


def test_the_application_can_have_nobody_deleted_who_has_no_job(world: World) -> None:
    person = world.person("professional")
    before = world.belongings(person.user_id)
    with world.as_application(person.user_id) as connection:
        assert end_by_hand(connection) == []
        connection.commit()
    assert world.belongings(person.user_id) == before


@pytest.mark.parametrize("function", ["anonymize_request(gen_random_uuid())"])
def test_what_checks_nothing_is_not_the_applications_to_call(world: World, function: str) -> None:
    with world.as_application(None) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(f"SELECT {function}".encode())


def test_the_hands_that_take_users_are_given_ids_and_nothing_else(world: World) -> None:
    person, _ = departed(world, days_ago=91)
    with world.as_application(None) as connection:
        found = connection.execute("SELECT due_deletions(NULL, 100000) AS id").fetchall()
    assert {"id": person.user_id} in found
