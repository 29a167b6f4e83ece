"""Ends that the customer did not request, and the account settings that replace them."""

import pytest
import stripe

from .process import Simulator
from .shop import DAY, START, Shop, at, period_end

FAILS: stripe.params.CustomerUpdateParamsInvoiceSettings = {"default_payment_method": "pm_card_chargeCustomerFail"}
PAYS: stripe.params.CustomerUpdateParamsInvoiceSettings = {"default_payment_method": "pm_card_visa"}
LAST_RETRY = at(2027, 3, 1)


def _failing(shop: Shop, clock: str) -> stripe.Subscription:
    customer = shop.customer(clock=clock)
    subscription = shop.subscription(customer)
    shop.v1.customers.update(customer.id, {"invoice_settings": FAILS})
    return subscription


def _reason(shop: Shop, subscription: stripe.Subscription) -> str | None:
    (told,) = shop.events(subscription.id, "customer.subscription.deleted")
    assert told.data.object["status"] == "canceled"
    assert told.request is not None
    reason: str | None = told.data.object["cancellation_details"]["reason"]
    return reason


def test_failed_renewals_end_it(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _failing(shop, clock)
    shop.advance(clock, LAST_RETRY)
    after = shop.fresh(subscription)
    assert (after.status, after.ended_at, _reason(shop, subscription)) == ("canceled", LAST_RETRY, "payment_failed")
    failures = shop.events(str(after.latest_invoice), "invoice.payment_failed")
    assert [event.created for event in failures] == [at(2027, 2, 15) + days * DAY for days in (0, 3, 6, 9, 12, 14)]


def test_failed_renewals_end_a_pending_one_sooner(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _failing(shop, clock)
    shop.advance(clock, at(2027, 2, 16))
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    shop.advance(clock, LAST_RETRY)
    assert (shop.fresh(subscription).ended_at, _reason(shop, subscription)) == (LAST_RETRY, "payment_failed")


def test_a_dispute_ends_it(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    shown = simulator.order("end", subscription=subscription.id)
    assert (shown["status"], _reason(shop, subscription)) == ("canceled", "payment_disputed")
    (told,) = shop.events(subscription.id, "customer.subscription.deleted")
    assert told.request is not None
    assert (told.request.id, told.request.idempotency_key) == (None, None)
    assert "is canceled" in simulator.refuses("end", subscription=subscription.id)


def test_a_dispute_ends_it_with_its_period(simulator: Simulator, shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    pending = simulator.order("end", subscription=subscription.id, when="period_end")
    assert (pending["cancel_at_period_end"], pending["cancellation_details"]["reason"]) == (True, "payment_disputed")
    shop.advance(clock, at(2027, 2, 15))
    assert _reason(shop, subscription) == "payment_disputed"


@pytest.mark.parametrize("reason", ["canceled_by_retention_policy", "payment_failed", "a_reason_yet_to_come"])
def test_any_reason_can_be_had(simulator: Simulator, shop: Shop, reason: str) -> None:
    subscription = shop.subscription()
    simulator.order("end", subscription=subscription.id, reason=reason)
    assert _reason(shop, subscription) == reason


@pytest.mark.parametrize("how", ["api", "portal", "period"])
def test_a_wish_is_its_own_reason(simulator: Simulator, shop: Shop, how: str) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    if how == "api":
        shop.v1.subscriptions.cancel(subscription.id)
    else:
        simulator.order("portal", subscription=subscription.id, action="cancel")
        shop.advance(clock, at(2027, 2, 16))
    assert _reason(shop, subscription) == "cancellation_requested"


def test_what_never_began_expires_without_a_deletion(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer("pm_card_chargeCustomerFail", clock))
    shop.advance(clock, START + 23 * 3600)
    assert shop.fresh(subscription).status == "incomplete_expired"
    (told,) = shop.events(subscription.id, "customer.subscription.updated")
    assert told.data.previous_attributes is not None
    assert told.data.previous_attributes.to_dict() == {"ended_at": None, "status": "incomplete"}
    assert shop.events(subscription.id, "customer.subscription.deleted") == []


def test_the_setting_is_read_back(simulator: Simulator) -> None:
    assert simulator.control("GET", "settings") == {"after_last_retry": "cancel"}
    assert simulator.order("settings", after_last_retry="unpaid") == {"after_last_retry": "unpaid"}
    assert simulator.control("GET", "settings") == {"after_last_retry": "unpaid"}
    assert "must be one of cancel, unpaid" in simulator.refuses("settings", after_last_retry="forgive")


def test_an_unpaid_one_stays_and_asks_no_more(simulator: Simulator, shop: Shop) -> None:
    simulator.order("settings", after_last_retry="unpaid")
    clock = shop.clock()
    subscription = _failing(shop, clock)
    shop.advance(clock, LAST_RETRY)
    assert shop.fresh(subscription).status == "unpaid"
    told = shop.events(subscription.id, "customer.subscription.updated")[-1]
    assert told.data.previous_attributes is not None
    assert told.data.previous_attributes.to_dict() == {"status": "past_due"}
    shop.advance(clock, at(2027, 3, 16))
    after = shop.fresh(subscription, "latest_invoice")
    assert isinstance(after.latest_invoice, stripe.Invoice)
    assert (after.status, period_end(after)) == ("unpaid", at(2027, 4, 15))
    assert (after.latest_invoice.status, after.latest_invoice.auto_advance) == ("draft", False)
    assert [one.id for one in shop.v1.subscriptions.list({"status": "unpaid", "test_clock": clock}).data] == [after.id]


def test_an_unpaid_one_is_active_again_once_its_invoice_is_paid(simulator: Simulator, shop: Shop) -> None:
    simulator.order("settings", after_last_retry="unpaid")
    clock = shop.clock()
    subscription = _failing(shop, clock)
    shop.advance(clock, at(2027, 3, 16))
    shop.v1.customers.update(str(subscription.customer), {"invoice_settings": PAYS})
    (due,) = shop.v1.invoices.list({"subscription": subscription.id, "status": "open"}).data
    shop.v1.invoices.pay(due.id)
    assert shop.fresh(subscription).status == "active"


def test_an_unpaid_one_can_be_cancelled(simulator: Simulator, shop: Shop) -> None:
    simulator.order("settings", after_last_retry="unpaid")
    clock = shop.clock()
    subscription = _failing(shop, clock)
    shop.advance(clock, LAST_RETRY)
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    shop.advance(clock, at(2027, 3, 15))
    assert (shop.fresh(subscription).status, _reason(shop, subscription)) == ("canceled", "cancellation_requested")


def test_a_past_due_one_may_be_left_so(simulator: Simulator, shop: Shop) -> None:
    simulator.order("settings", after_last_retry="past_due")
    clock = shop.clock()
    subscription = _failing(shop, clock)
    shop.advance(clock, at(2027, 3, 14))
    after = shop.fresh(subscription, "latest_invoice")
    assert isinstance(after.latest_invoice, stripe.Invoice)
    assert (after.status, after.latest_invoice.next_payment_attempt) == ("past_due", None)


@pytest.mark.parametrize(("mode", "status"), [("flexible", "paused"), ("classic", "canceled")])
def test_the_last_failure_may_pause_it(simulator: Simulator, shop: Shop, mode: str, status: str) -> None:
    simulator.order("settings", after_last_retry="pause")
    clock = shop.clock()
    customer = shop.customer(clock=clock)
    subscription = shop.subscription(customer, billing_mode={"type": mode})
    shop.v1.customers.update(customer.id, {"invoice_settings": FAILS})
    shop.advance(clock, LAST_RETRY)
    after = shop.fresh(subscription)
    assert after.status == status
    if status == "paused":
        assert after.status_details is not None
        assert after.status_details.paused.subscription.type == "final_payment_failure"


def test_a_deleted_customer_ends_what_lives_and_tells_once(shop: Shop) -> None:
    customer = shop.customer()
    ended, live = shop.subscription(customer), shop.subscription(customer)
    shop.v1.subscriptions.cancel(ended.id)
    assert shop.v1.customers.delete(customer.id).deleted
    assert len(shop.events(ended.id, "customer.subscription.deleted")) == 1
    assert _reason(shop, live) == "cancellation_requested"
    (told,) = shop.events(customer.id, "customer.deleted")
    assert told.data.to_dict().keys() == {"object"}
    assert told.data.object["email"] == customer.email
    assert shop.fresh(live).status == "canceled"


def test_what_is_over_can_be_made_older_and_tells_nobody(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    order = {"subscription": subscription.id, "seconds": 76 * DAY}
    assert simulator.http.post("/_simulator/age", json=order).status_code == 400
    ended = shop.v1.subscriptions.cancel(subscription.id)
    told = len(shop.events(subscription.id))

    simulator.control("POST", "age", order)

    after = shop.fresh(subscription)
    assert (after.status, after.ended_at) == ("canceled", (ended.ended_at or 0) - 76 * DAY)
    assert (after.created, period_end(after)) == (subscription.created - 76 * DAY, period_end(subscription) - 76 * DAY)
    assert len(shop.events(subscription.id)) == told
