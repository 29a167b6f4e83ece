"""Texts for customers: the company's own, by language, and the mark of ours that are translated later."""

from collections.abc import Mapping

# By language, or under the empty key if a text is the same in all languages.
Texts = Mapping[str, str]


def as_texts(given: str | Mapping[str, str]) -> Texts:
    """Return a text as a company's file has it: one for all languages, or one by language."""
    return {"": str(given)} if isinstance(given, str) else {str(tag): str(text) for tag, text in given.items()}


def text_in(texts: Texts, locale: str | None) -> str:
    """Return the text in the locale, else in its language, else in English, else in the first language given."""
    wanted = (locale or "").replace("-", "_")
    by_tag = {tag.replace("-", "_"): text for tag, text in texts.items()}
    for tag in ("", wanted, wanted.partition("_")[0], "en"):
        if tag in by_tag:
            return by_tag[tag]
    return next(iter(texts.values()))


def translatable(text: str) -> str:
    """Mark a text for the catalogues (email_templates/locales) where it is written before its language is known."""
    return text
