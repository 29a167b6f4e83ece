"""Checks of what emails about fixes need, where customers can agree to marketing emails."""

import asyncio
from collections.abc import Iterator

from deployments.doctor.finding import Finding, Findings, ok, warning
from deployments.operations.consents import published
from nodes.settings import DatabaseSettings, LinkSettings, MailSettings, load


async def examine() -> Findings:
    """Check the way back, the postal address, and the address of the one-click unsubscribe."""
    wordings = await asyncio.to_thread(published, load(DatabaseSettings))
    if not any(each.channel == "email_marketing" for each in wordings):
        yield ok("consent", "nobody can agree to marketing emails: no wording for email_marketing is published")
        return
    for finding in _of_settings(load(MailSettings), load(LinkSettings).public_url):
        yield finding


def _of_settings(mail: MailSettings, public_url: str) -> Iterator[Finding]:
    if mail.new_subscription_url:
        yield ok("way back", mail.new_subscription_url)
    else:
        to_do = "Set NEW_SUBSCRIPTION_URL to the page where former customers subscribe again"
        yield warning("way back", "NEW_SUBSCRIPTION_URL is not set: `cancelflow fix ship` sends nothing", to_do)
    if mail.company_address:
        yield ok("postal address", mail.company_address)
    else:
        to_do = "Set COMPANY_ADDRESS, which the US (CAN-SPAM) and others require in marketing emails"
        yield warning("postal address", "COMPANY_ADDRESS is not set: emails about fixes name no postal address", to_do)
    if public_url.startswith("https://"):
        yield ok("unsubscribe", f"by one click at {public_url.rstrip('/')}/preferences")
    else:
        found = f"mail providers unsubscribe only over https (RFC 8058), and PUBLIC_URL is {public_url}"
        yield warning(
            "unsubscribe", found, "Set PUBLIC_URL to the https:// address at which customers reach the trigger"
        )
