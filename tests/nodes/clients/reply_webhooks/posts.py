"""What Mailgun, Postmark and SNS post."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

from nodes.clients.reply_webhooks.posted import Posted

TOKEN = "a" * 50


def mailgun(key: str, raw: bytes, recipient: str, *, age: float = 0.0, **instead: str) -> Posted:
    """Return a route's post, so many seconds old."""
    stamp = str(int(time.time() - age))
    signature = hmac.new(key.encode(), (stamp + TOKEN).encode(), hashlib.sha256).hexdigest()
    fields = {"recipient": recipient, "timestamp": stamp, "token": TOKEN, "signature": signature} | instead
    body = urlencode(fields).encode() + b"&body-mime=" + quote_from_bytes(raw).encode()
    return Posted(body, "application/x-www-form-urlencoded", "")


def multipart(fields: dict[str, bytes]) -> Posted:
    """Return a form in the other encoding."""
    parts = b"".join(
        b'--xyz\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in fields.items()
    )
    return Posted(parts + b"--xyz--\r\n", 'multipart/form-data; boundary="xyz"', "")


def postmark(password: str, **content: Any) -> Posted:
    """Return an inbound webhook's post."""
    authorization = base64.b64encode(password.encode()).decode()
    return Posted(json.dumps(content).encode(), "application/json", f"Basic {authorization}")
