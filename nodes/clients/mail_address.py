"""Mail addresses: read once and strictly, so that nothing in one can become a header or a command."""

import re
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import getaddresses

from nodes.errors import EmailRefused, SettingsInvalid

# One address and nothing else: what would end it in a header or on an SMTP command line is not in it. Quoted local
# parts ("a b"@host) are legal, unused, and not worth their danger. 254 is the longest that fits an SMTP path.
_PLAIN = re.compile(r"""[^\s<>()\[\]\\,;:"@\x00-\x1f\x7f-\x9f]{1,64}@[^\s<>()\[\]\\,;:"@\x00-\x1f\x7f-\x9f]{1,189}""")


def recipients_address(address: str) -> Address:
    """Read `name@host`, in any script. Raises `EmailRefused`, which does not repeat the address."""
    parsed = _address("", address)
    if parsed is None:
        raise EmailRefused("the recipient's address is malformed", problem="address-malformed")
    return parsed


def company_address(address: str, setting: str) -> Address:
    """Read `Name <name@host>` or `name@host`, an address of ours. Raises `SettingsInvalid`, which names the setting."""
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
        # A host name in another script has an ASCII form, which every server takes. A local part has none: there the
        # server must speak SMTPUTF8, and then it takes the host as it is written.
        host = domain.encode("idna").decode() if local.isascii() else domain
        return Address(name, local, host)
    except (UnicodeError, ValueError, MessageError):
        return None
