"""The cancel page where there is no session to show: no link, an expired one, or nothing to cancel."""

from urllib.parse import urlencode

from fastapi.responses import HTMLResponse

from deployments.http.pages.page import page, way_to_subscribe
from email_templates.translations import Language
from nodes.refusals.sessions import SessionTokenInvalid, SessionTokenUsed
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
        screen="nothing",
    )


def kept(language: Language) -> HTMLResponse:
    """Return the page for a customer who keeps the subscription as it is."""
    _ = language.gettext
    text = _("Your subscription continues as before. You can close this page.")
    return page(language, _("Nothing was changed"), text, screen="kept")


def one_moment(language: Language, address: str) -> HTMLResponse:
    """Return the page that goes on to an address, if a browser shows it: not in a frame on another site."""
    shown = page(language, language.gettext("One moment…"), screen="loading")
    shown.headers["Refresh"] = f"0; url={address}"
    return shown


def new_tab(language: Language, token: str) -> HTMLResponse:
    """Return the page for a frame in which the browser keeps no cookie: the token opens the page in a new tab."""
    _ = language.gettext
    return page(
        language,
        _("Continue in a new tab"),
        _("Your browser doesn't let you cancel inside of this page. Nothing was changed."),
        link={"url": f"cancel?{urlencode({'token': token})}", "words": _("Open in a new tab")},
        screen="new_tab",
    )


def _again(language: Language) -> dict[str, str] | None:
    url = services().settings.session_refresh_url
    return {"url": url, "words": language.gettext("Continue")} if url else None
