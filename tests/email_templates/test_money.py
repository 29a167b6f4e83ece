"""Stripe's amounts as customers read them: each kind of currency, the customer's format, and invalid data."""

import pytest

from email_templates.money import money


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "text"),
    [
        (1450, "usd", "en_US", "$14.50"),
        (1450, "USD", "en", "$14.50"),
        (123456789, "usd", "en_US", "$1,234,567.89"),
        (0, "usd", "en_US", "$0.00"),
        (1, "usd", "en_US", "$0.01"),
        (-1450, "usd", "en_US", "-$14.50"),
        # The customer's regional format, which also tells one dollar from another.
        (1450, "eur", "en_DE", "14,50\u00a0€"),
        (-1450, "eur", "en_DE", "-14,50\u00a0€"),
        (1450, "eur", "en_IE", "€14.50"),
        (1450, "usd", "en_CA", "US$14.50"),
        (1450, "cad", "en_US", "CA$14.50"),
        (12345678, "inr", "en_IN", "₹1,23,456.78"),
        (145000, "eur", "en_FR", "1\u00a0450,00\u00a0€"),
        # Without a translation the whole message is English, including the amounts.
        (1450, "eur", "it_IT", "€14.50"),
        (1450, "eur", "de_DE", "14,50\u00a0€"),
        (145000, "eur", "fr_FR", "1\u00a0450,00\u00a0€"),
        (1450, "usd", "es_MX", "USD\u00a014.50"),
        # Symbols of letters are set apart from the number.
        (1450, "chf", "en_US", "CHF\u00a014.50"),
        (-1450, "chf", "en_US", "-CHF\u00a014.50"),
        (1450, "usd", "en_AU", "USD\u00a014.50"),
    ],
)
def test_the_amount_is_in_the_customers_format(amount: int, currency: str, locale: str, text: str) -> None:
    assert money(amount, currency, locale) == text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        # Without decimals.
        (1450, "jpy", "¥1,450"),
        (-1450, "jpy", "-¥1,450"),
        (1450, "krw", "₩1,450"),
        (1450, "vnd", "₫1,450"),
        (1450, "clp", "CLP\u00a01,450"),
        (1450, "mga", "MGA\u00a01,450"),
        # With three.
        (14500, "kwd", "KWD\u00a014.500"),
        (5120, "bhd", "BHD\u00a05.120"),
        # Without decimals, but in hundredths at Stripe.
        (500, "isk", "ISK\u00a05"),
        (500, "ugx", "UGX\u00a05"),
        # Without decimals only in payouts.
        (1045, "huf", "HUF\u00a010.45"),
        (80045, "twd", "NT$800.45"),
        # With decimals that are customarily not shown: never rounded.
        (145000, "rsd", "RSD\u00a01,450"),
        (145050, "rsd", "RSD\u00a01,450.50"),
    ],
)
def test_each_currency_has_stripes_minor_units(amount: int, currency: str, text: str) -> None:
    assert money(amount, currency, "en_US") == text


@pytest.mark.parametrize(
    ("amount", "locale", "text"),
    [
        (1450, "en_US", "14.50\u00a0ZZZ"),
        (-145000, "en_US", "-1,450.00\u00a0ZZZ"),
        (145000, "en_DE", "1.450,00\u00a0ZZZ"),
    ],
)
def test_an_unknown_currency_is_shown_as_amount_and_code(amount: int, locale: str, text: str) -> None:
    assert money(amount, "zzz", locale) == text


@pytest.mark.parametrize("locale", [None, "", "xx", "C", "x-klingon", "../etc/passwd", "\x00", "1", "é", "en_XX"])
def test_an_invalid_locale_falls_back_to_english(locale: str | None) -> None:
    assert money(1450, "usd", locale) == "$14.50"
