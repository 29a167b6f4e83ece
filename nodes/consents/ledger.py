"""The ledger of consents in PostgreSQL: append-only, with the newest entry of each channel as the current state."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from nodes.clients.database.client import Transaction
from nodes.refusals.consents import RevokedSince, WordingUnknown
from nodes.refusals.requests import KeyReused
from nodes.requests.intake import count_attempt
from nodes.rules.consents import Channel, Consent, Source, Wording, counts
from nodes.rules.dates import rfc3339
from nodes.services import services

ACTION = "change_consent"


@dataclass(frozen=True)
class Entry:
    """An acceptance or a revocation. `version` and `language`: of the wording that is accepted.

    `phone_number`: which the acceptance of calls or text messages is about, in E.164; None: the one that Stripe has.
    """

    channel: Channel
    accepted: bool
    source: Source | None
    version: int | None = None
    language: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    phone_number: str | None = None


@dataclass(frozen=True)
class Recorded(Consent):
    """An entry as it stands in the ledger."""

    evidence: dict[str, Any]

    @property
    def entry(self) -> Entry:
        """Return what was recorded."""
        return Entry(
            self.channel, self.accepted, self.source, self.version, self.language, self.evidence, self.phone_number
        )


async def record(user_id: str, entry: Entry, key: str | None) -> Recorded:
    """Add an entry. `key`: an idempotency key, with which a repetition within 24 hours returns what was recorded first.

    Raises `WordingUnknown`, `RevokedSince`, `KeyReused` and `TooManyAttempts`; nothing was recorded then.
    """
    await count_attempt(ACTION, user_id)
    async with services().database.as_user(user_id) as transaction:
        entry = _complete(entry, await wordings(transaction))
        await transaction.run("one_intake_at_a_time", user_id=user_id)
        before = await transaction.one("consent_of_key", Recorded, user_id=user_id, key=key)
        if before is None:
            await _refuse_stale_import(transaction, user_id, entry)
            return await add(transaction, user_id, entry, key)
    if before.entry != entry:
        raise KeyReused
    return before


async def revoke(user_id: str, channels: Iterable[Channel], source: Source, evidence: dict[str, Any]) -> None:
    """Revoke each channel that isn't revoked already, whether it was accepted or never asked for."""
    async with services().database.as_user(user_id) as transaction:
        await revoke_in(transaction, user_id, channels, source, evidence)


async def revoke_in(
    transaction: Transaction, user_id: str, channels: Iterable[Channel], source: Source, evidence: dict[str, Any]
) -> None:
    """Do the same in a transaction of the user's, with what the revocation came with."""
    await transaction.run("one_intake_at_a_time", user_id=user_id)
    found = await current(transaction, user_id)
    for channel in channels:
        if channel not in found or found[channel].accepted:
            await add(transaction, user_id, Entry(channel, False, source, evidence=evidence))


def said_at(at: datetime | None) -> dict[str, str]:
    """Return evidence of when the customer revoked, by another clock: it shows how soon we heeded it (FEATURES G06)."""
    return {"said_at": rfc3339(at)} if at else {}


async def current(transaction: Transaction, user_id: str) -> dict[Channel, Consent]:
    """Return the newest entry of each channel that has one."""
    found = await transaction.all("current_consents", Consent, user_id=user_id)
    return {each.channel: each for each in found}


async def standing_consent(transaction: Transaction, user_id: str, channel: Channel) -> Consent | None:
    """Return the customer's consent to a channel, if it counts now. A phone number in Stripe is no consent."""
    found = (await current(transaction, user_id)).get(channel)
    return found if counts(found, services().settings.consent_min_version) else None


async def wordings(transaction: Transaction) -> list[Wording]:
    """Return every wording that was published."""
    return await transaction.all("consent_wordings", Wording)


async def add(transaction: Transaction, user_id: str, entry: Entry, key: str | None = None) -> Recorded:
    """Add an entry whose wording exists. In a transaction that has begun with `one_intake_at_a_time`."""
    [added] = await transaction.all("record_consent", Recorded, user_id=user_id, key=key, **vars(entry))
    return added


async def _refuse_stale_import(transaction: Transaction, user_id: str, entry: Entry) -> None:
    """Refuse an import that may be older than the customer's revocation. Raises `RevokedSince`."""
    if entry.accepted and entry.source == "import":
        newest = (await current(transaction, user_id)).get(entry.channel)
        if newest and not newest.accepted:
            raise RevokedSince


def _complete(entry: Entry, published: list[Wording]) -> Entry:
    """Return an entry with its wording's language. Raises `WordingUnknown`."""
    if not entry.accepted:
        return entry
    of_channel = [each for each in published if each.channel == entry.channel]
    languages = [each.language for each in of_channel if each.version == entry.version]
    if entry.language is None and len(languages) == 1:
        return replace(entry, language=languages[0])
    if entry.language not in languages:
        raise WordingUnknown(_unknown(entry, languages, sorted({each.version for each in of_channel})))
    return entry


def _unknown(entry: Entry, languages: list[str], versions: list[int]) -> str:
    if languages == [""]:
        return f"language: version {entry.version} for {entry.channel} is the same in every language: leave it out"
    if languages:
        return f"language: version {entry.version} for {entry.channel} is in {', '.join(languages)}: name one of them"
    listed = ", ".join(map(str, versions)) or "none"
    return f"wording_version: {entry.channel} has no version {entry.version}; published: {listed}"
