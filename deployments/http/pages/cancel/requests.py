"""The requests that a press on the cancel page starts, and the page that follows."""

from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from deployments.http.backlog import Backlog
from deployments.http.in_session import InSession
from deployments.http.pages.cancel.screens import screen
from deployments.http.runner import Runner
from email_templates.translations import Language
from nodes.cancellation.intake import Asked as AskedToCancel
from nodes.changes.intake import Asked
from nodes.messages.customer_locale import CustomerLocale
from nodes.messages.refusals import refusal_text
from nodes.problems import slug_of
from nodes.refusals.changes import DurationNotOffered, OfferNotAvailable, OfferNotFound, PriceNotOffered
from nodes.refusals.requests import KeyUnderWay
from nodes.sessions.passing import refused_change
from nodes.sessions.records import Session
from nodes.sessions.screens import screen_of
from nodes.sessions.store import key_prefix

Form = dict[str, str]

_OF_AN_OFFER = {slug_of(each()) for each in (OfferNotFound, OfferNotAvailable, PriceNotOffered, DurationNotOffered)}


@dataclass(frozen=True)
class Page:
    """The page on which something was pressed."""

    request: Request
    session: Session
    runner: Runner
    backlog: Backlog
    reads: CustomerLocale
    done: int = 0  # how many of the session's requests were over before it was pressed

    @property
    def language(self) -> Language:
        """The page's language."""
        return self.reads.language

    @property
    def in_session(self) -> InSession:
        """The press as a call in the session."""
        return InSession(self.session, self.runner, self.backlog, self.request.state.arrived)

    def key(self, fingerprint: bytes) -> str:
        """Return the idempotency key: the same action is one request, however often it is pressed, until it is over."""
        return f"{key_prefix(self.session)}{self.done}:{fingerprint.hex()[:32]}"


async def cancel(page: Page, asked: AskedToCancel) -> Response | None:
    """Request a cancellation, and wait for it. Returns a page to show, or None for the session's next screen."""
    session = page.session
    try:
        response = (await page.in_session.cancel(asked, page.key(asked.fingerprint()))).response
    except KeyUnderWay:
        return None  # the first press continues
    if response and response.outcome == "refused":  # as by another request that is under way, or a fixed term
        wrong = refusal_text(response.body, page.language)
        return await screen(session, await screen_of(session, page.reads), page.reads, wrong=wrong)
    return None


async def change(page: Page, asked: Asked) -> Response | None:
    """Request a change, and wait for it; otherwise as `cancel`."""
    session = page.session
    try:
        decided = await page.in_session.change(asked, page.key(asked.fingerprint()))
    except KeyUnderWay:
        return None
    response = decided.response
    if response and response.outcome == "refused":
        await refused_change(session, decided.request_id, asked.offer_id)
        of_the_offer = asked.offer_id and str(response.body.get("type")).rpartition(":")[2] in _OF_AN_OFFER
        wrong = gone(page.language) if of_the_offer else refusal_text(response.body, page.language)
        return await screen(session, await screen_of(session, page.reads), page.reads, wrong=wrong)
    return None


def gone(language: Language) -> str:
    """Return the text about an offer that can't be accepted any more."""
    return language.gettext("That offer isn't available any more. Nothing was changed.")
