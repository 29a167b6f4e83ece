"""The email 14 days before a discount ends: both prices, the first charge at the new one, and how to cancel."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Draft, Email, render
from email_templates.money import per_interval
from email_templates.names import greeting_name


@dataclass(frozen=True)
class DiscountEnds(Draft):
    """The email's data. Datetimes are aware; money is formatted.

    California requires it 3 to 21 days before a promotional price of more than 31 days ends, with the length of the
    renewal period, a link to cancel and how to contact the company (AB 390, Business and Professions Code 17602).
    `price`: with the discount. `price_again`: without it, first charged at `price_again_from`. `interval`: between two
    charges, as Stripe counts it: `("month", 3)`. `contact`: the company's email address.
    """

    name: str | None
    plan: str
    offer: str
    ends_at: datetime
    price: str
    price_again: str
    price_again_from: datetime
    interval: tuple[str, int]
    cancel_url: str | None
    contact: str | None
    locale: str | None
    time_zone: str | None
    company_name: str
    request_id: str

    def email(self) -> Email:
        """Return the email, ready to send."""
        prices = {
            "reduced_price": per_interval(self.price, self.interval, self.locale),
            "regular_price": per_interval(self.price_again, self.interval, self.locale),
        }
        return render("discount_ends", **{**vars(self), **prices, "name": greeting_name(self.name)})
