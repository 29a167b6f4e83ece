"""Checks of Stripe's webhook endpoint: existence, events, API version and signing secret; `--fix` corrects it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from deployments.doctor.finding import Finding, Findings, failed, ok, warning
from deployments.doctor.stripe.opened import opened
from nodes.clients.billing.endpoints import BillingEndpoints, Endpoint
from nodes.clients.billing.setup_checks import API_VERSION
from nodes.clients.webhooks import STRIPE_EVENTS
from nodes.settings import BillingSettings, LinkSettings, load

PATH = "/webhooks/stripe"
_FIX = "Run `cancelflow doctor --fix`"
_STORE = "Add the secret printed below to STRIPE_WEBHOOK_SECRETS, restart the trigger, and run this again"


def examining(*, fix: bool) -> Findings:
    """Return the checks; with `fix`, correct the endpoint first."""
    return _examined(fix)


async def _examined(fix: bool) -> Findings:
    settings = load(BillingSettings)
    url = load(LinkSettings).public_url.rstrip("/") + PATH
    async with opened(settings) as stripe:
        found = await stripe.endpoints.at(url)
        secret = None
        if fix and any(each.to_do for each in _of_endpoints(url, found)):
            secret = await _fix(stripe.endpoints, url, found)
            found = await stripe.endpoints.at(url)
    for finding in _of_endpoints(url, found):
        yield finding
    yield _of_secrets(settings, secret)


async def _fix(endpoints: BillingEndpoints, url: str, found: Sequence[Endpoint]) -> str | None:
    """Correct the endpoint, or create one where none has our API version, which cannot be changed.

    Return the secret of a created one. Others with this URL are disabled only afterwards, so that there is always one.
    Until the secret is stored, Stripe retries the events that are refused: for three days in live mode.
    """
    right = _chosen(found)
    secret = None
    if right is None or right.api_version != API_VERSION:
        right, secret = None, await endpoints.create(url, STRIPE_EVENTS)
    elif not right.enabled or right.missing(STRIPE_EVENTS):
        await endpoints.correct(right, STRIPE_EVENTS)
    for other in found:
        if other.enabled and (right is None or other.id != right.id):
            await endpoints.disable(other)
    return secret


def _chosen(found: Sequence[Endpoint]) -> Endpoint | None:
    """Return the endpoint that needs the fewest corrections."""

    def likeness(each: Endpoint) -> tuple[bool, bool, int]:
        return each.api_version == API_VERSION, each.enabled, -len(each.missing(STRIPE_EVENTS))

    return max(found, key=likeness, default=None)


def _of_endpoints(url: str, found: Sequence[Endpoint]) -> Iterator[Finding]:
    endpoint = _chosen(found)
    if endpoint is None:
        yield failed("endpoint", f"none for {url}", f"{_FIX}, which creates it")
        return
    if not endpoint.enabled:
        yield failed("endpoint", f"{endpoint.id} is disabled", f"{_FIX}, which enables it")
    elif others := [each.id for each in found if each.enabled and each.id != endpoint.id]:
        names = ", ".join(others)
        yield warning("endpoint", f"{endpoint.id}, and {names} with the same URL", f"{_FIX}, which disables {names}")
    else:
        yield ok("endpoint", f"{endpoint.id}, enabled, for {url}")
    if missing := endpoint.missing(STRIPE_EVENTS):
        yield failed("events", "not sent: " + ", ".join(missing), f"{_FIX}, which adds them")
    else:
        yield ok("events", f"all {len(STRIPE_EVENTS)} that are handled")
    yield _of_version(endpoint)


def _of_version(endpoint: Endpoint) -> Finding:
    replaces = f"{_FIX}, which replaces the endpoint: its version cannot be changed"
    if endpoint.api_version is None:
        found = f"the account's default, which may change; {API_VERSION} is expected"
        return warning("API version", found, replaces)
    if endpoint.api_version != API_VERSION:
        return failed("API version", f"{endpoint.api_version}; {API_VERSION} is expected", replaces)
    return ok("API version", API_VERSION)


def _of_secrets(settings: BillingSettings, made: str | None) -> Finding:
    secrets = [secret.get_secret_value() for secret in settings.stripe_webhook_secrets]
    if made:
        return replace(failed("signing secret", "created just now, and not stored yet", _STORE), secret=made)
    if not secrets:
        return failed(
            "signing secret",
            f"STRIPE_WEBHOOK_SECRETS is not set, so {PATH} responds 404",
            "Set it to the signing secret: Dashboard > Developers > Webhooks, or as --fix prints it for a new endpoint",
        )
    if not all(secret.startswith("whsec_") for secret in secrets):
        to_do = "Copy the endpoint's signing secret, which begins with whsec_, into STRIPE_WEBHOOK_SECRETS"
        return warning("signing secret", "STRIPE_WEBHOOK_SECRETS has one that does not begin with whsec_", to_do)
    return ok("signing secret", "set" if len(secrets) == 1 else f"{len(secrets)} set, as during a rotation")
