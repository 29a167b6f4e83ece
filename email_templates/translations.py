"""Texts in the customer's language, from the gettext catalogues in `locales/`; in English where one is missing."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from jinja2 import Environment

from email_templates.languages import CATALOGUES, known_locale, message_locale

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True)
class Language:
    """The language of one message or page: the locale that its dates follow, and the catalogue of its texts."""

    locale: Locale
    catalogue: NullTranslations

    def gettext(self, message: str, /, **values: object) -> str:
        """Return the text in this language, with the values for its placeholders: `Hello %(name)s,`."""
        return self.catalogue.gettext(message) % values

    def ngettext(self, one: str, many: str, count: int, /, **values: object) -> str:
        """Return the text for a count, which is its placeholder `%(count)s`."""
        return self.catalogue.ngettext(one, many, count) % {"count": count, **values}

    def number(self, number: int) -> str:
        """Return a number as it is written in this language: `2,000`."""
        return format_decimal(number, locale=self.locale)

    def translated(self, text: str) -> str:
        """Return the translation of a text that was marked where it is written, or the text if it has none."""
        return self.catalogue.gettext(text).replace("%%", "%")

    @property
    def tag(self) -> str:
        """Return the BCP 47 tag for `lang`, such as `en-GB`."""
        return str(self.locale).replace("_", "-")

    @property
    def direction(self) -> str:
        """Return the direction of its script for `dir`: `ltr` or `rtl`."""
        return self.locale.text_direction

    @property
    def start(self) -> str:
        """Return the side where its lines begin: `left` or `right`."""
        return "right" if self.direction == "rtl" else "left"


class Replaced(NullTranslations):
    """A catalogue in which a company's own texts replace some of its messages.

    A percent sign in them is text: `20% off`. One with a placeholder that the message doesn't have is left out, because
    a page that can't be rendered keeps a customer from cancelling (FEATURES F28).
    """

    def __init__(self, texts: dict[str, str], catalogue: NullTranslations) -> None:
        super().__init__()
        escaped = {message: re.sub(r"%%|%(?!\(\w+\)s)", "%%", text) for message, text in texts.items()}
        self._texts = {
            message: text
            for message, text in escaped.items()
            if set(_PLACEHOLDER.findall(text)) <= set(_PLACEHOLDER.findall(message))
        }
        self.add_fallback(catalogue)

    def gettext(self, message: str) -> str:
        """Return the company's text, else the catalogue's."""
        return self._texts.get(message) or super().gettext(message)


@lru_cache(maxsize=32)  # a company has few sets of texts, and templates are compiled for each
def replaced(texts: tuple[tuple[str, str], ...], catalogue: NullTranslations) -> NullTranslations:
    """Return a catalogue with these texts, by message."""
    return Replaced(dict(texts), catalogue) if texts else catalogue


def language_of(locale: str | Locale | None, texts: tuple[tuple[str, str], ...] = ()) -> Language:
    """Return the language of messages to a customer with this locale, with a company's own texts. Never raises.

    A company's texts make any language possible; what they leave out is English.
    """
    own = known_locale(str(locale)) if texts else None
    known = own or (locale if isinstance(locale, Locale) else message_locale(locale))
    catalogue = catalogue_of("_".join(filter(None, (known.language, known.script))))
    return Language(known, replaced(texts, catalogue))


def translate(environment: Environment, catalogue: NullTranslations) -> Environment:
    """Let an environment's templates use `{% trans %}` and `_()` with a catalogue."""
    environment.add_extension("jinja2.ext.i18n")
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    return environment


@cache
def catalogue_of(name: str) -> NullTranslations:
    """Return the catalogue of a language, such as `de`; an empty one if there is none."""
    file = CATALOGUES.joinpath(name, "LC_MESSAGES", "cancelflow.po")
    return compiled(file.read_bytes(), name) if file.is_file() else NullTranslations()


def compiled(catalogue: bytes, name: str) -> NullTranslations:
    """Return a catalogue in gettext's text format, without the texts that are not translated or marked as fuzzy."""
    binary = BytesIO()
    write_mo(binary, read_po(BytesIO(catalogue), locale=name))
    binary.seek(0)
    return GNUTranslations(binary)


ENGLISH = language_of("en")
