"""Check of the published wordings: is there one that counts for each channel of CONSENT_MIN_VERSION?"""

import asyncio

from deployments.doctor.finding import Findings, failed, ok
from deployments.operations.consents import published
from nodes.settings import ConsentListSettings, load


async def examine() -> Findings:
    """Check that no channel asks for a version that doesn't exist, with which nobody could consent."""
    settings = load(ConsentListSettings)
    newest: dict[str, int] = {}
    for each in await asyncio.to_thread(published, settings):
        newest[each.channel] = max(each.version, newest.get(each.channel, 0))
    least = settings.consent_min_version
    if missing := [channel for channel, version in least.items() if newest.get(channel, 0) < version]:
        yield failed(
            "wordings",
            "\n".join(
                f"{each}: CONSENT_MIN_VERSION is {least[each]}, but the newest version is {newest.get(each, 'none')}"
                for each in missing
            ),
            "Publish that version with `cancelflow consents publish`, or correct CONSENT_MIN_VERSION",
        )
        return
    listed = ", ".join(f"{channel} version {version}" for channel, version in newest.items())
    yield ok("wordings", listed or "none was published; no consent is asked for")
