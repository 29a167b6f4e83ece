"""The customer's name in an email's greeting."""

import re

# Names are free text. An address or a long text in a name would turn our email into spam to an address of the
# sender's choice, so such an email greets without a name.
_NOT_A_NAME = re.compile(r"://|www\.|@")
_LONGEST_NAME = 60


def greeting_name(name: str | None) -> str | None:
    """Return the name on one line, or None if it doesn't look like a name."""
    words = " ".join((name or "").split())
    return words if words and len(words) <= _LONGEST_NAME and not _NOT_A_NAME.search(words) else None
