"""Strict email address parsing, so that no address can inject a header or an SMTP command."""

import re
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import getaddresses

from nodes.errors import EmailRefused, SettingsInvalid

# One address only, without the characters that would end it in a header or on an SMTP command line. Quoted local parts
# ("a b"@host) are legal but unused, and not worth the risk. 254 characters is the longest that fits an SMTP path.
_PLAIN = re.compile(r"""[^\s<>()\[\]\\,;:"@\x00-\x1f\x7f-\x9f]{1,64}@[^\s<>()\[\]\\,;:"@\x00-\x1f\x7f-\x9f]{1,189}""")


def recipients_address(address: str) -> Address:
    """Parse `name@host`, in any script. Raises `EmailRefused`, whose message does not contain the address."""
    parsed = _address("", address)
    if parsed is None:
        raise EmailRefused("the recipient's address is malformed", problem="address-malformed")
    return parsed


def company_address(address: str, setting: str) -> Address:
    """Parse the company's `Name <name@host>` or `name@host`. Raises `SettingsInvalid`, which names the setting."""
    found = getaddresses([address])
    parsed = _address(*found[0]) if len(found) == 1 and address.isprintable() else None
    if parsed is None:
        raise SettingsInvalid(f"Settings:\n  {setting} must read: Name <name@host>")
    return parsed


def _address(name: str, address: str) -> Address | None:
    if not _PLAIN.fullmatch(address):
        return None
    local, _, domain = address.partition("@")
    try:
        # A host name in another script has an ASCII form, which every server accepts. A local part has none: it needs a
        # server with SMTPUTF8, which accepts the host as written.
        host = domain.encode("idna").decode() if local.isascii() else domain
        return Address(name, local, host)
    except (UnicodeError, ValueError, MessageError):
        return None
