"""The screens before the cancel page: the email address, the code, and which subscription."""

from math import ceil
from uuid import UUID

from fastapi.responses import HTMLResponse

from deployments.http.pages.page import page
from email_templates.dates import long_date
from email_templates.translations import Language
from nodes.cancel_codes.choices import Choice
from nodes.services import services

ADDRESS = "cancel-without-login"


def enter_address(language: Language, *, wrong: bool = False, written: str = "") -> HTMLResponse:
    """Return the page that asks for the email address. `written`: what is no address."""
    _ = language.gettext
    return page(
        language,
        _("Cancel your subscription"),
        _("Enter the email address of your subscription. We'll send you a code, so you don't need to sign in."),
        status=400 if wrong else 200,
        name="without_login_address.html",
        wrong=_("Enter an email address such as name@example.com.") if wrong else None,
        written=written,
        here=ADDRESS,
    )


def enter_code(language: Language, code_id: UUID, *, wrong: bool = False) -> HTMLResponse:
    """Return the page that asks for the code, the same for every address and for every reason why one is wrong."""
    _ = language.gettext
    return page(
        language,
        _("Enter the code from our email"),
        _("If we have a subscription with this email address, we've sent a code to it. The code works for 15 minutes."),
        status=400 if wrong else 200,
        name="without_login_code.html",
        wrong=_("This code isn't right, or it no longer works. Check it, or get a new code.") if wrong else None,
        code_id=code_id,
        here=ADDRESS,
    )


def too_often(language: Language, seconds: int) -> HTMLResponse:
    """Return the page for an address or a client that has asked for too many codes."""
    _, minutes = language.gettext, ceil(seconds / 60)
    again = language.ngettext(
        "You can get a new code in %(minutes)s minute.",
        "You can get a new code in %(minutes)s minutes.",
        minutes,
        minutes=language.number(minutes),
    )
    return page(
        language,
        _("Too many codes in a short time"),
        _("To protect the mailbox, we only send a few codes an hour. The newest code still works for its 15 minutes."),
        again,
        status=429,
        retry_after=seconds,
    )


def choose(language: Language, code_id: UUID, code: str, choices: list[Choice]) -> HTMLResponse:
    """Return the page that asks which of several subscriptions is meant."""
    _ = language.gettext
    return page(
        language,
        _("Which subscription do you want to cancel?"),
        name="without_login_choose.html",
        code_id=code_id,
        code=code,
        choices=[_shown(language, each) for each in choices],
        here=ADDRESS,
    )


def _shown(language: Language, choice: Choice) -> dict[str, str]:
    locale = str(language.locale)
    return {
        "id": choice.subscription_id,
        "plan": services().catalog.plan(choice.plan).name(locale),
        "date": long_date(choice.period_end, locale, choice.reads.time_zone),
    }
