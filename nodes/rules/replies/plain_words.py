"""Texts as words without case, accents and typographic apostrophes, for comparing what customers write."""

import re
import unicodedata

_WORD = re.compile(r"\w+(?:'\w+)*")
_APOSTROPHES = str.maketrans("\u2019\u2018\u0060\u00b4", "''''")


def plain(text: str) -> str:
    """Return the text in lower case and without accents: `Gebühr` and `GEBUHR` become `gebuhr`."""
    apart = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES).casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))


def plain_words(text: str) -> list[str]:
    """Return the words of the text, as `plain` writes them, in their order."""
    return _WORD.findall(plain(text))
