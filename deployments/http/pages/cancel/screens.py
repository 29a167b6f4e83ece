"""The screens of a session before its outcome: choices, notices and the blueprint's steps."""

from typing import Any

from fastapi.responses import HTMLResponse

from deployments.http.pages.cancel.options import value_of
from deployments.http.pages.cancel.step_texts import consequences, description, title
from deployments.http.pages.cancel.unusable import nothing_to_cancel
from deployments.http.pages.embed.arguments import arguments_of
from deployments.http.pages.page import page
from email_templates.dates import long_date
from nodes.messages.customer_locale import CustomerLocale
from nodes.rules.carriers import handler_of
from nodes.rules.texts import text_in
from nodes.services import services
from nodes.sessions.passing import Filled, step_shown
from nodes.sessions.records import Session
from nodes.sessions.screens import Shown
from nodes.subscriptions.records import ActiveSubscription


async def screen(
    session: Session, shown: Shown, reads: CustomerLocale, *, filled: Filled | None = None, wrong: str | None = None
) -> HTMLResponse:
    """Return a screen, and record that it was shown. `filled`: what the customer wrote, of which `wrong` says what."""
    if shown.state == "gone" or (shown.subscription is None and shown.state != "choose"):
        return nothing_to_cancel(reads.language)
    await step_shown(session, shown)
    match shown.state:
        case "choose":
            return _choose(shown, reads)
        case "pending":
            return pending(shown, reads)
        case "paused" | "discounted":
            return _in_effect(shown, reads, wrong)
    return await _step(shown, reads, filled or Filled(), wrong)


def pending(shown: Shown, reads: CustomerLocale) -> HTMLResponse:
    """Return the page for a subscription that is cancelled already, wherever that was done."""
    _ = reads.language.gettext
    date = long_date(shown.until, reads.locale, reads.time_zone) if shown.until else ""
    return page(
        reads.language,
        _("Your subscription is cancelled"),
        _("It ends on %(date)s. There's nothing else you need to do.", date=date),
        screen="pending",
    )


def _choose(shown: Shown, reads: CustomerLocale) -> HTMLResponse:
    _ = reads.language.gettext
    named = [
        {"id": each["subscription_id"], "name": services().catalog.plan(each["plan"]).name(reads.locale)}
        for each in shown.choices
    ]
    return page(
        reads.language,
        _("Which subscription do you want to cancel?"),
        name="cancel_choose.html",
        screen="choose",
        choices=named,
    )


def _in_effect(shown: Shown, reads: CustomerLocale, wrong: str | None) -> HTMLResponse:
    """Tell of a running pause or discount before anything else (FEATURES C07, C08)."""
    _, until = reads.language.gettext, shown.until
    date = long_date(until, reads.locale, reads.time_zone) if until else None
    if shown.state == "paused":
        heading = _("Your billing is paused")
        text = _("It's paused until %(date)s.", date=date) if date else _("It's paused until you resume it.")
    else:
        heading = _("You already have a discount")
        text = _("It applies until %(date)s.", date=date) if date else _("It applies to your next invoices.")
    status = 400 if wrong else 200
    return page(
        reads.language,
        heading,
        text,
        status=status,
        name="cancel_in_effect.html",
        screen=shown.state,
        state=shown.state,
        wrong=wrong,
    )


async def _step(shown: Shown, reads: CustomerLocale, filled: Filled, wrong: str | None) -> HTMLResponse:
    step, subscription = shown.step, shown.subscription
    if subscription is None or shown.chosen is None:
        raise LookupError("a step is about a subscription")
    return page(
        reads.language,
        title(step, subscription.plan, reads),
        name="cancel_step.html",
        status=400 if wrong else 200,
        screen=step.kind,
        step=step,
        place=shown.place,
        as_of=shown.as_of or "",
        offers=[_offer(each, subscription) for each in shown.offers],
        reasons=[_reason(each, reads) for each in step.reasons],
        description=description(step, shown.chosen, reads),
        placeholder=text_in(step.placeholder, reads.locale) if step.placeholder else None,
        filled=filled,
        wrong=wrong,
        consequences=await consequences(subscription, reads) if step.kind == "confirm" else [],
    )


def _reason(reason: Any, reads: CustomerLocale) -> dict[str, Any]:
    follow_up = text_in(reason.follow_up, reads.locale) if reason.follow_up else None
    return {"code": reason.code, "label": text_in(reason.label, reads.locale), "follow_up": follow_up}


def _offer(offer: dict[str, Any], subscription: ActiveSubscription) -> dict[str, Any]:
    """Return an offer for the template: options with their buttons, and what the embed's callbacks get."""
    found = services().catalog.plan(subscription.plan).all_offers
    terms = next((each for each in found if each.id == offer["id"]), None)
    action = handler_of(offer["kind"])
    options = [
        each | {"value": value_of(offer["id"], each), "action": action, "arguments": arguments_of(offer, each, terms)}
        for each in offer["options"]
    ]
    return offer | {"options": options}
