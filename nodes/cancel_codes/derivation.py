"""The code itself, as it is sent and as it is typed."""

import hmac
import re
from uuid import UUID

from nodes.services import services

DIGITS = 8  # one in twenty million for MOST_TRIES guesses; short enough to type on a phone


def code_of(seed: UUID) -> str:
    """Return the code that follows from a seed and LINK_SECRET, so that the code itself is kept nowhere."""
    number = int.from_bytes(services().links.digest("cancel-code", str(seed)))
    return f"{number % 10**DIGITS:0{DIGITS}}"


def is_code_of(seed: UUID, typed: str) -> bool:
    """Return whether a customer has typed this code; spaces and hyphens don't matter."""
    return hmac.compare_digest(re.sub(r"[\s-]", "", typed).encode(), code_of(seed).encode())


def readable(code: str) -> str:
    """Return the code as it is written in an email: `1234 5678`."""
    return f"{code[:4]} {code[4:]}"
