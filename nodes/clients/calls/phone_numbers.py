"""Reader of phone numbers, as people write them."""

from dataclasses import dataclass

import phonenumbers

# What the library says of a number that belongs to no place.
_NOWHERE = "Etc/Unknown"


@dataclass(frozen=True)
class PhoneNumber:
    """A number that can exist. `e164`: as `+14155552671`; personal data. `zones`: where its owner may be, if known."""

    e164: str
    zones: tuple[str, ...]


def read_phone_number(written: str, country: str | None) -> PhoneNumber | None:
    """Return the number, or None if it is none. `country` (ISO 3166): its own, if it is written without a `+`."""
    try:
        number = phonenumbers.parse(written, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    # Its data takes 0.1 s to load, for which a process that calls nobody needn't wait.
    from phonenumbers import timezone

    zones = tuple(zone for zone in timezone.time_zones_for_number(number) if zone != _NOWHERE)
    return PhoneNumber(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), zones)
