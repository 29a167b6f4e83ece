"""Receive an email that was sent to a reply address: store it once, and heed a STOP immediately."""

import asyncio
import hashlib
import logging
from collections.abc import Iterable

from nodes.consents.ledger import revoke_in, said_at
from nodes.replies.inbound import InboundEmail, read_email
from nodes.replies.new_text import first_paragraph
from nodes.rules.replies.revocation import revoked_channels
from nodes.services import services
from nodes.tasks.put import put_task

log = logging.getLogger(__name__)


async def receive(raw: bytes, recipients: Iterable[str] = ()) -> bool:
    """Store the email if it is about a cancellation, and return whether it was new.

    `recipients`: of its envelope, if they are known. Without an address that we made, or once the customer's data is
    deleted, nothing of it is kept. An email that arrives again, also concurrently, changes nothing.
    """
    email = await asyncio.to_thread(read_email, raw)
    database, addresses = services().database, services().reply_addresses
    request_id = addresses.request_id([*recipients, *email.recipients]) if addresses else None
    user_id = await database.owner_of("cancellation", request_id) if request_id else None
    if request_id is None or user_id is None:
        log.info("1 email was not kept: it was not sent to the reply address of a cancellation")
        return False
    by_all_of_it = revoked_channels(email.text or email.subject) if email.kind == "reply" else ()
    kind = "stop" if by_all_of_it else _kind(email)
    revoked = by_all_of_it or revoked_channels(first_paragraph(email.text))  # what follows that is kept
    async with database.as_user(user_id) as transaction:
        stored = await transaction.values(
            "store_reply",
            request_id=request_id,
            user_id=user_id,
            fingerprint=_fingerprint(email, raw),
            kind=kind,
            text=email.text if kind == "reply" else None,
        )
        if stored and revoked:
            evidence = {"request_id": str(request_id), "reply_id": str(stored[0]), **said_at(email.sent_at)}
            await revoke_in(transaction, user_id, revoked, "reply", evidence)
        if stored and kind == "unreadable":  # a person has to look into the mailbox
            key = str(stored[0])
            await put_task(transaction, user_id=user_id, kind="uncertain_reply", key=key, request_id=request_id)
    log.info("reply %s to request %s: %s", stored[0] if stored else "known already", request_id, kind)
    return bool(stored)


def _kind(email: InboundEmail) -> str:
    return "unreadable" if email.kind == "reply" and not email.text else email.kind


def _fingerprint(email: InboundEmail, raw: bytes) -> bytes:
    """Return what is the same for every copy of the email: two transports add different headers to it."""
    return hashlib.sha256(email.message_id.encode("utf-8", "replace") if email.message_id else raw).digest()
