"""The session of the open-source React component, known by its token, and the options that the component was given."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from nodes.offers.listing import choice_of
from nodes.refusals.sessions import SessionTokenExpired, SessionTokenUsed
from nodes.rules.ways_to_stay import DiscountTerms, Offer, PauseTerms, PlanChangeTerms, TrialTerms
from nodes.services import services
from nodes.sessions.claims import SessionClaims
from nodes.sessions.opening import open_session, user_of
from nodes.sessions.records import Browser, Session
from nodes.sessions.store import key_prefix, session_of

# As the cookie of the hosted page: the token must be valid when it opens the session, and continues it this long.
LASTS = timedelta(hours=24)

# What the component sends to accept an option: `{"coupon": …}`, `{"duration": …, "interval": …}`, `{"planId": …}` or
# `{"days": …}`.
Wanted = dict[str, Any]


@dataclass(frozen=True)
class Listed:
    """An option that the component was given. `choice`: as the API takes it, with the time at which it was shown."""

    offer: str
    kind: str
    wanted: Wanted
    choice: dict[str, Any]

    def is_for(self, kind: str, wanted: Wanted) -> bool:
        """Return whether the component's call stands for this option."""
        return (self.kind, self.wanted) == (kind, wanted)


async def component_session(claims: SessionClaims, bearer: str, *, expired: bool) -> Session:
    """Return the session that the token opened; a first call opens it. The token is the browser's secret.

    Raises `SessionTokenExpired` if it `expired` before it opened a session or a day has passed since,
    `SessionTokenUsed` if it opened the hosted page, and `NoActiveSubscription`.
    """
    user_id, browser = await user_of(claims), Browser(bearer)
    session = await _opened_by(claims, user_id)
    if session is None:
        if expired:
            raise SessionTokenExpired
        with suppress(SessionTokenUsed):  # by a call that arrived at the same time
            await open_session(claims, browser, None, component=True)
        session = await _opened_by(claims, user_id)
    if session is None or not session.is_of(browser):
        raise SessionTokenUsed
    if datetime.now(UTC) > session.opened_at + LASTS:
        raise SessionTokenExpired
    return session


async def _opened_by(claims: SessionClaims, user_id: str) -> Session | None:
    async with services().database.as_user(user_id) as transaction:
        found = await transaction.values("session_of_token", issuer=claims.iss, token_id=claims.jti)
    return await session_of(found[0]) if found else None


def options_for(offers: Iterable[dict[str, Any]], terms: dict[str, Offer], as_of: str | None) -> list[Listed]:
    """Return the options of these offers, as `GET /offers` returns them, that the component can accept."""
    return [
        Listed(each["id"], each["kind"], wanted, choice_of(option) | {"as_of": as_of})
        for each in offers
        for option in each["options"]
        if (wanted := _wanted(terms[each["id"]], option))
    ]


def _wanted(offer: Offer, option: dict[str, Any]) -> Wanted | None:
    match offer.terms:
        case DiscountTerms() as terms:
            return {"coupon": terms.coupon_id}
        case PauseTerms() as terms:
            return {"duration": option[f"{terms.unit}s"], "interval": terms.unit}
        case PlanChangeTerms():
            return {"planId": option["price"]}
        case TrialTerms() as terms:
            return {"days": terms.days}
    return None  # a link, which the component opens itself


async def list_options(session: Session, options: list[Listed], *, again: bool) -> Session:
    """Record the options that the component is given now. An earlier one stays, so that a repeated call finds it.

    `again`: even if there are options already, which the component then forgets.
    """
    earlier = [each for each in listed(session) if not any(each.is_for(new.kind, new.wanted) for new in options)]
    found = {"options": _OPTIONS.dump_python([*options, *earlier], mode="json")}
    async with services().database.as_user(session.user_id) as transaction:
        [kept] = await transaction.values("session_listed", session_id=session.id, listed=found, again=again)
    return replace(session, listed=kept)


def listed(session: Session) -> list[Listed]:
    """Return the options that the component was given; none before it has asked for its config."""
    return _OPTIONS.validate_python(session.listed.get("options", []))


async def component_key(session: Session, fingerprint: bytes) -> str:
    """Return the idempotency key: a repeated action is the same request, and stays it once it is done.

    Only after a refusal, and once a cancelled subscription was reactivated, is it another request.
    """
    prefix = f"{key_prefix(session)}{fingerprint.hex()[:32]}:"
    async with services().database.as_user(session.user_id) as transaction:
        [void] = await transaction.values("void_in_session", prefix=prefix)
    return f"{prefix}{void}"


_OPTIONS = TypeAdapter(list[Listed])
