"""Fetch replies from the mailbox of `REPLY_IMAP_URL`."""

import logging

from nodes.errors import ConstraintViolated, InboxRefused, StatementRefused
from nodes.replies.inbound import MOST_BYTES
from nodes.replies.receive import receive
from nodes.services import services

log = logging.getLogger(__name__)


async def fetch_replies() -> int:
    """Store every new email, and return how many were read.

    An email is marked after it was stored. A process that dies in between reads it again, which changes nothing. Raises
    `InboxFailed` and `DatabaseUnavailable`; what is left then is fetched next time.
    """
    inbox = services().reply_inbox
    if inbox is None:
        return 0
    read = 0
    async with inbox.opened() as mailbox:
        for uid in await mailbox.new():
            try:
                raw = await mailbox.email(uid, MOST_BYTES)
                if raw is not None:
                    await receive(raw)
                await mailbox.mark(uid)
            except (ConstraintViolated, StatementRefused, InboxRefused) as error:  # it must not hold up the others
                log.warning("the email with UID %s in the mailbox of replies can't be stored or marked: %s", uid, error)
                continue
            read += 1
    return read
