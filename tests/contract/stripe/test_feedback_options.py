"""Feedback options: the account's own reasons for cancellations (https://docs.stripe.com/api/billing/feedback-option)."""

import stripe

from .process import Simulator
from .refusals import refused
from .shop import Shop

PARAM = "cancellation_details[feedback_option]"


def option(shop: Shop, description: str = "Moved abroad") -> str:
    return shop.v1.billing.feedback_options.create({"description": description}).id


def details(subscription: stripe.Subscription) -> dict[str, object]:
    assert subscription.cancellation_details is not None
    return dict(subscription.cancellation_details.to_dict())


def test_an_option_is_made_renamed_and_deactivated(shop: Shop) -> None:
    options = shop.v1.billing.feedback_options
    made = options.create({"description": "Moved abroad"})
    assert made.to_dict() == {
        "id": made.id,
        "object": "billing.feedback_option",
        "description": "Moved abroad",
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
    }
    assert options.update(made.id, {"description": "Moved away"}).description == "Moved away"
    ended = options.deactivate(made.id)
    assert (ended.status, ended.status_transitions.deactivated_at is not None) == ("inactive", True)
    assert options.retrieve(made.id).to_dict() == ended.to_dict() == options.deactivate(made.id).to_dict()


def test_options_are_listed_by_status(shop: Shop) -> None:
    options = shop.v1.billing.feedback_options
    first, second = option(shop), option(shop)
    options.deactivate(first)
    assert [each.id for each in options.list({"limit": 2}).data] == [second, first]
    assert second in [each.id for each in options.list({"status": "active"}).data]
    assert options.list({"status": "inactive", "limit": 1}).data[0].id == first


def test_what_cannot_be_an_option(shop: Shop) -> None:
    options = shop.v1.billing.feedback_options
    with refused(code="parameter_missing", param="description"):
        options.create({})  # type: ignore[typeddict-item]
    with refused(param="description", says="at most 100 characters"):
        options.create({"description": "x" * 101})
    with refused(code="resource_missing", param="id", status=404, says="No such feedback option"):
        options.retrieve("fo_none")


def test_a_cancellation_has_an_option_beside_its_feedback(shop: Shop) -> None:
    chosen = option(shop)
    after = shop.v1.subscriptions.update(
        shop.subscription().id,
        {"cancel_at_period_end": True, "cancellation_details": {"feedback": "other", "feedback_option": chosen}},
    )
    reason = {"reason": "cancellation_requested", "comment": None}
    assert details(after) == {"feedback": "other", "feedback_option": chosen, **reason}
    ended = shop.v1.subscriptions.cancel(shop.subscription().id, {"cancellation_details": {"feedback_option": chosen}})
    assert details(ended) == {"feedback": None, "feedback_option": chosen, **reason}
    expanded = shop.fresh(after, "cancellation_details.feedback_option").cancellation_details
    assert expanded is not None
    assert isinstance(expanded.feedback_option, stripe.billing.FeedbackOption)


def test_an_unknown_or_inactive_option_changes_nothing(shop: Shop) -> None:
    subscription, inactive = shop.subscription(), option(shop)
    shop.v1.billing.feedback_options.deactivate(inactive)
    for named, code, says in (("fo_none", "resource_missing", "No such"), (inactive, None, "is inactive")):
        with refused(code=code, param=PARAM, says=says):
            shop.v1.subscriptions.update(
                subscription.id, {"cancel_at_period_end": True, "cancellation_details": {"feedback_option": named}}
            )
        with refused(code=code, param=PARAM, says=says):
            shop.v1.subscriptions.cancel(subscription.id, {"cancellation_details": {"feedback_option": named}})
    after = shop.fresh(subscription)
    assert (after.status, after.cancel_at_period_end, details(after)["feedback_option"]) == ("active", False, None)


def test_an_option_chosen_in_the_portal(simulator: Simulator, shop: Shop) -> None:
    subscription, chosen = shop.subscription(), option(shop)
    simulator.order("portal", subscription=subscription.id, action="cancel", feedback_option=chosen)
    assert details(shop.fresh(subscription))["feedback_option"] == chosen
