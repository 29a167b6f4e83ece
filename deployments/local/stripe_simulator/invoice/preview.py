"""Previews of invoices: the change and the passing of time are carried out, read, and undone."""

from ..account import Account
from ..customer import coupons
from ..expansion import expand
from ..parameters import EXPAND, Shape, choice, text, unsupported
from ..subscription import lifecycle, pausing, subscription_parameters, subscriptions
from ..subscription.due import ENDED
from ..wire import ApiError, Document

CREATE = Shape(
    EXPAND
    | {
        "customer": text(),
        "discounts": coupons.DISCOUNTS,
        "preview_mode": choice("next", "recurring"),
        "subscription": text(),
        "subscription_details": subscription_parameters.PREVIEW,
    },
    required=("subscription",),
    lacking="""automatic_tax currency customer_account customer_details invoice_items issuer on_behalf_of schedule
    schedule_details""",
)


def create(account: Account, params: Document) -> Document:
    """POST /v1/invoices/create_preview: the invoice that the same update makes now or, if it makes none, the next one.

    The errors are those of the update. `discounts` replace those of the subscription.
    """
    if params.get("preview_mode") == "recurring":
        unsupported(None, "preview_mode=recurring")
    before = account.find("subscription", params["subscription"], "subscription")
    if before["status"] in (*ENDED, "incomplete"):
        raise _none(before)
    with account.store.rehearsal():
        _carry_out(account, before, params)
        lifecycle.run_to_next_invoice(account, before)
        after = account.peek("subscription", before["id"])
        if after["latest_invoice"] == before["latest_invoice"]:
            raise _none(before)
        # Now, because discounts that the preview has created are about to disappear.
        return expand(account, _as_draft(account, after["latest_invoice"]), params.get("expand", []))


def _carry_out(account: Account, before: Document, params: Document) -> None:
    details = params.get("subscription_details", {})
    update = {name: value for name, value in details.items() if name not in ("cancel_now", "pause", "resume_at")}
    if "discounts" in params:
        update["discounts"] = params["discounts"]
    subscriptions.update(account, update, before["id"])
    if details.get("pause"):
        pausing.pause(account, details["pause"], before["id"])
    if "resume_at" in details:
        pausing.resume(account, {}, before["id"])
    if details.get("cancel_now"):
        prorate = details.get("proration_behavior") != "none"
        date = {"proration_date": details["proration_date"]} if "proration_date" in details else {}
        subscriptions.cancel(account, {"invoice_now": True, "prorate": prorate, **date}, before["id"])


def _as_draft(account: Account, identifier: str) -> Document:
    """Return an invoice as it was before it was finalized, under an id of its own."""
    events = account.store.scan("event", lookup="invoice.created")
    draft: Document = next(one["data"]["object"] for one in events if one["data"]["object"]["id"] == identifier)
    lines = [line | {"invoice": f"upcoming_{identifier}"} for line in draft["lines"]["data"]]
    return draft | {
        "id": f"upcoming_{identifier}",
        "billing_reason": "upcoming",
        "lines": draft["lines"] | {"data": lines, "url": f"/v1/invoices/upcoming_{identifier}/lines"},
        "next_payment_attempt": None if draft["due_date"] else draft["created"],
    }


def _none(subscription: Document) -> ApiError:
    return ApiError(
        f"No upcoming invoices for customer: {subscription['customer']}",
        status=404,
        code="invoice_upcoming_none",
    )
