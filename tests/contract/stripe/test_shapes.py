"""Objects carry every field that the SDK's types name."""

from collections.abc import Callable

import pytest
import stripe

from .shop import Shop

# Fields that Stripe includes only when expanded, or only in certain objects.
ON_DEMAND = {
    "Balance": {"connect_reserved", "instant_available", "issuing"},
    "Coupon": {"applies_to", "currency_options"},
    "Customer": {
        *("business_name", "individual_name"),
        *("cash_balance", "invoice_credit_balance", "sources", "subscriptions", "tax", "tax_ids"),
    },
    "Event": {"account", "context"},
    "Invoice": {"payments", "threshold_reason"},
    "PaymentMethod": {"radar_options", "custom"},
    "Phase": {"automatic_tax", "trial"},
    "Plan": {"tiers"},
    "Price": {"currency_options", "tiers"},
    "Subscription": {"presentment_details"},
    "SubscriptionItem": {"billed_until"},
    "WebhookEndpoint": {"secret"},
}


def _schedule(shop: Shop) -> stripe.SubscriptionSchedule:
    return shop.v1.subscription_schedules.create({"from_subscription": shop.subscription().id})


def _discount(shop: Shop) -> stripe.StripeObject:
    subscription = shop.subscription(discounts=[{"coupon": shop.coupon().id}])
    found = shop.fresh(subscription, "discounts").discounts[0]
    assert isinstance(found, stripe.Discount)
    return found


def _invoice(shop: Shop) -> stripe.Invoice:
    found = shop.fresh(shop.subscription(), "latest_invoice").latest_invoice
    assert isinstance(found, stripe.Invoice)
    return found


def _credit_note(shop: Shop) -> stripe.CreditNote:
    return shop.v1.credit_notes.create({"invoice": _invoice(shop).id, "amount": 100, "refund_amount": 100})


def _refund(shop: Shop) -> stripe.StripeObject:
    return shop.v1.refunds.retrieve(str(_credit_note(shop).refunds[0].refund))


EXAMPLES: dict[type[stripe.StripeObject], Callable[[Shop], stripe.StripeObject]] = {
    stripe.Balance: lambda shop: shop.v1.balance.retrieve(),
    stripe.Coupon: lambda shop: shop.coupon(),
    stripe.CreditNote: _credit_note,
    stripe.CreditNote.Refund: lambda shop: _credit_note(shop).refunds[0],
    stripe.CreditNoteLineItem: lambda shop: _credit_note(shop).lines.data[0],
    stripe.Customer: lambda shop: shop.customer(),
    stripe.Discount: _discount,
    stripe.Event: lambda shop: shop.v1.events.list({"limit": 1}).data[0],
    stripe.Invoice: _invoice,
    stripe.InvoiceLineItem: lambda shop: _invoice(shop).lines.data[0],
    stripe.InvoicePayment: lambda shop: shop.v1.invoice_payments.list({"invoice": _invoice(shop).id}).data[0],
    stripe.Plan: lambda shop: shop.subscription()["items"].data[0].plan,
    stripe.Price: lambda shop: shop.price(),
    stripe.Product: lambda shop: shop.v1.products.create({"name": "Shape"}),
    stripe.Refund: _refund,
    stripe.Subscription: lambda shop: shop.subscription(),
    stripe.SubscriptionItem: lambda shop: shop.subscription()["items"].data[0],
    stripe.SubscriptionSchedule: _schedule,
    stripe.SubscriptionSchedule.Phase: lambda shop: _schedule(shop).phases[0],
    stripe.billing.FeedbackOption: lambda shop: shop.v1.billing.feedback_options.create({"description": "Too far"}),
    stripe.test_helpers.TestClock: lambda shop: shop.v1.test_helpers.test_clocks.retrieve(shop.clock()),
}


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_every_field_is_there(shop: Shop, kind: type[stripe.StripeObject]) -> None:
    shop.customer()  # creates an event
    found = EXAMPLES[kind](shop).to_dict()
    named = {name for name, hint in kind.__annotations__.items() if not name.isupper() and "ClassVar" not in str(hint)}
    assert named - found.keys() - {"deleted"} - ON_DEMAND.get(kind.__name__, set()) == set()
    assert found.get("livemode", False) is False


def _change(shop: Shop) -> stripe.Invoice:
    subscription = shop.subscription(discounts=[{"coupon": shop.coupon(50).id}])
    item, dear = subscription["items"].data[0].id, shop.price("month", 9900).id
    shop.v1.subscriptions.update(
        subscription.id, {"items": [{"id": item, "price": dear}], "proration_behavior": "always_invoice"}
    )
    return shop.invoices(subscription)[-1]


def _pause(shop: Shop) -> stripe.Subscription:
    return shop.v1.subscriptions.pause(shop.subscription().id)


# Fields that are optional, but not nullable, in Stripe's OpenAPI document.
NOT_NULL: dict[str, tuple[Callable[[Shop], stripe.StripeObject], set[str]]] = {
    "invoice": (_invoice, {"threshold_reason"}),
    "change": (_change, {"threshold_reason"}),
    "item": (lambda shop: _pause(shop)["items"].data[0], {"billed_until"}),
    "customer": (lambda shop: shop.customer(), {"business_name", "individual_name"}),
    "phase": (lambda shop: _schedule(shop).phases[0], {"automatic_tax"}),
}


@pytest.mark.parametrize("name", NOT_NULL)
def test_a_field_that_is_not_nullable_is_absent(shop: Shop, name: str) -> None:
    make, absent = NOT_NULL[name]
    assert make(shop).to_dict().keys().isdisjoint(absent)


def test_a_cleared_business_name_is_absent(shop: Shop) -> None:
    customer = shop.v1.customers.create({"business_name": "Cafe Central"})
    assert customer.business_name == "Cafe Central"
    cleared = shop.v1.customers.update(customer.id, {"business_name": ""})
    assert "business_name" not in cleared.to_dict()


def test_a_proration_has_the_fields_of_any_line(shop: Shop) -> None:
    usual = _invoice(shop)
    for preview in (_change(shop), shop.v1.invoices.create_preview({"subscription": shop.subscription().id})):
        assert preview.to_dict().keys() == usual.to_dict().keys()
        for line in preview.lines.data:
            assert line.to_dict().keys() == usual.lines.data[0].to_dict().keys()


def test_a_card(shop: Shop) -> None:
    method = shop.v1.payment_methods.attach("pm_card_visa", {"customer": shop.customer(None).id})
    assert method.card is not None
    named = stripe.PaymentMethod.Card.__annotations__.keys() - {"description", "iin", "issuer"}
    assert named - method.card.to_dict().keys() == set()


def test_nested_hashes_of_a_subscription(shop: Shop) -> None:
    found = shop.subscription()
    hashes = {
        "automatic_tax": stripe.Subscription.AutomaticTax,
        "billing_mode": stripe.Subscription.BillingMode,
        "cancellation_details": stripe.Subscription.CancellationDetails,
        "invoice_settings": stripe.Subscription.InvoiceSettings,
        "payment_settings": stripe.Subscription.PaymentSettings,
        "trial_settings": stripe.Subscription.TrialSettings,
    }
    for name, kind in hashes.items():
        assert kind.__annotations__.keys() - {"_inner_class_types"} == found[name].to_dict().keys(), name
