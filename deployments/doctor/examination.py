"""Runs the checks of all parts concurrently, each within its time limit."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing

from deployments.doctor.finding import Finding, Level, Part, Progress, failed
from nodes.errors import CancelflowError, SettingsInvalid

# Called with the parts still being checked, each with its progress.
Told = Callable[[dict[str, str]], None]
Results = dict[str, list[Finding]]


async def examine(parts: Sequence[Part], told: Told = lambda _: None) -> Results:
    """Return each part's findings, in order."""
    waiting = {part.name: "" for part in parts}
    told(waiting)

    async def examined(part: Part) -> list[Finding]:
        def came(progress: str) -> None:
            waiting[part.name] = progress
            told(waiting)

        findings = await _examined(part, came)
        del waiting[part.name]
        told(waiting)
        return findings

    found = await asyncio.gather(*map(examined, parts))
    return {part.name: findings for part, findings in zip(parts, found, strict=True)}


async def _examined(part: Part, came: Callable[[str], None]) -> list[Finding]:
    findings: list[Finding] = []
    try:
        async with asyncio.timeout(part.seconds), aclosing(part.examine()) as each_finding:  # type: ignore[type-var]
            async for each in each_finding:
                if isinstance(each, Progress):
                    came(each.text)
                else:
                    findings.append(each)
    except TimeoutError:
        findings.append(failed("response", f"none within {part.seconds:g} s", part.advice))
    except SettingsInvalid as error:
        findings.append(_of_settings(error))
    except CancelflowError as error:
        findings.append(failed("response", str(error), part.advice))
    except Exception as error:  # must not hide the other parts' findings; its text may hold a secret
        findings.append(failed("check", f"it crashed ({type(error).__name__})", "Please report this to cancelflow"))
    return findings


def _of_settings(error: SettingsInvalid) -> Finding:
    lines = [line.strip() for line in str(error).splitlines()]
    found = "\n".join(line for line in lines if line != "Settings:")
    return Finding(Level.FAILED, "settings", found, "Correct these settings", of_settings=True)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 2 if settings are missing or wrong, 1 if something else failed, else 0."""
    bad = [each for each in findings if each.level is Level.FAILED]
    return 2 if any(each.of_settings for each in bad) else int(bool(bad))
