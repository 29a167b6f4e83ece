"""The page on which customers see and change how they may be contacted. A GET changes nothing."""

from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from deployments.http.dependencies import TheServices
from deployments.http.pages.opened import page_of_link
from deployments.http.pages.page import page, read_form
from email_templates.dates import long_date
from nodes.consents.ledger import revoke
from nodes.consents.preferences import ON_THE_PAGE, Choice, choices, choose
from nodes.messages.customer_locale import CustomerLocale
from nodes.refusals.links import LinkExpired, LinkInvalid, PreferencesLinkExpired
from nodes.rules.consents import CHANNELS
from nodes.rules.texts import translatable
from nodes.services import services

router = APIRouter(tags=["pages"], include_in_schema=False)

NAMES = {
    "phone": translatable("Phone calls"),
    "sms": translatable("Text messages"),
    "email_marketing": translatable("News and offers by email"),
}
# What a mail provider sends when the customer presses its own button to unsubscribe (RFC 8058, 3.2).
ONE_CLICK = ("List-Unsubscribe", "One-Click")


class _Customer(NamedTuple):
    user_id: str
    reads: CustomerLocale


@router.get("/preferences/{token}")
async def preferences_in_path(token: str) -> RedirectResponse:
    """Redirect from the emails' link, which has no question mark. Relative, because `PUBLIC_URL` may have a path."""
    address = f"../preferences?{urlencode({'token': token})}"
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


@router.get("/preferences")
@page_of_link
async def preferences(request: Request, available: TheServices, token: str = "") -> HTMLResponse:
    """Show the customer's choices."""
    return await _shown(await _customer(request, token), token)


@router.post("/preferences")
@page_of_link
async def press_preferences(request: Request, available: TheServices, token: str = "") -> HTMLResponse:
    """Save the customer's choices, or revoke them all. With the token in the URL, unsubscribe (RFC 8058)."""
    form = await read_form(request)
    token = form.get("token", token)
    customer = await _customer(request, token)
    _ = customer.reads.language.gettext
    if ONE_CLICK in form.items():
        await revoke(customer.user_id, ["email_marketing"], "form", {"unsubscribe": "one-click"})
        return page(customer.reads.language, _("You're unsubscribed"), _("We won't send you news and offers by email."))
    if form.get("action") == "stop":
        await revoke(customer.user_id, CHANNELS, "form", ON_THE_PAGE)
    elif not await choose(customer.user_id, form, _number(form.get("seen", ""))):
        changed = _("Your choices were changed in the meantime. Check them and save again.")
        return await _shown(customer, token, wrong=changed)
    return await _shown(customer, token, saved=_("Your choices are saved."))


async def _customer(request: Request, token: str) -> _Customer:
    """Return the customer of a link. From now on the page is in their language.

    Raises `LinkInvalid` and `PreferencesLinkExpired`.
    """
    try:
        user_id = services().links.user_of(token)
    except LinkExpired:
        raise PreferencesLinkExpired from None
    async with services().database.as_user(user_id) as transaction:
        reads = await transaction.one("customer_locale", CustomerLocale, user_id=user_id)
    if reads is None:  # the customer's data was deleted
        raise PreferencesLinkExpired
    request.state.language = reads.language
    return _Customer(user_id, reads)


async def _shown(
    customer: _Customer, token: str, *, saved: str | None = None, wrong: str | None = None
) -> HTMLResponse:
    found, language = await choices(customer.user_id, customer.reads.locale), customer.reads.language
    if not found.channels:
        raise LinkInvalid
    _ = language.gettext
    return page(
        language,
        _("How may we contact you?"),
        _("Tick what you agree to. You can change your mind at any time."),
        status=409 if wrong else 200,
        name="preferences.html",
        token=token,
        seen=found.seen,
        saved=saved,
        wrong=wrong,
        channels=[
            (each, language.translated(NAMES[each.channel]), _state(each, customer.reads)) for each in found.channels
        ],
    )


def _state(choice: Choice, reads: CustomerLocale) -> str | None:
    """Return what the customer decided last, if anything."""
    _, consent = reads.language.gettext, choice.consent
    if consent is None:
        return None
    date = long_date(consent.recorded_at, reads.locale, reads.time_zone)
    if choice.counts:
        return _("You agreed to this on %(date)s.", date=date)
    if consent.accepted:
        return _("You agreed on %(date)s, but we've changed the text since, so we're asking you again.", date=date)
    return _("You turned this off on %(date)s.", date=date)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1
