"""`collection_method=send_invoice`: the customer has days to pay, and nothing is charged or retried."""

from typing import Any

import pytest
import stripe

from .refusals import refused
from .shop import DAY, START, Shop, at, period_end

TERMS: dict[str, Any] = {"collection_method": "send_invoice", "days_until_due": 14}
DUE = START + 14 * DAY


def _sent(shop: Shop, clock: str, **params: Any) -> stripe.Subscription:
    return shop.subscription(shop.customer(None, clock), **TERMS | params)


def _latest(shop: Shop, subscription: stripe.Subscription) -> stripe.Invoice:
    invoice = shop.fresh(subscription, "latest_invoice").latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    return invoice


def test_it_is_active_with_an_open_invoice(shop: Shop) -> None:
    subscription = _sent(shop, shop.clock())
    assert (subscription.status, subscription.collection_method, subscription.days_until_due) == (
        "active",
        "send_invoice",
        14,
    )
    invoice = _latest(shop, subscription)
    assert (invoice.status, invoice.collection_method, invoice.due_date) == ("open", "send_invoice", DUE)
    assert (invoice.auto_advance, invoice.next_payment_attempt, invoice.attempt_count) == (True, None, 0)
    kinds = [event.type for event in shop.events(invoice.id)]
    assert kinds == ["invoice.created", "invoice.finalized", "invoice.sent"]


def test_a_card_on_file_is_not_charged(shop: Shop) -> None:
    subscription = shop.subscription(**TERMS)
    assert (subscription.status, _latest(shop, subscription).status) == ("active", "open")


def test_it_becomes_past_due_when_the_due_date_passes(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _sent(shop, clock)
    shop.advance(clock, DUE - 1)
    assert shop.fresh(subscription).status == "active"
    shop.advance(clock, DUE)
    assert shop.fresh(subscription).status == "past_due"
    (event,) = shop.events(subscription.id, "customer.subscription.updated")
    assert event.data.previous_attributes is not None
    assert (event.created, event.data.previous_attributes.to_dict()) == (DUE, {"status": "active"})


def test_nothing_is_retried_and_nothing_ends(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _sent(shop, clock)
    shop.advance(clock, at(2027, 3, 14))
    invoices = shop.v1.invoices.list({"subscription": subscription.id}).data
    assert [(one.status, one.attempt_count) for one in invoices] == [("open", 0), ("open", 0)]
    assert shop.fresh(subscription).status == "past_due"


@pytest.mark.parametrize("how", [{"paid_out_of_band": True}, {"payment_method": "pm_card_visa"}])
def test_paying_puts_it_right(shop: Shop, how: Any) -> None:
    clock = shop.clock()
    subscription = _sent(shop, clock)
    shop.advance(clock, DUE)
    paid = shop.v1.invoices.pay(_latest(shop, subscription).id, how)
    assert (paid.status, paid.amount_remaining, shop.fresh(subscription).status) == ("paid", 0, "active")


def test_an_invoice_that_is_paid_in_time_is_not_overdue(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _sent(shop, clock)
    shop.v1.invoices.pay(_latest(shop, subscription).id, {"paid_out_of_band": True})
    shop.advance(clock, DUE + DAY)
    assert shop.fresh(subscription).status == "active"


def test_what_is_past_due_waits_for_its_newest_invoice(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _sent(shop, clock)
    overdue = _latest(shop, subscription)
    shop.advance(clock, at(2027, 2, 15))
    newest = _latest(shop, subscription)
    assert (newest.due_date, shop.fresh(subscription).status) == (at(2027, 3, 1), "past_due")
    shop.v1.invoices.pay(overdue.id, {"paid_out_of_band": True})
    assert shop.fresh(subscription).status == "past_due"
    shop.v1.invoices.pay(newest.id, {"paid_out_of_band": True})
    assert shop.fresh(subscription).status == "active"


def test_a_card_that_fails_is_not_tried_again(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _sent(shop, clock)
    with pytest.raises(stripe.CardError):
        shop.v1.invoices.pay(_latest(shop, subscription).id, {"payment_method": "pm_card_chargeCustomerFail"})
    shop.advance(clock, DUE - 1)
    invoice = _latest(shop, subscription)
    assert (invoice.attempt_count, invoice.next_payment_attempt, invoice.status) == (1, None, "open")
    assert shop.fresh(subscription).status == "active"


def test_cancelled_it_keeps_its_open_invoice(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _sent(shop, clock)
    shop.v1.subscriptions.cancel(subscription.id)
    shop.advance(clock, DUE + DAY)
    invoice = _latest(shop, subscription)
    assert (invoice.status, invoice.auto_advance, shop.fresh(subscription).status) == ("open", False, "canceled")
    paid = shop.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert (paid.status, shop.fresh(subscription).status) == ("paid", "canceled")


def test_voiding_the_only_invoice_puts_it_right(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _sent(shop, clock)
    shop.advance(clock, DUE)
    shop.v1.invoices.void_invoice(_latest(shop, subscription).id)
    assert shop.fresh(subscription).status == "active"


def test_a_trial_ends_without_a_card(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _sent(shop, clock, trial_period_days=7)
    assert (subscription.status, _latest(shop, subscription).status) == ("trialing", "paid")
    shop.advance(clock, START + 8 * DAY)
    assert (shop.fresh(subscription).status, _latest(shop, subscription).due_date) == ("active", START + 21 * DAY)


def test_an_update_changes_the_next_invoice(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    after = shop.v1.subscriptions.update(subscription.id, {"collection_method": "send_invoice", "days_until_due": 30})
    assert (after.collection_method, after.days_until_due) == ("send_invoice", 30)
    shop.advance(clock, period_end(subscription))
    invoice = _latest(shop, subscription)
    assert (invoice.status, invoice.due_date) == ("open", period_end(subscription) + 30 * DAY)
    back = shop.v1.subscriptions.update(subscription.id, {"collection_method": "charge_automatically"})
    assert (back.collection_method, back.days_until_due) == ("charge_automatically", None)
    assert _latest(shop, subscription).collection_method == "send_invoice"


def test_invoices_by_due_date(shop: Shop, loose: Any) -> None:
    clock = shop.clock()
    subscription = _sent(shop, clock)
    query = {"subscription": subscription.id, "collection_method": "send_invoice"}
    assert loose.invoices.list(query | {"due_date": {"lte": DUE - 1}}).data == []
    assert len(loose.invoices.list(query | {"due_date": DUE}).data) == 1


def test_the_preview_has_a_due_date(shop: Shop) -> None:
    subscription = _sent(shop, shop.clock())
    preview = shop.v1.invoices.create_preview({"subscription": subscription.id})
    assert (preview.due_date, preview.next_payment_attempt) == (at(2027, 3, 1), None)


def test_a_schedule_shows_the_terms(shop: Shop) -> None:
    subscription = _sent(shop, shop.clock())
    settings = shop.v1.subscription_schedules.create({"from_subscription": subscription.id}).default_settings
    assert settings.collection_method == "send_invoice"
    assert settings.invoice_settings.days_until_due == 14


def test_terms_need_days_and_an_email(shop: Shop) -> None:
    with refused(param="days_until_due"):
        shop.subscription(collection_method="send_invoice")
    with refused(param="days_until_due"):
        shop.subscription(days_until_due=14)
    customer = shop.customer()
    shop.v1.customers.update(customer.id, {"email": ""})
    with refused(says="Missing email."):
        shop.subscription(customer, **TERMS)
