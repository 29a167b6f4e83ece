"""Whole journeys through the cancel page without JavaScript, and what became of them in Stripe and our rows."""

from tests.cancel_page.visitor import Visitor, path_of, sessions_of, token
from tests.world import World


def test_one_press_cancels(world: World, visitor: Visitor) -> None:
    person = world.person("professional")

    visitor.open(token(person))
    assert visitor.page.status_code == 200
    assert "token" not in str(visitor.page.url)
    visitor.press("cancel")

    assert visitor.title == "Your subscription is cancelled"
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end
    [session] = sessions_of(world, person)
    assert session["outcome"] == "cancelled"
    request = world.row("SELECT * FROM cancellation_requests WHERE user_id = %s", person.user_id)
    assert session["cancellation_id"] == request["id"]
    assert request["reason"] == "prefer_not_to_say"
    assert len(world.emails(person)) == 1


def test_each_step_is_passed_in_order_and_recorded(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person))
    visitor.press("next", reason="missing_features", **{"text-missing_features": "An export to CSV"})
    shown = [visitor.title]
    while visitor.title not in ("Your subscription is cancelled",):
        visitor.press("cancel" if "Cancel your" in visitor.title else "next")
        shown.append(visitor.title)

    [session] = sessions_of(world, person)
    assert session["outcome"] == "cancelled"
    assert session["texts"] == {}
    kinds = [kind for kind, _ in path_of(world, person)]
    assert kinds[0] == "opened"
    assert kinds[-1] == "cancellation_requested"
    assert ("reason_chosen", {"reason": "missing_features"}) in path_of(world, person)
    assert "CSV" not in str(path_of(world, person))
    row = world.row("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert (row["category"], row["feedback"]) == ("missing_features", "An export to CSV")


def test_an_offer_is_accepted(world: World, visitor: Visitor) -> None:
    person = world.person("professional")
    visitor.open(token(person))
    visitor.press("next", reason="too_expensive")

    visitor.accept("30% off")

    assert visitor.title == "Done: your subscription was changed"
    assert not world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end
    assert world.stripe.subscriptions.retrieve(person.subscription_id).discounts
    [session] = sessions_of(world, person)
    assert session["outcome"] == "saved"
