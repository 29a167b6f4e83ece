"""`preview: true` in the token: the calls to Stripe that a press would make, and nothing else (FEATURES C05)."""

from typing import Any

from fastapi.responses import HTMLResponse

from deployments.http.pages.page import page
from email_templates.translations import Language
from nodes.cancellation.preview import cancellation_preview
from nodes.subscriptions.records import ActiveSubscription


async def calls_to_cancel(subscription: ActiveSubscription) -> list[str]:
    """Return the calls that cancelling would make. Raises as a cancellation does."""
    found = await cancellation_preview(subscription)
    address = f"/v1/subscriptions/{subscription.id}"
    calls = [f"DELETE {address}"] if found["ends_now"] else [f"POST {address} cancel_at_period_end=true"]
    if found["refund"]:
        calls.append(f"POST /v1/credit_notes refund_amount={found['refund']['amount']}")
    return calls


def calls_to_accept(
    subscription_id: str, offer: dict[str, Any], option: dict[str, Any], as_of: str | None
) -> list[str]:
    """Return the calls that accepting an offer's option, read `as_of`, would make."""
    address = f"/v1/subscriptions/{subscription_id}"
    match offer["kind"]:
        case "discount":
            return [f"POST {address} discounts[][coupon]=…"]
        case "pause":
            return [f"POST {address} pause_collection[resumes_at]={option['resumes_at']}"]
        case "plan_change" if option["starts_at"] != as_of:
            return [f"POST /v1/subscription_schedules … price={option['price']}"]
        case "plan_change":
            return [f"POST {address} items[0][price]={option['price']}"]
        case "trial_extension":
            return [f"POST {address} trial_end={option['trial_ends_at']}"]
    return []


def preview_page(language: Language, calls: list[str]) -> HTMLResponse:
    """Return the page that lists the calls."""
    _ = language.gettext
    return page(
        language,
        _("Preview: nothing was changed"),
        _("These calls would be made:"),
        name="cancel_preview.html",
        screen="preview",
        calls=calls,
    )
