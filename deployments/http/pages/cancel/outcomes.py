"""A screen for every outcome: saved, scheduled, ended, received for a person, in progress, failed (FEATURES U17)."""

from datetime import datetime
from typing import Any

from fastapi.responses import HTMLResponse

from deployments.http.pages.page import page, way_to_subscribe
from email_templates.dates import long_date, long_date_and_time
from nodes.messages.customer_locale import CustomerLocale
from nodes.messages.refusals import refusal_text
from nodes.offers.agreed import Agreed
from nodes.offers.wording import charges_text
from nodes.requests.kind import CANCELLATION, CHANGE
from nodes.requests.status import RequestStatus, read_status
from nodes.rules.carriers import handler_of
from nodes.sessions.passing import clear_texts
from nodes.sessions.records import Session
from nodes.sessions.store import agreed_change, taken_back


async def outcome_of(session: Session, reads: CustomerLocale) -> HTMLResponse | None:
    """Return the screen of the session's last request; None if there is none, or if it was refused."""
    if session.cancellation_id:
        status = await read_status(CANCELLATION, session.cancellation_id, session.user_id)
        return await _cancellation(session, status, reads)
    if session.change_id:
        status = await read_status(CHANGE, session.change_id, session.user_id)
        return _change(status, await agreed_change(session), reads)
    return None


async def _cancellation(session: Session, status: RequestStatus, reads: CustomerLocale) -> HTMLResponse | None:
    _, response, reference = reads.language.gettext, status.response or {}, str(status.id)
    if session.outcome == "manual":
        return _received(reads, reference)
    if status.response is None:
        return _in_progress(_("We're cancelling your subscription"), reads, reference)
    if status.outcome == "refused" or await taken_back(session):
        return None  # the next screen says how the subscription is now
    if status.outcome == "failed":
        return _failed(status, reads, action="cancel", button=_("Cancel my subscription"))
    await clear_texts(session)
    texts = [_("We've sent you an email with the details.")]
    done: dict[str, Any] = {"screen": "cancelled", "outcome": {"action": "cancel", "reference": reference}}
    if response.get("refund"):
        texts.insert(0, _("We refund %(amount)s.", amount=response["refund"]["formatted"]))
    texts = _said(response) + texts
    date = _date(response["cancel_at"], reads)
    if status.outcome == "canceled":
        title, first = _("Your subscription has ended"), _("Your plan ended on %(date)s.", date=date)
        link = way_to_subscribe(reads.language)
        return page(reads.language, title, first, *texts, reference=reference, link=link, **done)
    title = _("Your subscription is cancelled")
    first = _("You can use your plan until %(date)s. You won't be charged again.", date=date)
    return page(reads.language, title, first, *texts, reference=reference, **done)


def _change(status: RequestStatus, agreed: Agreed | None, reads: CustomerLocale) -> HTMLResponse | None:
    _, response, reference = reads.language.gettext, status.response or {}, str(status.id)
    if status.response is None:
        return _in_progress(_("We're making your change"), reads, reference)
    if status.outcome == "refused":
        return None
    if status.outcome == "failed":
        return _failed(status, reads, action="back", button=_("Back"))
    charge = charges_text(agreed.preview, reads) if agreed and agreed.preview else None
    done: dict[str, Any] = {"screen": "saved", "outcome": _told(response, reference)}
    title = _("Done: your subscription was changed")
    texts = [each for each in (charge, _("We've sent you an email with the details.")) if each]
    if response["change"] in ("contact", "redirect"):
        title = _("Thank you for giving us a chance to help")
        texts = [_("Nothing was changed. You can come back to cancel at any time.")]
    return page(
        reads.language,
        title,
        *_said(response),
        *texts,
        reference=reference,
        name="cancel_again.html",
        onward=response.get("url"),
        action="cancel",
        button=_("Cancel my subscription"),
        **done,
    )


def _said(response: dict[str, Any]) -> list[str]:
    """Return the message of the company's hook or page, if there is one."""
    return [response["message"]] if response.get("message") else []


def _told(response: dict[str, Any], reference: str) -> dict[str, Any]:
    """Return what the embed tells the site around it about a change that was read back."""
    named = {"offerId": "offer_id", "planId": "price", "resumesAt": "resumes_at", "trialEndsAt": "trial_ends_at"}
    found = {name: response[of] for name, of in named.items() if response.get(of)}
    return {"action": handler_of(response["change"]), "reference": reference, "arguments": found}


def _received(reads: CustomerLocale, reference: str) -> HTMLResponse:
    """Say that a person carries it out, and never that it is cancelled (FEATURES U10)."""
    _ = reads.language.gettext
    return page(
        reads.language,
        _("We've received your cancellation"),
        _("Someone on our team will complete it and email you. The date of your request counts."),
        status=202,
        reference=reference,
        screen="manual",
        outcome={"action": "request", "reference": reference},
    )


def _in_progress(title: str, reads: CustomerLocale, reference: str) -> HTMLResponse:
    """Say that it continues, and look again every few seconds, without JavaScript."""
    _ = reads.language.gettext
    shown = page(
        reads.language,
        title,
        _("This is taking a little longer than usual. This page updates by itself."),
        _("You don't need to press the button again: we'll email you when it's done."),
        status=202,
        reference=reference,
        screen="in_progress",
    )
    shown.headers["Refresh"] = "3"
    return shown


def _failed(status: RequestStatus, reads: CustomerLocale, *, action: str, button: str) -> HTMLResponse:
    """Say what happened and what to do. The request is recorded, with its time."""
    _ = reads.language.gettext
    decided = status.http_status != 500  # by the company's hook, or by what Stripe shows
    text = refusal_text(status.response, reads.language) if decided else _("Nothing was changed. Try again.")
    return page(
        reads.language,
        _("That did not work"),
        text,
        _("We recorded your request on %(time)s.", time=_at(status.received_at, reads)),
        status=status.http_status or 500,
        reference=str(status.id),
        name="cancel_again.html",
        screen="error",
        action=action,
        button=button,
    )


def _date(text: Any, reads: CustomerLocale) -> str:
    return long_date(datetime.fromisoformat(str(text)), reads.locale, reads.time_zone)


def _at(time: datetime, reads: CustomerLocale) -> str:
    return long_date_and_time(time, reads.locale, reads.time_zone)
