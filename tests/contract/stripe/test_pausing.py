"""Two kinds of pause, and their events."""

from typing import Any

import pytest
import stripe

from .refusals import refused
from .shop import START, Shop, at, lines, period_end

pytestmark = pytest.mark.slow

PAUSES: stripe.params.SubscriptionUpdateParamsPauseCollection = {"behavior": "void", "resumes_at": at(2027, 3, 1)}


def _told(shop: Shop, subscription: stripe.Subscription) -> list[str]:
    """Return the types of its events after its creation."""
    return [event.type.removeprefix("customer.subscription.") for event in shop.events(subscription.id)][1:]


def _before(shop: Shop, subscription: stripe.Subscription) -> list[dict[str, Any]]:
    updates = shop.events(subscription.id, "customer.subscription.updated")
    assert all(event.data.previous_attributes for event in updates)
    return [event.data.to_dict()["previous_attributes"] for event in updates]


def test_paused_collection_is_an_update_and_no_more(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    paused = shop.v1.subscriptions.update(subscription.id, {"pause_collection": PAUSES})
    assert paused.status == "active"
    assert _before(shop, subscription) == [{"pause_collection": None}]
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    assert _before(shop, subscription)[1] == {"pause_collection": {"behavior": "void", "resumes_at": at(2027, 3, 1)}}
    assert _told(shop, subscription) == ["updated", "updated"]


def test_collection_resumes_by_itself_and_says_so(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": PAUSES})
    shop.advance(clock, at(2027, 3, 2))
    last = shop.events(subscription.id, "customer.subscription.updated")[-1]
    assert last.created == at(2027, 3, 1)
    assert last.request is None or last.request.id is None
    assert _before(shop, subscription)[-1] == {"pause_collection": {"behavior": "void", "resumes_at": at(2027, 3, 1)}}


def test_collection_resumes_in_the_future(shop: Shop) -> None:
    subscription = shop.subscription(shop.customer(clock=shop.clock()))
    with refused(param="pause_collection[resumes_at]", says="future"):
        shop.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "void", "resumes_at": START}})
    assert shop.fresh(subscription).pause_collection is None


@pytest.mark.parametrize(
    ("behavior", "status"), [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")]
)
@pytest.mark.parametrize("trial", [{}, {"trial_period_days": 10}])
def test_invoices_made_while_collection_is_paused(
    shop: Shop, behavior: Any, status: str, trial: dict[str, int]
) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock), **trial)
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": behavior}})
    shop.advance(clock, at(2027, 2, 16))
    made = shop.invoices(subscription)[1]
    assert (made.status, made.amount_paid, made.total, made.auto_advance) == (status, 0, 4900, False)
    assert shop.fresh(subscription).status == "active"
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    shop.advance(clock, at(2027, 4, 1))
    statuses = [one.status for one in shop.invoices(subscription)]
    assert (statuses[:3], statuses[-1]) == (["paid", status, "paid"], "paid")


def test_a_change_of_price_while_collection_is_paused(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "void"}})
    shop.advance(clock, at(2027, 2, 16))
    item, dear = subscription["items"].data[0].id, shop.price("month", 9900).id
    given: Any = {"items": [{"id": item, "price": dear}], "proration_behavior": "always_invoice"}
    shop.v1.subscriptions.update(subscription.id, given)
    paid, renewal, change = shop.invoices(subscription)
    assert (paid.status, renewal.status, change.status) == ("paid", "void", "void")
    # What a void invoice billed is not credited.
    assert [line.amount > 0 for line in change.lines.data] == [True]
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    shop.advance(clock, at(2027, 3, 16))
    assert shop.invoices(subscription)[-1].amount_paid == 9900


def test_a_discounts_months_run_on_while_collection_is_paused(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock), discounts=[{"coupon": shop.coupon(50, 3).id}])
    shop.v1.subscriptions.update(
        subscription.id, {"pause_collection": {"behavior": "void", "resumes_at": at(2027, 3, 20)}}
    )
    shop.advance(clock, at(2027, 5, 1))
    invoices = shop.invoices(subscription)
    assert [(one.status, one.total) for one in invoices] == [
        ("paid", 2450),
        ("void", 2450),
        ("void", 2450),
        ("paid", 4900),
    ]


def test_a_pause_stops_everything(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    paused = shop.v1.subscriptions.pause(subscription.id)
    assert paused.status_details is not None
    assert (paused.status, paused.status_details.paused.transitioned_at) == ("paused", START)
    assert paused.status_details.paused.subscription.type == "pause_requested"
    assert _told(shop, subscription) == ["updated", "paused"]
    assert _before(shop, subscription) == [{"status": "active", "status_details": None}]
    shop.advance(clock, at(2027, 5, 1))
    assert shop.fresh(subscription).to_dict() == paused.to_dict()


def test_it_resumes_with_a_new_period(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    shop.v1.subscriptions.pause(subscription.id)
    shop.advance(clock, at(2027, 5, 1))
    after = shop.v1.subscriptions.resume(subscription.id)
    assert (after.status, after.status_details, period_end(after)) == ("active", None, at(2027, 6, 1))
    assert _told(shop, subscription) == ["updated", "paused", "updated", "resumed"]
    assert _before(shop, subscription)[1]["status"] == "paused"


HALF = at(2027, 1, 30) + 43_200
MONTH_END = at(2027, 2, 15)


def _halfway(shop: Shop) -> tuple[str, stripe.Subscription]:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    shop.advance(clock, HALF)
    return clock, subscription


def test_the_unused_time_is_credited_when_a_subscription_resumes(shop: Shop) -> None:
    clock, subscription = _halfway(shop)
    shop.v1.subscriptions.pause(subscription.id)
    assert len(shop.invoices(subscription)) == 1
    shop.advance(clock, at(2027, 5, 1))
    preview = shop.v1.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": {"resume_at": "now"}}
    )
    shop.v1.subscriptions.resume(subscription.id)
    last = shop.invoices(subscription)[-1]
    assert lines(last) == [(-2450, True, HALF, MONTH_END), (4900, False, at(2027, 5, 1), at(2027, 6, 1))]
    assert (last.amount_paid, lines(preview)) == (2450, lines(last))


@pytest.mark.parametrize(("since", "credit"), [("now", -2450), ("item_current_period_start", -4900), ("none", None)])
def test_the_credit_can_be_invoiced_when_pausing(shop: Shop, since: Any, credit: int | None) -> None:
    _, subscription = _halfway(shop)
    given: stripe.params.SubscriptionPauseParams = {
        "invoicing_behavior": "invoice",
        "bill_for": {"unused_time_from": {"type": since}, "outstanding_usage_through": {"type": "now"}},
    }
    assert shop.v1.subscriptions.pause(subscription.id, given).status == "paused"
    assert [one.total for one in shop.invoices(subscription)[1:]] == ([credit] if credit else [])
    assert shop.v1.customers.retrieve(str(subscription.customer)).balance == (credit or 0)


@pytest.mark.parametrize(
    ("behavior", "amounts"),
    [("always_invoice", [4900, 0, 4900]), ("create_prorations", [4900, 4900]), ("none", [4900, 2450])],
)
def test_a_subscription_can_resume_within_its_cycle(shop: Shop, behavior: Any, amounts: list[int]) -> None:
    clock, subscription = _halfway(shop)
    shop.v1.subscriptions.pause(subscription.id)
    given: stripe.params.SubscriptionResumeParams = {
        "billing_cycle_anchor": {"type": "unchanged"},
        "proration_behavior": behavior,
    }
    after = shop.v1.subscriptions.resume(subscription.id, given)
    assert (after.status, after.billing_cycle_anchor, period_end(after)) == ("active", START, MONTH_END)
    shop.advance(clock, MONTH_END)
    assert [one.amount_paid for one in shop.invoices(subscription)] == amounts


def test_a_subscription_can_resume_in_a_later_period_of_its_cycle(shop: Shop) -> None:
    clock, subscription = _halfway(shop)
    shop.v1.subscriptions.pause(subscription.id, {"bill_for": {"unused_time_from": {"type": "none"}}})
    shop.advance(clock, at(2027, 4, 20))
    given: stripe.params.SubscriptionResumeParams = {
        "billing_cycle_anchor": {"type": "unchanged"},
        "proration_behavior": "always_invoice",
        "proration_date": at(2027, 4, 30),
    }
    after = shop.v1.subscriptions.resume(subscription.id, given)
    assert (after["items"].data[0].current_period_start, period_end(after)) == (at(2027, 4, 15), at(2027, 5, 15))
    assert lines(shop.invoices(subscription)[-1]) == [(2450, True, at(2027, 4, 30), at(2027, 5, 15))]


def test_a_subscription_resumes_past_due_if_the_payment_fails(shop: Shop) -> None:
    clock, subscription = _halfway(shop)
    shop.v1.subscriptions.pause(subscription.id)
    shop.advance(clock, at(2027, 5, 1))
    card: stripe.params.CustomerUpdateParamsInvoiceSettings = {"default_payment_method": "pm_card_chargeCustomerFail"}
    shop.v1.customers.update(str(subscription.customer), {"invoice_settings": card})
    with pytest.raises(stripe.APIError, match="does not implement"):
        shop.v1.subscriptions.resume(subscription.id, {"payment_behavior": "resume_on_payment_success"})
    assert shop.fresh(subscription).status == "paused"
    assert shop.v1.subscriptions.resume(subscription.id).status == "past_due"
    last = shop.invoices(subscription)[-1]
    assert (last.status, last.next_payment_attempt) == ("open", None)


def test_a_pause_is_previewed(shop: Shop) -> None:
    _, subscription = _halfway(shop)
    details: Any = {"pause": {"invoicing_behavior": "invoice"}}
    preview = shop.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    assert lines(preview) == [(-2450, True, HALF, MONTH_END)]
    details["pause"] = {"invoicing_behavior": "pending_invoice_item"}
    with refused(code="invoice_upcoming_none", status=404):
        shop.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})


def test_a_paused_one_does_not_reach_its_end(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    shop.v1.subscriptions.pause(subscription.id)
    shop.advance(clock, at(2027, 4, 1))
    assert shop.fresh(subscription).status == "paused"
    shop.v1.subscriptions.cancel(subscription.id)
    assert _told(shop, subscription)[-1] == "deleted"


def test_an_end_at_the_period_end_moves_to_the_period_of_the_resumption(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    shop.v1.subscriptions.pause(subscription.id)
    shop.advance(clock, at(2027, 4, 1))
    assert shop.v1.subscriptions.resume(subscription.id).cancel_at == at(2027, 5, 1)
    shop.advance(clock, at(2027, 5, 1))
    assert shop.fresh(subscription).ended_at == at(2027, 5, 1)


def test_what_cannot_be_paused(shop: Shop) -> None:
    classic = shop.subscription(billing_mode={"type": "classic"})
    with refused(says="flexible"):
        shop.v1.subscriptions.pause(classic.id)
    scheduled = shop.subscription()
    shop.v1.subscription_schedules.create({"from_subscription": scheduled.id})
    with refused(says="schedule"):
        shop.v1.subscriptions.pause(scheduled.id)
    twice = shop.subscription()
    shop.v1.subscriptions.pause(twice.id)
    with refused(says="paused"):
        shop.v1.subscriptions.pause(twice.id)


@pytest.mark.parametrize("by", ["time", "hand"])
def test_a_trial_without_a_card_pauses(shop: Shop, by: str) -> None:
    clock = shop.clock()
    settings = {"end_behavior": {"missing_payment_method": "pause"}}
    subscription = shop.subscription(shop.customer(None, clock), trial_period_days=2, trial_settings=settings)
    if by == "time":
        shop.advance(clock, at(2027, 1, 18))
    else:
        shop.v1.subscriptions.update(subscription.id, {"trial_end": "now"})
    after = shop.fresh(subscription)
    assert after.status_details is not None
    assert after.status_details.paused.subscription.type == "trial_end_without_payment_method"
    assert _told(shop, subscription)[-2:] == ["updated", "paused"]
    shop.v1.subscriptions.update(subscription.id, {"default_payment_method": "pm_card_visa"})
    shop.v1.subscriptions.resume(subscription.id)
    assert _told(shop, subscription)[-2:] == ["updated", "resumed"]
