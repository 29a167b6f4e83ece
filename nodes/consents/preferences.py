"""A customer's choices on the preferences page: each channel's wording, and whether they agreed to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from nodes.consents.ledger import ACTION, Entry, add, current, wordings
from nodes.messages.customer_locale import CustomerLocale
from nodes.requests.intake import count_attempt
from nodes.rules.consents import CHANNELS, Channel, Consent, Wording, counts
from nodes.rules.texts import text_in
from nodes.services import services

# What shows in the ledger that a customer chose here.
ON_THE_PAGE = {"page": "preferences"}


@dataclass(frozen=True)
class Choice:
    """A channel as the customer sees it. `wording`: the one they agreed to, if that counts, else the newest."""

    channel: Channel
    wording: Wording
    consent: Consent | None
    counts: bool


@dataclass(frozen=True)
class Choices:
    """The channels that the company asks about. `seen`: the newest entry of the ledger when they were read, or 0."""

    channels: tuple[Choice, ...]
    seen: int


async def choices(user_id: str, locale: str) -> Choices:
    """Return what the customer can choose now."""
    async with services().database.as_user(user_id) as transaction:
        found = await current(transaction, user_id)
        return _choices(found, await wordings(transaction), locale)


async def choices_in_own_language(user_id: str) -> Choices:
    """Return the same in the customer's language; in English for a user who isn't known here yet."""
    async with services().database.as_user(user_id) as transaction:
        reads = await transaction.one("customer_locale", CustomerLocale, user_id=user_id)
    return await choices(user_id, reads.locale if reads else "en")


async def choose(user_id: str, ticked: Mapping[str, str], seen: int) -> bool:
    """Record where the page's ticks differ from the ledger. `ticked`: by channel, the key of the wording shown.

    Returns False, and records nothing, if something else was recorded since the page was shown: a page that is sent
    again, as by a browser that restores it, must not undo a later revocation. Raises `TooManyAttempts`.
    """
    await count_attempt(ACTION, user_id)
    async with services().database.as_user(user_id) as transaction:
        await transaction.run("one_intake_at_a_time", user_id=user_id)
        published = await wordings(transaction)
        now = _choices(await current(transaction, user_id), published, "")
        entries = _entries(now, ticked, {(each.channel, each.key): each for each in published})
        if entries is None or (entries and seen != now.seen):
            return False
        for entry in entries:
            await add(transaction, user_id, entry)
    return True


def _entries(
    now: Choices, ticked: Mapping[str, str], published: Mapping[tuple[Channel, str], Wording]
) -> list[Entry] | None:
    """Return what to add to the ledger; None if a tick is for a wording that doesn't exist."""
    entries = []
    for each in now.channels:
        key = ticked.get(each.channel)
        if key is None and each.consent and each.consent.accepted:
            entries.append(Entry(each.channel, False, "form", evidence=ON_THE_PAGE))
        if key is not None and not each.counts:
            wording = published.get((each.channel, key))
            if wording is None:
                return None
            number = each.consent.phone_number if each.consent else None
            entries.append(Entry(each.channel, True, "form", wording.version, wording.language, ON_THE_PAGE, number))
    return entries


def _choices(found: Mapping[Channel, Consent], published: list[Wording], locale: str) -> Choices:
    by_channel = {each: [wording for wording in published if wording.channel == each] for each in CHANNELS}
    shown = (_choice(each, texts, found.get(each), locale) for each, texts in by_channel.items())
    return Choices(tuple(filter(None, shown)), max((each.id for each in found.values()), default=0))


def _choice(channel: Channel, published: list[Wording], consent: Consent | None, locale: str) -> Choice | None:
    """Return the channel's choice; None where no wording that counts was published."""
    least = services().settings.consent_min_version
    newest = max((each.version for each in published), default=0)
    if newest < least.get(channel, 1):
        return None
    if consent and counts(consent, least):
        [agreed] = [each for each in published if (each.version, each.language) == (consent.version, consent.language)]
        return Choice(channel, agreed, consent, True)
    texts = {each.language: each for each in published if each.version == newest}
    return Choice(channel, text_in(texts, locale), consent, False)
