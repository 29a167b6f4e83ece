"""What another company's model gets of a reply."""

import pytest

from nodes.clients.categories.local import is_ordinary
from nodes.rules.replies.redaction import redacted


def sent(text: str, *names: str) -> str:
    return redacted(text, names=names, ordinary=is_ordinary)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Write to jo.miller@example.co.uk, please", "Write to [email] please"),
        ("See https://example.com/u/77?x=1 or www.example.com", "See [link] or [link]"),
        ("Call +49 (0)171 555-1234 now", "Call +[number] now"),
        ("It costs $199.00 a month since 2024-11-03", "It costs $[number] a month since [number]"),
        ("my IBAN is DE02 1203 0000 0000 2020 51", "my [name] is [number]"),
        ("Order A12-99X was late", "Order [number] was late"),
        ("ask @jmiller", "ask [name]"),
        ("Your colleague Sandra Huber-Meier promised it", "Your colleague [name] promised it"),
        ("I live at 12 Baker Street, London", "I live at [number] [name]"),
        ("my name is jonathan and I left", "my name is [name] and I left"),
        ("Je m'appelle Hélène, trop cher", "Je m'appelle [name], trop cher"),
        ("zu teuer, Gruß an Frau Öztürk", "zu teuer, [name] an [name]"),
    ],
)
def test_names_addresses_and_numbers_are_removed(text: str, left: str) -> None:
    assert sent(text) == left


def test_the_customers_own_names_are_removed_however_they_are_written() -> None:
    assert sent("cheers, jo price-miller / JO", "Jo Price-Miller") == "cheers, [name] / [name]"


@pytest.mark.parametrize(
    "text",
    ["Too expensive, and I can't afford it.", "The support team was RUDE!", "Der Preis ist zu hoch", "Trop cher"],
)
def test_what_a_category_needs_is_left(text: str) -> None:
    assert sent(text) == text


def test_no_common_first_name_counts_as_an_ordinary_word() -> None:
    names = "John Mary Sandra Thomas Anna Jean Marie Pierre Carlos Maria Jose Ahmed Wei Olga Peter Laura Kevin Ali"
    assert [name for name in names.split() if is_ordinary(name)] == []
