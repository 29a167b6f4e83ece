"""The language of messages to a customer, for emails, pages and the API's texts."""

import re

from babel import Locale, UnknownLocaleError

# The available translations, by CLDR name: `en`, `de`, `zh_Hant`.
TRANSLATIONS = frozenset({"en"})
_ENGLISH = Locale("en")


def message_locale(locale: str | None) -> Locale:
    """Return the customer's locale if there is a translation for it, else English. Never raises.

    `locale` may be written as `en_GB`, `en-GB` or `en_GB.UTF-8`. An unknown region falls back to its language.
    """
    # Drop a POSIX charset or modifier, or a Unicode extension: de_DE.UTF-8, de_DE@euro, de-DE-u-co-phonebk.
    name = re.split(r"[.@]|[-_][a-zA-Z0-9][-_]", locale or "")[0].replace("-", "_")
    for candidate in (name, name.partition("_")[0]):
        try:
            known = Locale.parse(candidate)
        except (UnknownLocaleError, ValueError):
            continue
        return known if "_".join(filter(None, (known.language, known.script))) in TRANSLATIONS else _ENGLISH
    return _ENGLISH


def language_tag(locale: str | None) -> str:
    """Return the BCP 47 tag, such as `en-GB`, of the language of messages to this customer."""
    return str(message_locale(locale)).replace("_", "-")
