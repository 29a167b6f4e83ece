"""`cancelflow consents`: publish wordings, and read and revoke what a customer consented to. Runs as the owner."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Json

from deployments.operations.requests import connected
from nodes.clients.consent_wordings import WordingsInvalid, read_wordings
from nodes.consents.ledger import Recorded
from nodes.errors import CancelflowError
from nodes.rules.consents import Channel, Consent, Source, Wording
from nodes.rules.dates import rfc3339
from nodes.settings import DatabaseSettings
from sql import QUERIES

Version = tuple[Channel, int]
_NOT_THE_OWNER = "only the owner of the tables may do this: set DATABASE_ADMIN_URL"


class ConsentsUnavailable(CancelflowError):
    """The database lacks the tables of consents, or only their owner may do this."""


class AlreadyRevoked(CancelflowError):
    """The customer's newest entry for the channel is a revocation."""


@dataclass(frozen=True)
class InHistory(Recorded):
    """An entry of the ledger, with the full wording."""

    text: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the entry for an export."""
        wording = {"version": self.version, "language": self.language, "text": self.text}
        return {
            "id": self.id,
            "channel": self.channel,
            "accepted": self.accepted,
            "recorded_at": rfc3339(self.recorded_at),
            "wording": wording if self.accepted else None,
            "source": self.source,
            "evidence": self.evidence,
            "phone_number": self.phone_number,
        }


def publish(settings: DatabaseSettings, file: Path) -> list[Version]:
    """Add the file's versions that were not published yet, and return them. Raises `WordingsInvalid`.

    What was published stays, whether the file has it or not; a changed text needs a new version.
    """
    given = _by_version(read_wordings(file))
    with _connected(settings) as connection:
        connection.execute(QUERIES["lock_consent_wordings"])
        before = _by_version(_wordings(connection))
        changed = [each for each, texts in given.items() if before.get(each, texts) != texts]
        if changed:
            named = ", ".join(f"{channel} {version}" for channel, version in changed)
            raise WordingsInvalid(f"{file}: published with another text: {named}. Give the new text a new version")
        new = [each for each in given if each not in before]
        for channel, version in new:
            for language, text in given[channel, version].items():
                wording = {"channel": channel, "version": version, "language": language, "text": text}
                connection.execute(QUERIES["publish_consent_wording"], wording)
    return new


def published(settings: DatabaseSettings) -> list[Wording]:
    """Return every wording that was published."""
    with _connected(settings) as connection:
        return _wordings(connection)


def history(settings: DatabaseSettings, user_id: str) -> list[InHistory]:
    """Return everything that was recorded about a person, oldest first."""
    with _every_customer(settings) as connection, connection.cursor(row_factory=class_row(InHistory)) as cursor:
        return cursor.execute(QUERIES["consent_history"], {"user_id": user_id}).fetchall()


def current(settings: DatabaseSettings, user_id: str) -> list[Consent]:
    """Return the newest entry of each channel. A deletion of the person's data ends them all."""
    with _every_customer(settings) as connection:
        return _current(connection, user_id)


def revoke(settings: DatabaseSettings, user_id: str, channel: Channel, note: str | None) -> datetime:
    """Revoke a channel for a person, and return when. Raises `AlreadyRevoked`."""
    source: Source = "operator"
    nothing = dict.fromkeys(("version", "language", "phone_number", "key"))
    entry = {"channel": channel, "accepted": False, "source": source, **nothing}
    with _every_customer(settings) as connection:
        connection.execute(QUERIES["one_intake_at_a_time"], {"user_id": user_id})
        for each in _current(connection, user_id):
            if each.channel == channel and not each.accepted:
                raise AlreadyRevoked(f"{channel} was revoked at {rfc3339(each.recorded_at)}")
        evidence = Json({"note": note} if note else {})
        with connection.cursor(row_factory=class_row(Recorded)) as cursor:
            [added] = cursor.execute(QUERIES["record_consent"], {**entry, "user_id": user_id, "evidence": evidence})
    return added.recorded_at


def _wordings(connection: psycopg.Connection[Any]) -> list[Wording]:
    with connection.cursor(row_factory=class_row(Wording)) as cursor:
        return cursor.execute(QUERIES["consent_wordings"]).fetchall()


def _current(connection: psycopg.Connection[Any], user_id: str) -> list[Consent]:
    with connection.cursor(row_factory=class_row(Consent)) as cursor:
        return cursor.execute(QUERIES["current_consents"], {"user_id": user_id}).fetchall()


def _by_version(wordings: list[Wording]) -> dict[Version, dict[str, str]]:
    found: dict[Version, dict[str, str]] = defaultdict(dict)
    for each in wordings:
        found[each.channel, each.version][each.language] = each.text
    return dict(found)


@contextmanager
def _every_customer(settings: DatabaseSettings) -> Iterator[psycopg.Connection[Any]]:
    """Connect, and make sure that no entry is hidden: an empty export would pass for a proof."""
    with _connected(settings) as connection:
        if connection.execute(QUERIES["owns_consents"]).fetchone() != (True,):
            raise ConsentsUnavailable(_NOT_THE_OWNER)
        yield connection


@contextmanager
def _connected(settings: DatabaseSettings) -> Iterator[psycopg.Connection[Any]]:
    try:
        with connected(settings) as connection:
            yield connection
    except psycopg.errors.UndefinedTable:
        raise ConsentsUnavailable("the database is not migrated: run `cancelflow migrate`") from None
    except psycopg.errors.InsufficientPrivilege:
        raise ConsentsUnavailable(_NOT_THE_OWNER) from None
