"""Ask for a code: the same work for every address, known or not (FEATURES F21)."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

from nodes.clients.mail.address import recipients_address
from nodes.services import services

# Per hour. An office may share a client's address; a mailbox gets no more emails than this, whoever asks for them.
PER_ADDRESS = 3
PER_CLIENT = 20


@dataclass(frozen=True)
class Asked:
    """The result. `wait`: seconds until the limit permits another code; then there is no `id`."""

    id: UUID | None
    wait: int | None


async def ask_for_code(address: str, client: str | None) -> Asked:
    """Record that a code was asked for; it is sent later if the address is a user's. `client`: the IP address.

    Raises `EmailRefused` if it is no email address.
    """
    recipients_address(address)
    digest = services().links.digest
    return await services().database.call(
        "ask_for_code",
        Asked,
        address=address,
        address_hash=digest("address", address.encode().lower().decode()),  # ASCII alone, as in claim_cancel_codes
        client_hash=digest("client", _network(client)),
        per_address=PER_ADDRESS,
        per_client=PER_CLIENT,
    )


def _network(client: str | None) -> str:
    """Return the part of an IP address that one client can't change: of IPv6, the /64 network.

    A proxy on a dual-stack socket writes IPv4 addresses as IPv6 ones, which are all of one network.
    """
    try:
        found = ip_address(client or "")
    except ValueError:
        return ""  # a socket without an address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or ip_network((int(found), 64), strict=False))
    return str(found)
