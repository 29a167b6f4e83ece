"""Output of the findings, as tables or as JSON."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deployments.doctor.examination import Results
from deployments.doctor.finding import Finding, Level

STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILED: "bold red"}


def print_report(results: Results, console: Console) -> None:
    """Print the findings by part, their number by level, and a new secret, if any."""
    for name, findings in results.items():
        console.print(Text(name, style="bold"))
        console.print(_table(findings))
        console.print()
    console.print(_summary(all_of(results)))
    for secret in secrets_of(results):
        console.print("\nThe endpoint's signing secret, which Stripe shows only once:\n")
        console.print(f"STRIPE_WEBHOOK_SECRETS={secret}", highlight=False, soft_wrap=True)


def report_object(results: Results) -> dict[str, Any]:
    """Return the findings as a JSON object."""
    checks = [
        {"part": part, "check": each.check, "status": each.level, "found": each.found, "to_do": each.to_do or None}
        for part, findings in results.items()
        for each in findings
    ]
    levels = Counter(each.level for each in all_of(results))
    counts = {level.value: levels[level] for level in Level}
    secrets = list(secrets_of(results))
    return {**counts, "checks": checks, **({"webhook_secret": secrets[0]} if secrets else {})}


def all_of(results: Results) -> Iterable[Finding]:
    """Return every part's findings."""
    return (each for findings in results.values() for each in findings)


def secrets_of(results: Results) -> Iterable[str]:
    """Return the newly created secrets, which are shown once."""
    return (each.secret for each in all_of(results) if each.secret)


def _table(findings: Iterable[Finding]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column(width=9, no_wrap=True)
    table.add_column(width=18, no_wrap=True)
    table.add_column(overflow="fold")
    for each in findings:
        found = Text(each.found)
        if each.to_do:
            found.append(f"\n→ {each.to_do}", style="cyan")
        table.add_row(Text(f"  {each.level}", style=STYLES[each.level]), each.check, found)
    return table


def _summary(findings: Iterable[Finding]) -> Text:
    counts = Counter(each.level for each in findings)
    text = Text()
    for level in reversed(Level):
        plural = "s" if level is Level.WARNING and counts[level] != 1 else ""
        text.append(", " if text else "")
        text.append(f"{counts[level]} {level}{plural}", style=STYLES[level] if counts[level] else "")
    return text
