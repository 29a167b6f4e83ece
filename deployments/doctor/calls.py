"""Check of calls, where they are on: would one be placed, and would its result be accepted?"""

import asyncio

from deployments.doctor.finding import Finding, Findings, failed, ok, warning
from deployments.operations.consents import published
from nodes.clients.calls.script import CallScriptInvalid, read_call_script
from nodes.clients.yaml_files import FileUnreadable
from nodes.settings import CallScriptSettings, load


async def examine() -> Findings:
    """Check the script, the wording that customers are asked with, and the secrets of results."""
    settings = load(CallScriptSettings)
    if settings.call_webhook_url is None:
        yield ok("calls", "CALL_WEBHOOK_URL is not set; nobody is called")
        return
    yield _script(settings)
    versions = [each.version for each in await asyncio.to_thread(published, settings) if each.channel == "phone"]
    yield (
        ok("consent", f"the newest wording for phone is version {max(versions)}")
        if versions
        else warning(
            "consent",
            "no wording for phone was published: nobody is called",
            "Publish one: cancelflow consents publish",
        )
    )
    yield (
        ok("results", "signed results are accepted")
        if settings.call_result_secrets
        else warning("results", "none is accepted", "Set CALL_RESULT_SECRETS to what the vendor signs results with")
    )


def _script(settings: CallScriptSettings) -> Finding:
    try:
        read_call_script(settings.call_script, settings.call_script_fields)
    except (CallScriptInvalid, FileUnreadable) as error:
        return failed("script", str(error), "Correct the script, or CALL_SCRIPT_FIELDS: no call is placed until then")
    return ok("script", "it may be used")
