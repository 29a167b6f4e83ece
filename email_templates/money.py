"""Amounts of money as customers read them: in the message's language and the customer's regional format."""

import re
from decimal import Decimal

from babel.numbers import format_currency, format_percent, get_currency_precision, is_currency

from email_templates.languages import message_locale
from email_templates.translations import language_of

# Decimals of Stripe's amounts, where they aren't two (https://docs.stripe.com/currencies). They differ from ISO 4217:
# ISK and UGX have no decimals, but Stripe counts them in hundredths, though its list of zero-decimal currencies still
# names UGX. HUF and TWD have two, and only payouts are rounded.
_WITHOUT_DECIMALS = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_WITH_THREE_DECIMALS = "BHD JOD KWD OMR TND"
_DECIMALS = {**dict.fromkeys(_WITHOUT_DECIMALS.split(), 0), **dict.fromkeys(_WITH_THREE_DECIMALS.split(), 3)}

_CODE_BESIDE_NUMBER = re.compile(r"(?<=[A-Z])(?=\d)")


def money(amount: int, currency: str, locale: str | None) -> str:
    """Return an amount in Stripe's minor units with its currency: `$14.50`, `14,50 €`, `¥1,450`, `-$14.50`.

    `locale` as `en_GB` or `en-GB`. An unknown currency counts as one of two decimals and is shown by its code:
    `14.50 ZZZ`. Never rounds, and an invalid locale never raises.
    """
    code, language = currency.upper(), message_locale(locale)
    number = Decimal(amount).scaleb(-_DECIMALS.get(code, 2))
    if not is_currency(code):
        return format_currency(number, code, "#,##0.00\u00a0¤¤", locale=language)
    # Some currencies are customarily shown without decimals, but a customer who pays them sees them.
    usual = number == round(number, get_currency_precision(code))
    text = format_currency(number, code, locale=language, currency_digits=usual)
    # CLDR separates a code from its number, which Babel doesn't; for the narrow no-break space, see dates.py.
    return _CODE_BESIDE_NUMBER.sub("\u00a0", text).replace("\u202f", "\u00a0")


def percentage(percent: float, locale: str | None) -> str:
    """Return a percentage: `30%`, `12,5 %`. Never rounds."""
    return format_percent(Decimal(str(percent)) / 100, locale=message_locale(locale), decimal_quantization=False)


def per_interval(price: str, interval: tuple[str, int], locale: str | None) -> str:
    """Return a price with the time between two charges: `$29.00 every month`, `29,00 € alle 3 Monate`."""
    language, (unit, count) = language_of(locale), interval
    match unit:
        case "day":
            return language.ngettext("%(price)s every day", "%(price)s every %(count)s days", count, price=price)
        case "week":
            return language.ngettext("%(price)s every week", "%(price)s every %(count)s weeks", count, price=price)
        case "year":
            return language.ngettext("%(price)s every year", "%(price)s every %(count)s years", count, price=price)
    return language.ngettext("%(price)s every month", "%(price)s every %(count)s months", count, price=price)
