"""Declining: FEATURES W01, W10 to W16, W18, W20, W29, W39, W42 to W47, each read back from where it ended up."""

from datetime import UTC, datetime, timedelta

from tests.world import World


def test_an_active_subscription_is_cancelled_at_its_period_end(world: World) -> None:
    person = world.person("professional")
    before = world.stripe.subscriptions.retrieve(person.subscription_id)

    answer = world.cancel(person, feedback="Great product but can't justify cost for my usage")

    after = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert after.cancel_at is not None
    ends = datetime.fromtimestamp(after.cancel_at, UTC)
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "status": "pending_cancellation",
        "cancel_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data_retention_until": (ends + timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    assert after.cancel_at_period_end
    assert after.cancel_at == before.items.data[0].current_period_end
    assert after.status == before.status == "active"
    assert after.cancellation_details is not None
    assert after.cancellation_details.feedback == "too_expensive"
    assert after.cancellation_details.comment == "Great product but can't justify cost for my usage"
