"""Checks of the page on which customers cancel without a login."""

from deployments.doctor.finding import Findings, ok, warning
from nodes.settings import HttpSettings, LinkSettings, load
from nodes.settings.http_server import THIS_MACHINE


async def examine() -> Findings:
    """Check that the page is on, and that clients behind a proxy can be told apart."""
    settings, links = load(HttpSettings), load(LinkSettings)
    if not settings.cancel_without_login:
        yield ok("page", "off: CANCEL_WITHOUT_LOGIN is not set")
        return
    yield ok("page", f"{links.public_url.rstrip('/')}/cancel-without-login")
    if links.public_url.startswith("https:") and settings.trusted_proxies == THIS_MACHINE:
        # The trigger itself speaks no TLS, so there is a proxy.
        yield warning(
            "proxies",
            "TRUSTED_PROXIES is not set: unless your proxy runs on this machine, all customers count as one client",
            "Set TRUSTED_PROXIES to the addresses or networks of your proxies",
        )
    else:
        yield ok("proxies", ", ".join(settings.trusted_proxies))
