"""Texts for customers: the company's own, by language, and the mark of ours that are translated later."""

from collections.abc import Mapping
from typing import TypeVar

# By language, or under the empty key if a text is the same in all languages.
Texts = Mapping[str, str]
Found = TypeVar("Found")


def as_texts(given: str | Mapping[str, str]) -> Texts:
    """Return a text as a company's file has it: one for all languages, or one by language."""
    return {"": str(given)} if isinstance(given, str) else {str(tag): str(text) for tag, text in given.items()}


def in_language(by_tag: Mapping[str, Found], locale: str | None) -> Found | None:
    """Return what is given for all languages, else for the locale, else for its language, if anything."""
    wanted = (locale or "").replace("-", "_")
    known = {tag.replace("-", "_"): each for tag, each in by_tag.items()}
    return next((known[tag] for tag in ("", wanted, wanted.partition("_")[0]) if tag in known), None)


def text_in(texts: Mapping[str, Found], locale: str | None) -> Found:
    """Return what is given for the locale, else for its language, else for English, else for the first language."""
    for tag in (locale, "en"):
        if found := in_language(texts, tag):
            return found
    return next(iter(texts.values()))


def translatable(text: str) -> str:
    """Mark a text for the catalogues (email_templates/locales) where it is written before its language is known."""
    return text
