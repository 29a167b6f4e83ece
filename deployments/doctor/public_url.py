"""Checks of PUBLIC_URL, the address for customers and Stripe."""

import json
from urllib.parse import urlsplit

import httpx

from deployments.doctor.finding import Finding, Findings, failed, ok, warning
from nodes.clients.links import Links
from nodes.errors import SettingsInvalid
from nodes.settings import BillingSettings, LinkSettings, load

TIMEOUT_SECONDS = 3.0
LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104  # addresses of this machine only
_SERVE = "Run `cancelflow serve` behind this address, or correct PUBLIC_URL"


async def examine() -> Findings:
    """Check the address, and that cancelflow responds there."""
    settings = load(LinkSettings)
    Links(settings)
    url = settings.public_url.rstrip("/")
    yield _of_address(url)
    yield await _of_response(url)


def _of_address(url: str) -> Finding:
    try:
        billing = load(BillingSettings)
    except SettingsInvalid:  # reported by Stripe's own part
        billing = None
    parts = urlsplit(url)
    here = parts.hostname in LOOPBACK
    to_do = "Set PUBLIC_URL to the https:// address at which customers reach the trigger"
    if (here or parts.scheme != "https") and billing and "_live_" in billing.stripe_api_key.get_secret_value():
        return failed("address", f"{url} with a live Stripe key: customers' links and webhooks need https", to_do)
    if here and (billing is None or billing.stripe_api_base is None):
        return warning("address", f"{url} is this machine: neither customers nor Stripe can reach it", to_do)
    return ok("address", url)


async def _of_response(url: str) -> Finding:
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            response = await client.get(f"{url}/healthz")
        service = response.json()["service"]
    except httpx.TimeoutException:
        return failed("response", f"none from {url}/healthz within {TIMEOUT_SECONDS:g} s", _SERVE)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return failed("response", f"none from {url}/healthz ({type(error).__name__})", _SERVE)
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        service = None
    if response.status_code != httpx.codes.OK or service != "cancelflow":
        return failed("response", f"{url}/healthz responds {response.status_code}, and is not cancelflow", _SERVE)
    return ok("response", f"cancelflow responds at {url}/healthz")
