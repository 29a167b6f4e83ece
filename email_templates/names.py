"""How an email greets: by the customer's name, where it is one."""

import re

# A name is the customer's own free text. One that carries an address or runs on would make our email carry
# somebody's message to an address of their choice, so such an email greets without a name.
_NOT_A_NAME = re.compile(r"://|www\.|@")
_LONGEST_NAME = 60


def greeting_name(name: str | None) -> str | None:
    """Return the name on one line, or None where it had better not be repeated."""
    words = " ".join((name or "").split())
    return words if words and len(words) <= _LONGEST_NAME and not _NOT_A_NAME.search(words) else None
