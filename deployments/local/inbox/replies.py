"""Replies from the inbox's page, delivered to the product as Mailgun would: signed, with the whole email."""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

import httpx

from deployments.local.inbox.emails import Email

SECONDS = 10.0


@dataclass(frozen=True)
class Replies:
    """Where replies are posted, and the key that signs them."""

    url: str
    key: str

    async def send(self, email: Email, text: str) -> int:
        """Reply to an email as its recipient, and return the status of the response."""
        stamp, token = str(int(time.time())), secrets.token_hex(25)
        signature = hmac.new(self.key.encode(), (stamp + token).encode(), hashlib.sha256).hexdigest()
        fields = {
            "recipient": email.header("Reply-To"),
            "body-mime": bytes(reply(email, text)).decode("latin-1"),
            "timestamp": stamp,
            "token": token,
            "signature": signature,
        }
        async with httpx.AsyncClient(timeout=SECONDS) as http:
            return (await http.post(self.url, data=fields)).status_code


def reply(email: Email, text: str) -> EmailMessage:
    """Return what a mail program would send: the text, and the email quoted below it. ASCII only, as it is encoded."""
    made = EmailMessage()
    made["From"], made["To"] = email.header("To"), email.header("Reply-To")
    made["Subject"] = f"Re: {email.header('Subject')}"
    made["Message-ID"], made["In-Reply-To"] = make_msgid(domain="localhost"), email.header("Message-ID")
    quoted = "\n".join(f"> {line}" for line in (email.text or "").splitlines())
    written = f"On {format_datetime(email.received)}, {email.header('From')} wrote:"
    made.set_content(f"{text}\n\n{written}\n{quoted}\n", cte="quoted-printable")
    return made
