"""The list of parts to check, in the order in which an operator sets them up."""

from collections.abc import Callable

from deployments.doctor import (
    calls,
    clocks,
    consents,
    database,
    marketing_emails,
    outside_parts,
    prefect_parts,
    public_url,
    replies,
    without_login,
)
from deployments.doctor.finding import Findings, Part
from deployments.doctor.stripe import blueprints, catalog, key, webhook_endpoint

_STRIPE = "Check that this machine can reach Stripe, and Stripe's status page"


def parts(*, fix: bool) -> list[Part]:
    """Return the parts to check. `fix`: correct the webhook endpoint."""

    def webhooks() -> Findings:
        return webhook_endpoint.examining(fix=fix)

    def part(name: str, advice: str, examine: Callable[[], Findings], seconds: float = 15.0) -> Part:
        return Part(name, advice, examine, seconds)

    return [
        part("PostgreSQL", "Start the server, or correct DATABASE_URL", database.examine),
        part("Stripe", _STRIPE, key.examine),
        part("Stripe's webhooks", _STRIPE, webhooks),
        part("Catalogue", _STRIPE, catalog.examine, seconds=60.0),
        part("Blueprints", _STRIPE, blueprints.examine),
        part("Consents", "Run `cancelflow migrate`", consents.examine),
        part("Calls", "Run `cancelflow migrate`", calls.examine),
        part("Marketing emails", "Run `cancelflow migrate`", marketing_emails.examine),
        part("Prefect", "Start the server, or correct PREFECT_API_URL", prefect_parts.examine),
        part("Pub/Sub", "Create the topic, and grant roles/pubsub.viewer on it", outside_parts.examine_events),
        part("Mail", "Correct SMTP_URL, or make the server reachable", outside_parts.examine_mail),
        part("Replies", "Correct REPLY_IMAP_URL, or make the mail server reachable", replies.examine, seconds=40.0),
        part("Identity", "Make JWT_JWKS_URL reachable, or correct it", outside_parts.examine_identity),
        part("Public address", "Correct PUBLIC_URL", public_url.examine),
        part("Without login", "Correct TRUSTED_PROXIES", without_login.examine),
        part("Clocks", "Run this again", clocks.examine),
    ]
