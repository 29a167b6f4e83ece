"""Arbitrary user ids: each kind passes through the whole product and every other system."""

import asyncio
from collections.abc import Iterator

import pytest

from flows.delete_expired_data import delete_expired_data
from nodes.deletion.records import Selection
from nodes.deletion.step_02_take_due_users import take_due_users
from nodes.node import without_prefect
from nodes.runs.display import table
from nodes.services import services_of_this_run
from tests.acceptance.consumer import Consumer, body, consuming
from tests.acceptance.subscribers import subscriber
from tests.deletion.former_customers import former_customer, swept
from tests.reactivation.people import reactivate, when_done
from tests.user_ids import USER_IDS, unused
from tests.world import World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def consumer() -> Iterator[Consumer]:
    with consuming() as consumer:
        yield consumer


@pytest.mark.parametrize("like", USER_IDS)
def test_a_customer_with_any_kind_of_id_can_cancel_and_reactivate(world: World, consumer: Consumer, like: str) -> None:
    person = subscriber(world, user_id=unused(like))
    offered = world.http.get("/retention-offer", headers=person.headers)
    assert offered.json()["show_offer"] is True

    cancelled = world.cancel(person)
    assert cancelled.status_code == 200
    asked = world.http.get(f"/cancellation-requests/{world.request_id(cancelled)}", headers=person.headers)
    assert (asked.status_code, asked.json()) == (200, cancelled.json())
    when_done(world, person)
    assert reactivate(world, person).status_code == 200
    when_done(world, person)

    published = [body(message) for message in consumer.everything_of(person.user_id)]
    assert [event["event"] for event in published] == ["subscription.canceled", "subscription.reactivated"]
    assert {event["user_id"] for event in published} == {person.user_id}
    assert len(world.emails(person)) == 2
    audited = world.rows("SELECT asked_user_id, outcome FROM audit_log WHERE user_id = %s ORDER BY id", person.user_id)
    assert [(row["asked_user_id"], row["outcome"]) for row in audited] == [
        (person.user_id, "pending_cancellation"),
        (person.user_id, "reactivated"),
    ]
    with world.as_application(person.user_id) as connection:
        assert connection.execute("SELECT id FROM users").fetchall() == [{"id": person.user_id}]


@pytest.mark.parametrize("like", USER_IDS)
def test_another_users_id_is_refused_however_similar_it_is(world: World, like: str) -> None:
    person = subscriber(world, user_id=unused(like))
    for other in (person.user_id.swapcase(), person.user_id[:-1], person.user_id[1:], f"{person.user_id[:254]} "):
        if other != person.user_id:
            response = world.cancel(person, user_id=other)
            assert (response.status_code, response.json()["type"]) == (
                403,
                "urn:cancelflow:problem:not-your-subscription",
            )
            assert world.http.get("/subscription", headers=world.headers(other)).status_code == 404


def test_the_data_of_a_user_with_any_kind_of_id_is_deleted(world: World) -> None:
    people = [former_customer(world, days_ago=91, user_id=unused(like))[0] for like in USER_IDS]

    swept(delete_expired_data, dry_run=False)

    for person in people:
        left = world.belongings(person.user_id)
        assert (left["users"], left["subscriptions"], left["cancellation_requests"]) == ([], [], [])
        assert len(left["data_deletions"]) == 1


# Locales, UTF-16 and code points each sort these differently.
IN_ANY_ORDER = ("a", "B", "_", "-", "ä", "z", "Z", "\uff5e", "🙂", "1", "10", "9")


@pytest.fixture
def due(world: World) -> Iterator[list[str]]:
    """Create users with a due job."""
    made = [unused(like) for like in IN_ANY_ORDER]
    for user_id in made:
        world.admin.execute(
            "INSERT INTO data_retention_jobs (request_id, user_id, subscription_id, cancel_at, run_at) VALUES"
            " (gen_random_uuid(), %s, %s, now() - interval '91 days', now() - interval '1 day')",
            [user_id, f"sub_{user_id}"],
        )
    yield made
    world.admin.execute("DELETE FROM data_retention_jobs WHERE user_id = ANY(%s)", [made])


def test_a_dry_run_visits_every_user_once(due: list[str]) -> None:
    async def pages() -> list[str]:
        seen: list[str] = []
        async with services_of_this_run():
            with without_prefect():
                while users := (await take_due_users(Selection(True, 2, max(seen, default=None)))).users:
                    seen += users
        return seen

    seen = asyncio.run(pages())

    assert seen == sorted(set(seen))
    assert set(due) <= set(seen)


def test_every_user_id_column_sorts_like_python(world: World) -> None:
    """Independent of the database's locale."""
    columns = world.rows(
        """SELECT attrelid::regclass::text AS table, attname AS column, collname AS collation
        FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_collation o ON o.oid = attcollation
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            AND (attname ~ 'user_id$' OR (attrelid = 'users'::regclass AND attname = 'id'))"""
    )
    assert {"users", "audit_log", "data_retention_jobs"} <= {column["table"] for column in columns}
    assert {column["collation"] for column in columns} == {"C"}


def test_an_id_stays_within_its_table_cell() -> None:
    assert table(("user",), [("auth0|5f7",), ("two\nlines",)]).splitlines()[2:] == ["| auth0\\|5f7 |", "| two lines |"]
