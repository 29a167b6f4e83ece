"""The figures for real requests: each over HTTP, and what it adds to this month."""

from collections.abc import Callable
from typing import Any

from tests.world import Row, World


def counts(world: World, figure: str, **named: Any) -> Row:
    """Return the integers of this month's line; empty if there is no line yet."""
    found = world.rows(f"SELECT * FROM report_{figure} WHERE month = month_of(now())")
    lines = [line for line in found if all(line[name] == value for name, value in named.items())]
    return {name: value for line in lines for name, value in line.items() if type(value) is int}


def added(world: World, work: Callable[[], object], figure: str, **named: Any) -> Row:
    """Return the increase of the line's integers by the work."""
    before = counts(world, figure, **named)
    work()
    after = counts(world, figure, **named)
    return {name: value - before.get(name, 0) for name, value in after.items()}


def test_shown_and_accepted_offers_are_counted(world: World) -> None:
    takes, leaves, only_looks = (world.person("starter") for _ in range(3))

    def ask() -> None:
        for person in (takes, leaves, leaves, only_looks):
            assert world.http.get("/retention-offer", headers=person.headers).json()["show_offer"]
        assert world.accept(takes).status_code == 200
        assert world.cancel(leaves, reason="unused").status_code == 200

    assert added(world, ask, "offer_acceptance", plan="starter", reason=None) == {"shown": 3, "accepted": 1}
    assert counts(world, "saved", plan="starter")["judged"] == 0


def test_a_cancellation_its_reason_and_its_email_are_counted(world: World) -> None:
    person = world.person("professional")

    def ask() -> None:
        assert world.cancel(person, reason="too_complex").status_code == 200
        world.tried(person)

    before = {figure: counts(world, figure) for figure in ("feedback", "email_time", "win_back")}
    more = added(world, ask, "reason_share", plan="professional", reason="too_complex")
    assert more["cancellations"] == 1
    after = {figure: counts(world, figure) for figure in before}
    for figure, column in (("feedback", "with_reason"), ("win_back", "cancellations")):
        # Work of another test may have been done meanwhile.
        assert after[figure][column] > before[figure].get(column, 0)
    assert after["email_time"]["emails"] > before["email_time"].get("emails", 0)


def test_an_attempt_without_a_reason_counts_as_refused_and_without_a_reason(world: World) -> None:
    person = world.person("professional")

    def ask() -> None:
        assert world.post(person).status_code == 400

    collected = counts(world, "feedback")
    more = added(world, ask, "refusals", action="cancel_subscription", cause="reason-required")
    assert more["refused"] == 1
    after = counts(world, "feedback")
    assert _without_reason(after) > _without_reason(collected)


def test_a_cancellation_undone_in_stripes_portal_is_noted(world: World) -> None:
    person = world.person("professional")
    assert world.cancel(person).status_code == 200
    query = "SELECT live_again_at FROM subscriptions WHERE id = %s"
    assert world.row(query, person.subscription_id)["live_again_at"] is None
    world.simulator.portal(person.subscription_id, "undo")
    status = world.http.get("/subscription", headers=person.headers).json()
    assert status["status"] == "active"
    assert world.row(query, person.subscription_id)["live_again_at"] is not None


def test_a_customer_who_reactivates_is_won_back(world: World) -> None:
    """The audit log records it as well, and remains when the customer's data is deleted."""
    person = world.person("professional")
    assert world.cancel(person).status_code == 200
    world.tried(person)
    body = {"user_id": person.user_id, "subscription_id": person.subscription_id}
    response = world.http.post("/reactivate-subscription", json=body, headers=person.headers)
    assert response.status_code == 200, response.text
    audited = world.rows(
        "SELECT outcome, subscription_id FROM audit_log WHERE user_id = %s ORDER BY id", person.user_id
    )
    assert [row["outcome"] for row in audited] == ["pending_cancellation", "reactivated"]
    assert {row["subscription_id"] for row in audited} == {person.subscription_id}
    [row] = world.rows("SELECT live_again_at FROM subscriptions WHERE id = %s", person.subscription_id)
    assert row["live_again_at"] is not None


def _without_reason(feedback: dict[str, int]) -> int:
    return feedback.get("attempts", 0) - feedback.get("with_reason", 0)
