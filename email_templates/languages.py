"""The language of messages to a customer, for emails, pages and the API's texts."""

import re
from contextlib import suppress
from importlib.resources import files

from babel import Locale, UnknownLocaleError

CATALOGUES = files(__package__).joinpath("locales")
# The available translations, by CLDR name: `en`, `de`, `zh_Hant`.
TRANSLATIONS = frozenset({"en", *(folder.name for folder in CATALOGUES.iterdir())})
_ENGLISH = Locale("en")


def message_locale(locale: str | None) -> Locale:
    """Return the customer's locale if there is a translation for it, else English. Never raises.

    `locale` may be written as `en_GB`, `en-GB` or `en_GB.UTF-8`. An unknown region falls back to its language.
    """
    return _translated(locale) or _ENGLISH


def browser_locale(accept_language: str | None) -> Locale:
    """Return the first language of an `Accept-Language` header that has a translation, else English. Never raises."""
    ranges = re.findall(r"([\w-]+)(?:\s*;\s*q=([01](?:\.\d{0,3})?))?", accept_language or "")
    weights = {tag: float(q or 1) for tag, q in ranges[:20]}
    preferred = sorted(filter(weights.get, weights), key=weights.__getitem__, reverse=True)
    return next(filter(None, map(_translated, preferred)), _ENGLISH)


def _translated(locale: str | None) -> Locale | None:
    """Return the locale if there is a translation for it."""
    known = known_locale(locale)
    translated = known and "_".join(filter(None, (known.language, known.script))) in TRANSLATIONS
    return known if translated else None


def known_locale(locale: str | None) -> Locale | None:
    """Return the locale, else its language, if CLDR knows it. Never raises."""
    # Drop a POSIX charset or modifier, or a Unicode extension: de_DE.UTF-8, de_DE@euro, de-DE-u-co-phonebk.
    name = re.split(r"[.@]|[-_][a-zA-Z0-9][-_]", locale or "")[0].replace("-", "_")
    for candidate in (name, name.partition("_")[0]):
        with suppress(UnknownLocaleError, ValueError):
            return Locale.parse(candidate)
    return None
