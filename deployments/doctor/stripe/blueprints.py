"""Checks of the published blueprints: can they be read, and are their feedback options active in Stripe."""

import asyncio

from deployments.doctor.finding import Finding, Findings, ok, warning
from deployments.doctor.stripe.opened import opened
from deployments.operations.blueprints import published
from nodes.clients.blueprints.loader import BlueprintSet
from nodes.settings import BillingSettings, DatabaseSettings, load


async def examine() -> Findings:
    """Check the newest version, then its feedback options, if it names any."""
    found, _ = await asyncio.to_thread(published, load(DatabaseSettings), None)
    yield ok("blueprints", f"version {found.version}" if found.version else "the default set; none was published")
    if named := _options(found):
        async with opened(load(BillingSettings)) as stripe:
            yield _of_options(named, await stripe.feedback_options())


def _options(found: BlueprintSet) -> dict[str, str]:
    """Return the code of the reason that has each feedback option."""
    return {each.feedback_option: code for code, each in found.reasons.items() if each.feedback_option}


def _of_options(named: dict[str, str], statuses: dict[str, str]) -> Finding:
    states = {option: statuses.get(option, "missing") for option in named}
    bad = [f"{option} of {named[option]}: {state}" for option, state in states.items() if state != "active"]
    if not bad:
        return ok("feedback options", f"all {len(named)} are active in Stripe")
    return warning(
        "feedback options",
        "\n".join(["customers can cancel, but Stripe gets only the feedback code instead of:", *bad]),
        "Remove them from the blueprints, and publish those; for another option, use another code",
    )
