"""Invoices: from draft to paid, failed, void or uncollectible."""

from ..account import Account
from ..customer import coupons, customer_discounts
from ..customer.payment_methods import declined, usable
from ..parameters import EXPAND, PAGE, Shape, boolean, choice, metadata, text, time_range, within
from ..subscription.periods import DAY
from ..wire import ApiError, Document

RETRY_DAYS = 3  # between two attempts to collect a failed payment

LIST = Shape(
    PAGE
    | {
        "collection_method": choice("charge_automatically", "send_invoice"),
        "customer": text(),
        "status": choice("draft", "open", "void", "paid", "uncollectible"),
        "due_date": time_range,
        "subscription": text(),
    },
    lacking="customer_account",
)
PAY = Shape(EXPAND | {"payment_method": text(), "paid_out_of_band": boolean, "off_session": boolean}, lacking="forgive")
VOID = Shape(EXPAND)
UPDATE = Shape(EXPAND | {"metadata": metadata}, lacking="auto_advance description discounts")


def retrieve(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/invoices/{invoice}."""
    return account.find("invoice", identifier, "invoice")


def list_all(account: Account, params: Document) -> Document:
    """GET /v1/invoices."""
    if "customer" in params:
        account.find("customer", params["customer"], "customer", 400)
    if "subscription" in params:
        account.find("subscription", params["subscription"], "subscription", 400)

    def matches(invoice: Document) -> bool:
        collected = invoice["collection_method"] == params.get("collection_method", invoice["collection_method"])
        return collected and within(invoice["due_date"], params.get("due_date"))

    filters = {name: params.get(name) for name in ("customer", "status", "subscription")}
    return account.page("invoice", "/v1/invoices", params, matches, **filters)


def issue(account: Account, invoice: Document) -> Document:
    """Store and finalize an invoice, with the customer's next number."""
    account.create(invoice, "invoice.created")
    customer = account.peek("customer", invoice["customer"])
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}"
    # Credit that the invoice did not use stays on the customer's balance.
    balance = min(0, invoice["starting_balance"] + invoice["total"])
    numbered = customer | {"next_invoice_sequence": customer["next_invoice_sequence"] + 1}
    account.save(numbered)
    account.update(numbered, numbered | {"balance": balance}, "customer.updated")
    at = invoice["created"]
    final = invoice | {
        "effective_at": at,
        "ending_balance": balance,
        "hosted_invoice_url": f"https://invoice.stripe.com/i/simulated/{invoice['id']}",
        "invoice_pdf": f"https://pay.stripe.com/invoice/simulated/{invoice['id']}/pdf",
        "number": number,
        "status": "open",
        "status_transitions": invoice["status_transitions"] | {"finalized_at": at},
    }
    return account.create(final, "invoice.finalized")


def method_of(account: Account, subscription: Document) -> Document | None:
    """Return the payment method to charge: the subscription's, otherwise the customer's default."""
    customer = account.peek("customer", subscription["customer"])
    chosen = subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    method = account.store.get("payment_method", chosen) if chosen else None
    return method if method and method["customer"] == customer["id"] else None


def collect(account: Account, invoice: Document, method: Document | None, at: int) -> Document:
    """Try to collect an open invoice; return it as `paid`, or still `open` with the attempt counted."""
    if invoice["amount_due"] == 0:
        return _paid(account, invoice, at, attempts=invoice["attempt_count"])
    attempts = invoice["attempt_count"] + 1
    if method and method["_charges"]:
        return _paid(account, invoice, at, attempts=attempts)
    first = invoice.get("_first_failure", at)
    retry = at + RETRY_DAYS * DAY
    last = first + account.dunning_days * DAY
    failed = invoice | {
        "_first_failure": first,
        "attempt_count": attempts,
        "attempted": True,
        "next_payment_attempt": min(retry, last) if at < last and not invoice["due_date"] else None,
    }
    account.update(invoice, failed, "invoice.updated")
    account.emit("invoice.payment_failed", failed)
    return failed


def _paid(account: Account, invoice: Document, at: int, *, attempts: int, out_of_band: bool = False) -> Document:
    after = invoice | {
        "amount_paid": invoice["amount_due"],
        "amount_paid_off_stripe": invoice["amount_due"] if out_of_band else 0,
        "amount_remaining": 0,
        "attempt_count": attempts,
        "attempted": not out_of_band,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status": "paid",
        "status_transitions": invoice["status_transitions"] | {"paid_at": at},
    }
    account.update(invoice, after, "invoice.updated")
    account.emit("invoice.paid", after)
    account.emit("invoice.payment_succeeded", after)
    return after


def take_part(account: Account, invoice: Document, amount: int) -> Document:
    """Record a partial payment of an open invoice, made outside of Stripe; the rest is still collected."""
    after = invoice | {
        "amount_paid": invoice["amount_paid"] + amount,
        "amount_paid_off_stripe": invoice["amount_paid_off_stripe"] + amount,
        "amount_remaining": invoice["amount_remaining"] - amount,
    }
    account.update(invoice, after, "invoice.updated")
    return after


def close(account: Account, invoice: Document, status: str, at: int) -> Document:
    """Make an invoice `void` or `uncollectible`."""
    moment = {"void": "voided_at", "uncollectible": "marked_uncollectible_at"}[status]
    after = invoice | {
        "auto_advance": False,
        "next_payment_attempt": None,
        "status": status,
        "status_transitions": invoice["status_transitions"] | {moment: at},
    }
    account.save(after)
    if status == "void":
        _return_balance(account, after)
    account.emit("invoice.voided" if status == "void" else "invoice.marked_uncollectible", after)
    return after


def _return_balance(account: Account, invoice: Document) -> None:
    """Reverse a voided invoice's effect on the customer's balance."""
    taken = invoice["starting_balance"] - (invoice["ending_balance"] or 0)
    customer = account.peek("customer", invoice["customer"])
    account.update(customer, customer | {"balance": customer["balance"] + taken}, "customer.updated")


def stop_collecting(account: Account, subscription: Document) -> None:
    """Stop payment attempts for a subscription that has ended; its invoices stay open."""
    for invoice in list(account.store.scan("invoice", subscription=subscription["id"])):
        if invoice["status"] == "open" and (invoice["next_payment_attempt"] or invoice["due_date"]):
            account.update(invoice, invoice | {"auto_advance": False, "next_payment_attempt": None}, "invoice.updated")


def pay(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/invoices/{invoice}/pay; `lifecycle` then updates the subscription's status."""
    invoice = account.find("invoice", identifier)
    if invoice["status"] == "paid":
        raise ApiError("Invoice is already paid")
    if invoice["status"] not in ("open", "uncollectible"):
        raise ApiError(f"This invoice is {invoice['status']} and can no longer be paid.")
    at = account.now(invoice["test_clock"])
    if params.get("paid_out_of_band"):
        return _paid(account, invoice, at, attempts=invoice["attempt_count"], out_of_band=True)
    subscription = account.peek("subscription", invoice["parent"]["subscription_details"]["subscription"])
    method = method_of(account, subscription)
    if "payment_method" in params:
        customer = account.peek("customer", invoice["customer"])
        method = usable(account, customer, params["payment_method"], "payment_method")
    after = collect(account, invoice, method, at)
    if after["status"] != "paid":
        raise declined(keep_changes=True)
    return after


def void(account: Account, _params: Document, identifier: str) -> Document:
    """POST /v1/invoices/{invoice}/void."""
    invoice = account.find("invoice", identifier)
    if invoice["status"] not in ("open", "uncollectible"):
        raise ApiError("You can only pass in open invoices. This invoice isn't open.")
    return close(account, invoice, "void", account.now(invoice["test_clock"]))


def spend_once(account: Account, subscription: Document, invoice: Document) -> None:
    """Remove discounts with duration `once`, even the customer's own, after the invoice to which they applied."""
    spent = [one for one in invoice["discounts"] if account.peek("discount", one)["_terms"]["duration"] == "once"]
    if not spent:
        return
    coupons.drop(account, subscription, spent)
    customer = account.peek("customer", subscription["customer"])
    if customer["discount"] and customer["discount"]["id"] in spent:
        customer_discounts.end(account, customer)
