"""Checks of Pub/Sub, the mail server and the keys that tokens are verified with."""

from deployments.doctor.finding import Finding, Findings, failed, ok, warning
from deployments.http.identity import Identity
from nodes.clients.events import Events
from nodes.clients.mail.client import Mailer
from nodes.settings import EventSettings, IdentitySettings, MailSettings, load

# A shared secret must be at least as long as the hash output (RFC 7518, 3.2).
SECRET_BYTES = 32


async def examine_events() -> Findings:
    """Check that the topic exists and publishing is permitted, without publishing."""
    settings = load(EventSettings)
    events = Events(settings)
    try:
        await events.check()
        yield ok("topic", f"{settings.pubsub_topic} in {settings.google_cloud_project}")
        may_publish = await events.may_publish()
    finally:
        await events.close()
    if may_publish is None:
        yield ok("permission", "this Pub/Sub does not say (emulators have no permissions)")
    elif may_publish:
        yield ok("permission", "publishing is permitted")
    else:
        grant = f"Grant roles/pubsub.publisher on {settings.pubsub_topic} to the service account that runs cancelflow"
        yield failed("permission", "publishing to it is not permitted", grant)


async def examine_mail() -> Findings:
    """Check the server and its login, without sending."""
    settings = load(MailSettings)
    mailer = Mailer(settings)
    yield _of_sender(settings)
    yield _of_replies(settings)
    await mailer.check()
    yield ok("server", "accepts the login" if "@" in settings.smtp_url.get_secret_value() else "accepts mail")


def _of_sender(settings: MailSettings) -> Finding:
    if settings.mail_from == MailSettings.model_fields["mail_from"].default:
        to_do = "Set MAIL_FROM to an address of your domain that your mail server may send from"
        return warning("sender", f"MAIL_FROM is not set: emails come from {settings.mail_from}", to_do)
    return ok("sender", settings.mail_from)


def _of_replies(settings: MailSettings) -> Finding:
    if settings.reply_to is None:
        return warning(
            "replies",
            "REPLY_TO is not set: customers who cancel in Stripe's portal are never asked why",
            "Set REPLY_TO to an address at which your team reads replies",
        )
    return ok("replies", settings.reply_to)


async def examine_identity() -> Findings:
    """Check the keys that tokens are verified with."""
    settings = load(IdentitySettings)
    identity = Identity(settings)
    expected = f"issuer {settings.jwt_issuer}, audience {settings.jwt_audience}"
    yield ok("tokens", f"{expected}, user id in {settings.jwt_user_claim}")
    if settings.jwt_jwks_url:
        yield ok("keys", f"{await identity.usable_keys()} usable at {settings.jwt_jwks_url}")
    elif settings.jwt_public_key:
        yield ok("keys", "JWT_PUBLIC_KEY is a public key")
    elif settings.jwt_secret and len(settings.jwt_secret.get_secret_value().encode()) < SECRET_BYTES:
        to_do = f"Use a random secret of {SECRET_BYTES} bytes or more, or a public key"
        yield warning("keys", f"JWT_SECRET has less than {SECRET_BYTES} bytes, so it can be guessed", to_do)
    else:
        yield ok("keys", "JWT_SECRET is long enough")
