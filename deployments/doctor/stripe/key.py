"""Checks of the Stripe key, its permissions and the API version."""

from collections.abc import Sequence

from deployments.doctor.finding import Finding, Findings, failed, ok, warning
from deployments.doctor.stripe.opened import opened
from nodes.clients.billing.setup_checks import API_VERSION, BillingSetup, KeyUnknown, Permission
from nodes.settings import BillingSettings, load

_KEYS = "Dashboard > Developers > API keys"


async def examine() -> Findings:
    """Check the key first, since nothing else can be checked with a wrong one."""
    settings = load(BillingSettings)
    async with opened(settings) as stripe:
        for finding in await _of_key(stripe, settings):
            yield finding
            if finding.check == "key" and finding.to_do:
                return
        yield _of_permissions(await stripe.lacking())
        yield ok("API version", f"{API_VERSION}, sent with every call")


async def _of_key(stripe: BillingSetup, settings: BillingSettings) -> list[Finding]:
    key = settings.stripe_api_key.get_secret_value()
    if not key.startswith(("sk_", "rk_")):
        return [failed("key", "STRIPE_API_KEY is not a secret key", f"Use one that begins with sk_ or rk_ ({_KEYS})")]
    try:
        account = await stripe.account()
    except KeyUnknown as error:
        return [failed("key", str(error), f"Set STRIPE_API_KEY to a key of your account ({_KEYS})")]
    mode = "live mode: real money moves" if "_live_" in key else "test mode: no money moves"
    valid = ok("key", f"{'restricted' if key.startswith('rk_') else 'secret'} key, {mode}")
    if account is None:
        seen = warning(
            "account",
            "this restricted key may not read its account",
            "Check in the Dashboard that the key belongs to the right account",
        )
    else:
        seen = ok("account", f"{account.name or 'without a name'} ({account.id})")
    return [valid, seen]


def _of_permissions(lacking: Sequence[Permission]) -> Finding:
    needed = [each for each in lacking if not each.optional]
    if needed:
        names = "\n".join(f"{each.resource}: {each.level} (for {each.needed_for})" for each in needed)
        return failed(
            "permissions", f"the restricted key lacks\n{names}", f"Edit the key in Stripe and allow these ({_KEYS})"
        )
    if lacking:
        names = ", ".join(f"{each.resource}: {each.level} (for {each.needed_for})" for each in lacking)
        return ok("permissions", f"all that are needed; not {names}")
    return ok("permissions", "all that are needed")
