"""Changes caused by time: trials end, periods renew, discounts run out, schedules advance, cancellations apply."""

from operator import itemgetter

from ..account import Account, Origin
from ..customer import coupons, customer_discounts
from ..invoice import invoices, sent_invoices
from ..wire import Document, copy_of
from . import billing, cancellation, pausing, schedules
from .due import INCOMPLETE_SECONDS, TRIAL_NOTICE_SECONDS, due_at

# The settings for a subscription whose last payment retry has failed.
AFTER_LAST_RETRY = ("cancel", "unpaid", "past_due", "pause")


def settle(account: Account, clock: str = "", until: int | None = None) -> bool:
    """Apply everything due on a clock, in order, each change at its own time, and return whether there was any."""
    limit = account.now(clock) if until is None else until
    origin, account.origin = account.origin, Origin()
    busy = False
    try:
        while (found := account.store.next_due(clock, limit)) is not None:
            account.moment, document = found
            _STEPS[document["object"]](account, document, account.moment)
            busy = True
    finally:
        account.moment, account.origin = None, origin
    return busy


def run_to_next_invoice(account: Account, before: Document) -> None:
    """Apply what is due for one subscription, without waiting, until it has another invoice or nothing is due."""
    try:
        while (live := account.peek("subscription", before["id"]))["latest_invoice"] == before["latest_invoice"]:
            schedule = account.store.get("subscription_schedule", live["schedule"] or "")
            # In the order of `Store.next_due`. Payment retries are left out, as Stripe's previews leave them out.
            involved = [one for one in (schedule, live, account.peek("customer", live["customer"])) if one]
            due = [(when, one) for one in involved if (when := due_at(one)) is not None]
            if not due:
                break
            account.moment, document = min(due, key=itemgetter(0))
            _STEPS[document["object"]](account, document, account.moment)
    finally:
        account.moment = None


def _live_subscription(account: Account, before: Document, at: int) -> None:
    after = copy_of(before)
    if before["status"] == "incomplete":
        _expire(account, after, at)
        return
    _end_discounts(account, after, at)
    resumes = (after["pause_collection"] or {}).get("resumes_at")
    if resumes is not None and resumes <= at:
        after["pause_collection"] = None
    ends = after["cancel_at"] is not None and after["cancel_at"] <= at and after["status"] != "paused"
    if ends:
        account.update(before, after, "customer.subscription.updated")
        cancellation.end(account, after, at=at)
    elif after["status"] == "trialing":
        _live_trial(account, before, after, at)
    else:
        if after["status"] != "paused" and min(_period_ends(after)) <= at:
            billing.renew(account, after, at)
        account.update(before, after, "customer.subscription.updated")


def _period_ends(subscription: Document) -> list[int]:
    return [item["current_period_end"] for item in subscription["items"]["data"]]


def _expire(account: Account, subscription: Document, at: int) -> None:
    before = dict(subscription)
    if at < subscription["created"] + INCOMPLETE_SECONDS:
        return
    invoices.close(account, account.peek("invoice", subscription["latest_invoice"]), "void", at)
    after = subscription | {"status": "incomplete_expired", "ended_at": at}
    account.update(before, after, "customer.subscription.updated")


def _end_discounts(account: Account, subscription: Document, at: int) -> None:
    over = [one for one, end in subscription["_discount_ends"].items() if end <= at]
    if over:
        coupons.drop(account, subscription, over)


def _live_trial(account: Account, before: Document, after: Document, at: int) -> None:
    if after["trial_end"] > at:
        if after["trial_end"] - TRIAL_NOTICE_SECONDS <= at and not after["_trial_notice"]:
            after["_trial_notice"] = True
            account.emit("customer.subscription.trial_will_end", after)
        account.update(before, after, "customer.subscription.updated")
    elif billing.missing_method_behavior(account, after) == "cancel":
        cancellation.end(account, after, at=at)
    else:
        billing.end_trial(account, after, at)
        pausing.update(account, before, after)


def _live_invoice(account: Account, invoice: Document, at: int) -> None:
    if sent_invoices.is_sent(invoice):
        sent_invoices.become_overdue(account, invoice)
    else:
        _retry_invoice(account, invoice, at)


def _retry_invoice(account: Account, invoice: Document, at: int) -> None:
    before = account.peek("subscription", invoice["parent"]["subscription_details"]["subscription"])
    after = invoices.collect(account, invoice, invoices.method_of(account, before), at)
    if after["status"] == "paid":
        recover(account, after)
    elif after["next_payment_attempt"] is None:
        _give_up(account, before, at)


def _give_up(account: Account, before: Document, at: int) -> None:
    """Apply the account's setting after the last payment retry has failed."""
    chosen = account.after_last_retry()
    if chosen == "unpaid":
        account.update(before, before | {"status": "unpaid"}, "customer.subscription.updated")
    elif chosen == "pause" and before["billing_mode"]["type"] == "flexible":
        after = copy_of(before)
        billing.enter_pause(after, "final_payment_failure", at)
        pausing.update(account, before, after)
    elif chosen != "past_due":
        # Stripe also cancels a subscription that should be paused but cannot be.
        cancellation.end(account, before, at=at, reason="payment_failed")


def recover(account: Account, invoice: Document) -> None:
    """Set a subscription to `active` if its latest invoice, drafts aside, has now been paid."""
    before = account.peek("subscription", invoice["parent"]["subscription_details"]["subscription"])
    if before["status"] not in ("incomplete", "past_due", "unpaid"):
        return
    sent = (one for one in account.store.scan("invoice", subscription=before["id"]) if one["status"] != "draft")
    if next(sent)["id"] == invoice["id"]:
        account.update(before, before | {"status": "active"}, "customer.subscription.updated")


def pay_invoice(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/invoices/{invoice}/pay, and its effect on the subscription."""
    paid = invoices.pay(account, params, identifier)
    recover(account, paid)
    return paid


def void_invoice(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/invoices/{invoice}/void: a subscription whose first invoice is voided expires; any other gets the status
    that its latest remaining invoice gives it (https://docs.stripe.com/billing/subscriptions/overview).
    """
    voided = invoices.void(account, params, identifier)
    before = account.peek("subscription", voided["parent"]["subscription_details"]["subscription"])
    if before["status"] == "incomplete":
        after = before | {"status": "incomplete_expired", "ended_at": account.now(before["test_clock"])}
        account.update(before, after, "customer.subscription.updated")
    elif before["status"] in ("past_due", "unpaid") and _latest_is_settled(account, before):
        account.update(before, before | {"status": "active"}, "customer.subscription.updated")
    return voided


def _latest_is_settled(account: Account, subscription: Document) -> bool:
    left = (one for one in account.store.scan("invoice", subscription=subscription["id"]))
    latest = next((one for one in left if one["status"] not in ("draft", "void")), None)
    return latest is None or latest["status"] in ("paid", "uncollectible")


_STEPS = {
    "subscription": _live_subscription,
    "subscription_schedule": schedules.next_phase,
    "invoice": _live_invoice,
    "customer": customer_discounts.run_out,
}
