"""The email to a customer whose subscription ended unrequested: where they can pay."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from email_templates.subscription_ended import SubscriptionEnded
from tests.email_templates.test_cancellation_confirmation import Page

INVOICE = "https://invoice.stripe.com/i/acct_1/live_1?s=ap"
PAYMENT = "https://app.example.com/pay"
AGAIN = "https://app.example.com/plans"

USUAL = SubscriptionEnded(
    name="Ada Lovelace",
    plan="Professional",
    kind="payment_failed",
    ended_at=datetime(2026, 1, 26, tzinfo=UTC),
    data_kept_until=datetime(2026, 4, 26, tzinfo=UTC),
    invoice_url=INVOICE,
    payment_url=PAYMENT,
    new_subscription_url=AGAIN,
    export_url=None,
    locale="en_US",
    time_zone="Europe/Berlin",
    company_name="Example & Sons",
    request_id="end-1",
)
NEW = {"Start a new subscription": AGAIN}


@pytest.mark.parametrize("kind", ["payment_failed", "payment_disputed"])
def test_an_open_invoice_is_paid_on_stripes_page(kind: str) -> None:
    email = replace(USUAL, kind=kind).email()
    assert Page(email.html).links == {"Pay the open invoice": INVOICE, **NEW}
    assert f"Pay the open invoice:\n{INVOICE}\n" in email.text
    assert PAYMENT not in email.text
    # Payment does not reactivate: Stripe cannot restart an ended subscription.
    assert f"To use your plan again, start a new subscription:\n{AGAIN}\n" in email.text
    assert "To use your plan again: Start a new subscription" in Page(email.html).text


def test_the_companys_payment_page_is_linked_without_an_open_invoice() -> None:
    email = replace(USUAL, invoice_url=None).email()
    assert Page(email.html).links == {"Pay and come back": PAYMENT, **NEW}
    assert f"Pay and come back:\n{PAYMENT}\n" in email.text


def test_only_a_new_subscription_is_offered_without_a_payment_page() -> None:
    email = replace(USUAL, invoice_url=None, payment_url=None).email()
    assert Page(email.html).links == NEW


def test_a_customer_who_owes_nothing_is_not_asked_to_pay() -> None:
    email = replace(USUAL, kind="neutral").email()
    assert Page(email.html).links == NEW
    assert "Pay " not in email.text
