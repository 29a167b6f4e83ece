"""Cancelling and undoing it, in every status."""

import time
from typing import Any

import pytest
import stripe

from .refusals import refused
from .shop import DAY, START, Shop, at, period_end

FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)


def _signs(subscription: stripe.Subscription) -> tuple[int | None, bool, bool, str | None]:
    assert subscription.cancellation_details is not None
    return (
        subscription.cancel_at,
        subscription.cancel_at_period_end,
        subscription.canceled_at is not None,
        subscription.cancellation_details.reason,
    )


def test_at_the_end_of_the_period(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription()
    after = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert _signs(after) == (period_end(subscription), True, True, "cancellation_requested")
    assert after.canceled_at is not None
    assert abs(after.canceled_at - time.time()) < 60
    assert (after.status, after.ended_at) == ("active", None)


def test_undoing_it_clears_every_sign_but_not_what_was_said(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription()
    client.v1.subscriptions.update(
        subscription.id, {"cancel_at_period_end": True, "cancellation_details": {"feedback": "unused"}}
    )
    after = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert _signs(after) == (None, False, False, None)
    assert after.cancellation_details is not None
    assert after.cancellation_details.feedback == "unused"


def test_at_a_date_sets_only_the_date(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription()
    date = period_end(subscription) + 10 * DAY
    after = client.v1.subscriptions.update(subscription.id, {"cancel_at": date})
    assert _signs(after) == (date, False, True, "cancellation_requested")


def test_the_date_is_not_undone_by_the_flag(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription()
    date = period_end(subscription)
    client.v1.subscriptions.update(subscription.id, {"cancel_at": date})
    after = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert after.cancel_at == date
    after = client.v1.subscriptions.update(subscription.id, {"cancel_at": ""})
    assert _signs(after) == (None, False, False, None)


def test_a_date_in_the_past(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription()
    with refused(param="cancel_at", says="future"):
        client.v1.subscriptions.update(subscription.id, {"cancel_at": int(time.time()) - 10})


def test_mixed_intervals_end_with_the_earliest_item(client: stripe.StripeClient, shop: Shop) -> None:
    items = [{"price": shop.price().id}, {"price": shop.price("year").id}]
    subscription = shop.subscription(items=items)
    first, last = sorted(item.current_period_end for item in subscription["items"].data)
    assert client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True}).cancel_at == first
    assert client.v1.subscriptions.update(subscription.id, {"cancel_at": "max_period_end"}).cancel_at == last
    after = client.v1.subscriptions.update(subscription.id, {"cancel_at": "min_period_end"})
    assert (after.cancel_at, after.cancel_at_period_end) == (first, False)


def test_both_parameters_at_once(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription()
    with refused(param="cancel_at_period_end", says="cancel_at_period_end, cancel_at"):
        client.v1.subscriptions.update(subscription.id, {"cancel_at": "", "cancel_at_period_end": False})


@pytest.mark.parametrize("feedback", FEEDBACK)
def test_what_the_customer_said_is_kept(client: stripe.StripeClient, shop: Shop, feedback: Any) -> None:
    details: stripe.params.SubscriptionUpdateParamsCancellationDetails = {
        "feedback": feedback,
        "comment": "Trop cher ✓",
    }
    after = client.v1.subscriptions.update(
        shop.subscription().id, {"cancel_at_period_end": True, "cancellation_details": details}
    )
    assert after.cancellation_details is not None
    assert after.cancellation_details.to_dict() == {
        "comment": "Trop cher ✓",
        "feedback": feedback,
        "feedback_option": None,
        "reason": "cancellation_requested",
    }


def test_feedback_that_is_not_one_of_the_codes(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription()
    with refused(param="cancellation_details[feedback]", says=f"must be one of {', '.join(FEEDBACK[:-1])}, or unused"):
        client.v1.subscriptions.update(subscription.id, {"cancellation_details": {"feedback": "too_dear"}})


def test_a_comment_that_is_too_long(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription()
    with refused(param="cancellation_details[comment]", says="at most 5000 characters"):
        client.v1.subscriptions.update(subscription.id, {"cancellation_details": {"comment": "x" * 5001}})


def test_now(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription()
    after = client.v1.subscriptions.cancel(subscription.id, {"cancellation_details": {"comment": "bye"}})
    assert (after.status, after.ended_at is not None, after.ended_at) == ("canceled", True, after.canceled_at)
    assert after.cancellation_details is not None
    assert (after.cancellation_details.reason, after.cancellation_details.comment) == ("cancellation_requested", "bye")
    assert [event.type for event in shop.events(subscription.id)][-1] == "customer.subscription.deleted"


def test_now_is_not_twice(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription()
    client.v1.subscriptions.cancel(subscription.id)
    with refused(code="resource_missing", param="id", status=404, says="No such subscription"):
        client.v1.subscriptions.cancel(subscription.id)


def test_a_canceled_one_takes_details_and_metadata_only(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription()
    client.v1.subscriptions.cancel(subscription.id)
    after = client.v1.subscriptions.update(
        subscription.id, {"cancellation_details": {"feedback": "other"}, "metadata": {"a": "1"}}
    )
    assert after.cancellation_details is not None
    assert (after.cancellation_details.feedback, after.metadata.to_dict()) == ("other", {"a": "1"})
    says = "A canceled subscription can only update its cancellation_details and metadata."
    with refused(code="invalid_canceled_subscription_fields", says=says):
        client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})


def test_an_incomplete_one_takes_no_cancellation(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription(shop.customer("pm_card_chargeCustomerFail"))
    assert subscription.status == "incomplete"
    with refused(param="cancel_at_period_end", says="`incomplete`"):
        client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert client.v1.subscriptions.update(subscription.id, {"description": "d"}).description == "d"


def test_an_incomplete_one_that_expired_takes_none_either(client: stripe.StripeClient, shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer("pm_card_chargeCustomerFail", clock))
    shop.advance(clock, START + 23 * 3600)
    after = shop.fresh(subscription, "latest_invoice")
    assert isinstance(after.latest_invoice, stripe.Invoice)
    assert (after.status, after.latest_invoice.status) == ("incomplete_expired", "void")
    with refused(param="cancel_at_period_end", says="`incomplete_expired`"):
        client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    with refused(code="resource_missing", param="id", status=404):
        client.v1.subscriptions.cancel(subscription.id)


def test_a_trial_ends_with_its_trial(client: stripe.StripeClient, shop: Shop) -> None:
    subscription = shop.subscription(trial_period_days=14)
    after = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (after.status, after.cancel_at) == ("trialing", subscription.trial_end)


def test_a_paused_one_never_comes_to_its_end(client: stripe.StripeClient, shop: Shop) -> None:
    clock = shop.clock()
    pause = {"end_behavior": {"missing_payment_method": "pause"}}
    subscription = shop.subscription(shop.customer(None, clock), trial_period_days=7, trial_settings=pause)
    shop.advance(clock, START + 8 * DAY)
    assert shop.fresh(subscription).status == "paused"
    client.v1.subscriptions.update(subscription.id, {"cancel_at": START + 20 * DAY})
    shop.advance(clock, START + 90 * DAY)
    assert shop.fresh(subscription).status == "paused"


def test_the_end_comes(client: stripe.StripeClient, shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    shop.advance(clock, at(2027, 2, 15) - 1)
    assert shop.fresh(subscription).status == "active"
    shop.advance(clock, at(2027, 2, 15))
    after = shop.fresh(subscription)
    assert (after.status, after.ended_at, after.canceled_at) == ("canceled", at(2027, 2, 15), START)
    assert after.latest_invoice == subscription.latest_invoice
    (event,) = shop.events(subscription.id, "customer.subscription.deleted")
    assert event.created == at(2027, 2, 15)
    assert event.data.object["cancellation_details"]["reason"] == "cancellation_requested"
    assert event.request is not None
    assert event.request.id is None


def test_a_date_further_on_lets_periods_pass(client: stripe.StripeClient, shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    client.v1.subscriptions.update(subscription.id, {"cancel_at": at(2027, 4, 1)})
    shop.advance(clock, at(2027, 5, 1))
    after = shop.fresh(subscription)
    assert (after.status, after.ended_at) == ("canceled", at(2027, 4, 1))
    assert len(client.v1.invoices.list({"subscription": subscription.id}).data) == 3
