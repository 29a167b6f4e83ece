"""Terminal output of consents."""

import json
from collections.abc import Mapping

from rich.markup import escape
from rich.table import Table

from deployments.operations.consents import InHistory
from nodes.rules.consents import CHANNELS, Channel, Consent, Wording, counts


def history_table(entries: list[InHistory]) -> Table:
    """Return a table of everything recorded about a person."""
    table = Table("at", "channel", "what", "wording", "source", "evidence", box=None, pad_edge=False)
    for each in entries:
        wording = " ".join(filter(None, (f"version {each.version}", each.language))) if each.accepted else ""
        what = "accepted" if each.accepted else "revoked"
        evidence = escape(json.dumps(each.evidence, ensure_ascii=False)) if each.evidence else ""
        table.add_row(f"{each.recorded_at:%Y-%m-%d %H:%M:%S %Z}", each.channel, what, wording, each.source, evidence)
    return table


def state_lines(current: list[Consent], least: Mapping[Channel, int]) -> list[str]:
    """Return for each channel whether the person may be contacted there, and if not, why."""
    newest = {each.channel: each for each in current}
    return [f"{channel}: {_state(newest.get(channel), least)}" for channel in CHANNELS]


def _state(consent: Consent | None, least: Mapping[Channel, int]) -> str:
    if consent is None:
        return "no consent"
    if counts(consent, least):
        return f"consent to version {consent.version}"
    if not consent.accepted:
        return "no consent: revoked"
    return f"no consent: version {consent.version} is older than {least[consent.channel]} (CONSENT_MIN_VERSION)"


def wordings_table(wordings: list[Wording], least: Mapping[Channel, int]) -> Table:
    """Return a table of the published wordings, and whether an acceptance of each counts."""
    table = Table("channel", "version", "language", "counts", "text", box=None, pad_edge=False)
    for each in wordings:
        valid = "yes" if each.version >= least.get(each.channel, 1) else "no"
        table.add_row(each.channel, str(each.version), each.language or "all", valid, escape(each.text))
    return table
