"""Who came back within 90 days of a fix, by whether they were written to (FEATURES W38)."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from flows.prune_history import prune_history
from tests.deletion.former_customers import swept
from tests.reporting.history import Customer, History, unused_month
from tests.win_back.leavers import Fix
from tests.world import Row, World

pytestmark = pytest.mark.slow

DAYS_90 = timedelta(days=90)
LATER = timedelta(microseconds=1)


@pytest.fixture
def history(world: World) -> Iterator[History]:
    """Yield a month for one test, rolled back afterwards."""
    with world.admin.transaction(force_rollback=True):
        yield History(world, unused_month(world))


def decided(history: History, outcome: str = "written", at: datetime | None = None, tag: str = "sso") -> Customer:
    """Record what became of a customer who cancelled, on the second day of the month unless a time is given."""
    world, person = history.world, history.customer("gold", status="canceled").cancels(1, "missing_features")
    world.admin.execute("INSERT INTO fixes (tag, notes) VALUES (%s, '{}') ON CONFLICT DO NOTHING", [tag])
    world.admin.execute(
        "INSERT INTO win_backs (tag, user_id, request_id, outcome, decided_at)"
        " SELECT %s, user_id, id, %s, %s FROM cancellation_requests WHERE user_id = %s",
        [tag, outcome, at or history.at(2), person.user_id],
    )
    return person


def subscribes(person: Customer, after: timedelta) -> None:
    person.history.customer("gold", user_id=person.user_id, created_at=person.history.at(2) + after)


def revokes_the_cancellation(person: Customer, after: timedelta) -> None:
    again = "UPDATE subscriptions SET live_again_at = %s WHERE id = %s"
    person.history.world.admin.execute(again, [person.history.at(2) + after, person.subscription_id])


def reactivates(person: Customer, after: timedelta) -> None:
    person.history.world.admin.execute(
        "INSERT INTO audit_log (at, user_id, action, subscription_id, outcome, http_status)"
        " VALUES (%s, %s, 'reactivate_subscription', %s, 'reactivated', 200)",
        [person.history.at(2) + after, person.user_id, person.subscription_id],
    )


@pytest.mark.parametrize("way", [subscribes, revokes_the_cancellation, reactivates])
@pytest.mark.parametrize(("after", "won_back"), [(timedelta(0), 0), (LATER, 1), (DAYS_90, 1), (DAYS_90 + LATER, 0)])
def test_who_came_back_within_90_days_counts(history: History, way: object, after: timedelta, won_back: int) -> None:
    assert callable(way)
    way(decided(history), after)
    counted = {"customers": 1, "judged": 1, "won_back": won_back, "rate": None}
    assert history.line("fixes", tag="sso", outcome="written") == counted


def test_a_subscription_that_was_never_paid_is_no_return(history: History) -> None:
    person = decided(history)
    history.customer("gold", user_id=person.user_id, since=5, status="incomplete_expired")
    assert history.line("fixes", tag="sso", outcome="written")["won_back"] == 0


def test_customers_who_were_written_to_stand_beside_those_who_could_not_be(history: History) -> None:
    for outcome, customers, back in (("written", 20, 3), ("no_consent", 40, 1), ("no_address", 2, 1)):
        people = [decided(history, outcome) for _ in range(customers)]
        for person in people[:back]:
            reactivates(person, timedelta(days=9))
    decided(history, tag="dark-mode")
    lines = {(line["tag"], line["outcome"]): (line["customers"], line["rate"]) for line in history.lines("fixes")}
    assert lines == {
        ("sso", "written"): (20, Decimal("0.1500")),
        ("sso", "no_consent"): (40, Decimal("0.0250")),
        ("sso", "no_address"): (2, None),
        ("dark-mode", "written"): (1, None),
    }


def test_nobody_is_judged_before_90_days_have_passed(world: World) -> None:
    with world.admin.transaction(force_rollback=True):
        now = world.row("SELECT now() AS is, month_of(now() - interval '90 days') AS month")
        month, tag = History(world, now["month"]), uuid.uuid4().hex
        for age, judged in ((DAYS_90, 1), (DAYS_90 - LATER, 0)):
            decided(month, at=now["is"] - age, tag=f"{tag}{judged}")
            found = world.row("SELECT customers, judged FROM fix_outcomes WHERE tag = %s", f"{tag}{judged}")
            assert found == {"customers": 1, "judged": judged}


def test_requests_that_count_in_no_figure_count_here_neither(history: History) -> None:
    person = decided(history)
    history.world.admin.execute(
        "INSERT INTO unreported_requests SELECT id FROM cancellation_requests WHERE user_id = %s", [person.user_id]
    )
    assert history.lines("fixes") == []
    history.world.admin.execute("DELETE FROM win_backs WHERE user_id = %s", [person.user_id])
    assert history.lines("fixes") == []


def test_the_counts_stay_when_the_rows_are_deleted(history: History) -> None:
    people = [decided(history) for _ in range(20)] + [decided(history, "no_consent")]
    reactivates(people[0], timedelta(days=9))
    before = sorted(history.lines("fixes"), key=str)
    assert len(before) == 2

    history.world.admin.execute("DELETE FROM win_backs WHERE user_id = ANY(%s)", [[each.user_id for each in people]])

    assert sorted(history.lines("fixes"), key=str) == before


# The Stripe SDK triggers this httpx deprecation warning.
@pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")
def test_rows_are_deleted_90_days_later(fix: Fix) -> None:
    world, people = fix.company.world, [fix.leaver(), fix.leaver()]
    fix.ship()
    age = "UPDATE win_backs SET decided_at = now() - %s::interval WHERE user_id = %s"
    for person, days in zip(people, (89, 91), strict=True):
        world.admin.execute(age, [timedelta(days=days), person.user_id])

    said = swept(prune_history).message

    def left() -> list[Row]:
        return world.rows("SELECT user_id FROM win_backs WHERE tag = %s", fix.tag)

    assert [row["user_id"] for row in left()] == [people[0].user_id]
    assert said is not None and " records of emails about fixes" in said
    kept = world.row("SELECT sum(customers) AS n FROM fix_outcomes WHERE tag = %s", fix.tag)
    assert kept["n"] == 2
