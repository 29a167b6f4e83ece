"""The cancel page where there is no session to show: no link, an expired one, or nothing to cancel."""

from fastapi.responses import HTMLResponse

from deployments.http.pages.page import page, way_to_subscribe
from email_templates.translations import Language
from nodes.refusals import SessionTokenInvalid, SessionTokenUsed
from nodes.services import services


def no_session(language: Language) -> HTMLResponse:
    """Return the page for a browser without a session."""
    _ = language.gettext
    return page(
        language,
        _("Open this page from your account"),
        _("To cancel your subscription, open the cancel link in your account again. Nothing was changed."),
        status=401,
        link=_again(language),
    )


def not_usable(refusal: SessionTokenInvalid | SessionTokenUsed, language: Language) -> HTMLResponse:
    """Return the page for a token that opens no session here, without saying what is wrong with it (FEATURES U22)."""
    _ = language.gettext
    text = _("To cancel your subscription, open the cancel link in your account again. Nothing was changed.")
    title = language.translated(refusal.text)
    return page(language, title, text, status=refusal.status, link=_again(language))


def expired(language: Language) -> HTMLResponse:
    """Return the page for a token after its expiry (FEATURES U02, U21)."""
    _ = language.gettext
    return page(
        language,
        _("This link has expired"),
        _("It only works for a few minutes. Open the cancel link in your account again. Nothing was changed."),
        status=401,
        link=_again(language),
    )


def nothing_to_cancel(language: Language) -> HTMLResponse:
    """Return the page for a customer without a live subscription."""
    _ = language.gettext
    return page(
        language,
        _("You have no active subscription"),
        _("There's nothing to cancel."),
        link=way_to_subscribe(language),
    )


def kept(language: Language) -> HTMLResponse:
    """Return the page for a customer who keeps the subscription as it is."""
    _ = language.gettext
    return page(
        language, _("Nothing was changed"), _("Your subscription continues as before. You can close this page.")
    )


def _again(language: Language) -> dict[str, str] | None:
    url = services().settings.session_refresh_url
    return {"url": url, "words": language.gettext("Continue")} if url else None
