"""Step 2: hand the call to the vendor, with consent at that time."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from nodes.calls.callee import Callee, callee_of
from nodes.calls.close import audit, close
from nodes.calls.gates import closed_meanwhile
from nodes.calls.records import Closed, WaitingCall
from nodes.clients.database.client import Transaction
from nodes.clients.hooks import Receiver
from nodes.consents.ledger import standing_consent
from nodes.errors import HookFailed
from nodes.node import node, run_log
from nodes.rules.consents import Consent
from nodes.services import services

# PostgreSQL text can store neither NUL nor surrogates.
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
# By another run, meanwhile: the row is not to be touched.
DECIDED = "decided"
USED_UP = "attempts_used_up"


@node("Place Call", step="2")
async def place_call(call: WaitingCall) -> bool:
    """Send `calls.execute` once, and return whether the vendor accepted it (FEATURES A03, A07, A08).

    A failure is sent again when the call is next due. The id is the call's own at every attempt, so that the vendor
    recognizes one that it already has, as after a process that died before recording the result.
    """
    vendor = _vendor()
    async with services().database.as_user(call.user_id) as transaction:
        consent = await standing_consent(transaction, call.user_id, "phone")
    callee = await callee_of(call, consent) if consent else None
    if consent is None or callee is None:
        await close(call, Closed("no_phone_number" if consent else "no_consent"))
        return False
    if not await _begin(call, consent, callee):
        return False
    try:
        response = await services().hooks.send(callee.event, vendor, hook_id=str(call.id))
    except HookFailed as error:
        await _failed(call, str(error))
        return False
    async with services().database.as_user(call.user_id) as transaction:
        await transaction.run("call_placed", call_id=call.id, vendor_call_id=_id_in(response.content))
        await audit(transaction, call, "placed")
    run_log().info("the vendor has the call")
    return True


async def _begin(call: WaitingCall, consent: Consent, callee: Callee) -> bool:
    """Count the attempt if every gate is still open and no limit is reached; otherwise record why not.

    A revocation waits for this transaction, or was recorded before it: none is overlooked.
    """
    async with services().database.as_user(call.user_id) as transaction:
        await transaction.run("one_intake_at_a_time", user_id=call.user_id)
        closed = await _closed(transaction, call.id, consent, callee)
    if closed is None:
        return True
    if closed.gate == USED_UP:  # the process that made the last attempt died before recording its result
        await _failed(call, "the last attempt has no result")
    elif closed.gate != DECIDED:
        await close(call, closed)
    return False


async def _closed(transaction: Transaction, call_id: UUID, consent: Consent, callee: Callee) -> Closed | None:
    """Return the gate that is closed by now; None if the attempt was counted."""
    call = await transaction.one("call_to_make", WaitingCall, call_id=call_id)
    if call is None:
        return Closed(DECIDED)
    now = await standing_consent(transaction, call.user_id, "phone")
    if now != consent:  # maybe to another number: look again immediately
        return Closed("consent_changed", call.now) if now else Closed("no_consent")
    if closed := closed_meanwhile(call, callee.phone_number):
        return closed
    settings = services().settings
    [gate] = await transaction.values(
        "begin_call", call_id=call_id, most_attempts=settings.call_attempts, most_a_day=settings.calls_per_day
    )
    return Closed(gate, _next_day(call.now) if gate == "daily_limit" else None) if gate else None


async def _failed(call: WaitingCall, problem: str) -> None:
    run_log().warning("the vendor did not accept the call: %s", problem)
    most = services().settings.call_attempts
    async with services().database.as_user(call.user_id) as transaction:
        state = await transaction.values("call_attempt_failed", call_id=call.id, problem=problem, most_attempts=most)
        if state == ["failed"]:
            await audit(transaction, call, "failed", "vendor_failed")


def _vendor() -> Receiver:
    url, secret = services().settings.call_webhook_url, services().settings.call_webhook_secret
    assert url and secret  # noqa: S101  # without them, no call is claimed
    return Receiver(url, secret)


def _next_day(now: datetime) -> datetime:
    """Return the next midnight in UTC, when the daily limit begins anew."""
    return (now.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _id_in(content: Any) -> str | None:
    """Return the vendor's id of the call, if its response has one that can be stored."""
    found = content if isinstance(content, dict) else {}
    identifier = found.get("id") or found.get("call_id") or found.get("callId")
    if not isinstance(identifier, str | int) or _NOT_STORABLE.search(str(identifier)):
        return None
    return str(identifier)[:255]
