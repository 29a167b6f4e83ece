"""Open a session for a token's customer, or resume the one that the same browser opened (FEATURES U05, U06, U21)."""

import logging
from contextlib import suppress
from uuid import UUID, uuid4

from nodes.clients.database.client import Transaction
from nodes.errors import ConstraintViolated
from nodes.messages.webhooks import put_webhooks
from nodes.refusals.cancellation import NoActiveSubscription
from nodes.refusals.requests import SeveralSubscriptions
from nodes.refusals.sessions import SessionTokenInvalid, SessionTokenUsed
from nodes.services import services
from nodes.sessions.blueprints import PLAIN, Chosen, chosen_for
from nodes.sessions.claims import SessionClaims
from nodes.sessions.records import Browser, Session
from nodes.sessions.store import happened, move
from nodes.subscriptions.find import find_subscription, refuse_ended
from nodes.subscriptions.mirror import mirror
from nodes.subscriptions.records import ActiveSubscription

log = logging.getLogger(__name__)

_ONCE = "session_tokens_pkey"


async def open_session(
    claims: SessionClaims, browser: Browser, current: Session | None, *, component: bool = False
) -> UUID:
    """Return the id of the token's session.

    `current`: the browser's last session, which a new token for the same customer and subscription continues.
    `component`: the React component's session. Raises `SessionTokenUsed` if the token opened a session in another
    browser, and `NoActiveSubscription`.
    """
    user_id = await user_of(claims)
    async with services().database.as_user(user_id) as transaction:
        found = await transaction.values("session_of_token", issuer=claims.iss, token_id=claims.jti)
    if found:
        if current is None or current.id != found[0]:
            raise SessionTokenUsed
        return current.id
    try:
        if current and _continues(current, claims, user_id):
            return await _resume(current, claims)
        return await _open(claims, user_id, browser, component=component)
    except ConstraintViolated as violated:
        if violated.constraint == _ONCE:  # the same link was opened twice at the same time
            raise SessionTokenUsed from None
        raise


async def choose_subscription(session: Session, subscription_id: str) -> None:
    """Make the session about one of the customer's subscriptions. Raises `NoActiveSubscription`."""
    subscription = await find_subscription(session.user_id, subscription_id)
    refuse_ended(subscription)
    chosen = await chosen_for(subscription, session.claims)
    async with services().database.as_user(session.user_id) as transaction:
        await move(transaction, session, subscription_id=subscription.id)
        await transaction.run(
            "session_has_blueprint",
            session_id=session.id,
            blueprint_version=chosen.version,
            blueprint=chosen.name,
            figures=chosen.figures_as_json(),
        )
        await _record_ignored(transaction, session, chosen)
        await _mirror_for_handlers(transaction, session.claims, subscription)


async def user_of(claims: SessionClaims) -> str:
    """Return the token's user. Raises `SessionTokenInvalid` if it names a Stripe customer of another user."""
    if claims.customer is None:
        return str(claims.user_id)
    async with services().database.without_user() as transaction:
        [user_id] = await transaction.values("user_of_customer", customer=claims.customer)
    if claims.user_id is not None and user_id != claims.user_id:
        raise SessionTokenInvalid
    if user_id is None:
        raise NoActiveSubscription
    return str(user_id)


def _continues(current: Session, claims: SessionClaims, user_id: str) -> bool:
    unfinished = current.outcome in (None, "abandoned", "errored")
    return unfinished and (current.user_id, current.claims.subscription_id) == (user_id, claims.subscription_id)


async def _resume(current: Session, claims: SessionClaims) -> UUID:
    async with services().database.as_user(current.user_id) as transaction:
        await move(transaction, current)
        await _use_token(transaction, claims, current.user_id, current.id)
        await happened(transaction, current, "resumed")
    return current.id


async def _open(claims: SessionClaims, user_id: str, browser: Browser, *, component: bool) -> UUID:
    """Read the subscription from Stripe, and record the session, even if nothing can be offered (FEATURES U09)."""
    subscription: ActiveSubscription | None = None
    with suppress(SeveralSubscriptions):  # the customer chooses on the first screen
        subscription = await find_subscription(user_id, claims.subscription_id)
        refuse_ended(subscription)
    session_id = uuid4()
    chosen = await chosen_for(subscription, claims) if subscription else PLAIN
    async with services().database.as_user(user_id) as transaction:
        await transaction.run(
            "open_session",
            session_id=session_id,
            user_id=user_id,
            subscription_id=subscription.id if subscription else None,
            browser=browser.fingerprint,
            component=component,
            livemode=claims.mode == "live",
            options=claims.model_dump(mode="json"),
            blueprint_version=chosen.version,
            blueprint=chosen.name,
            figures=chosen.figures_as_json(),
        )
        await _use_token(transaction, claims, user_id, session_id)
        session = await transaction.one("session", Session, session_id=session_id, idle_minutes=1)
        if session is None:
            raise LookupError("the session was just recorded")
        await happened(transaction, session, "opened", blueprint=chosen.name, version=chosen.version)
        await _mirror_for_handlers(transaction, claims, subscription)
        await _record_ignored(transaction, session, chosen)
        await put_webhooks(transaction, session_id)
    return session_id


async def _use_token(transaction: Transaction, claims: SessionClaims, user_id: str, session_id: UUID) -> None:
    of = {"issuer": claims.iss, "token_id": claims.jti}
    await transaction.run("use_session_token", **of, user_id=user_id, session_id=session_id)


async def _mirror_for_handlers(
    transaction: Transaction, claims: SessionClaims, subscription: ActiveSubscription | None
) -> None:
    """Keep the subscription as it is now: what the company's page says that it changed is compared with it."""
    if claims.handlers and subscription:
        await mirror(transaction, subscription.billed)


async def _record_ignored(transaction: Transaction, session: Session, chosen: Chosen) -> None:
    for each in chosen.ignored:
        log.warning("session %s: %s was ignored: %s", session.id, each.name, each.why)
        await happened(transaction, session, "attribute_ignored", name=each.name, why=each.why)
