"""A company's catalogue with offers of every kind, and its prices in Stripe."""

import uuid

import stripe

from tests.world import World

MARK = uuid.uuid4().hex[:8]
LOYAL = f"loyal-{MARK}"  # a coupon that the company made itself
# Amounts by interval; each in Stripe under the lookup key `{plan}-{interval}-{MARK}`.
PRICES: dict[str, dict[tuple[str, int], int]] = {
    "team": {("week", 1): 1300, ("month", 1): 4900, ("month", 3): 14000, ("year", 1): 49000},
    "solo": {("week", 1): 700, ("month", 1): 1900, ("year", 1): 19000},
    "firm": {("week", 1): 2100, ("month", 1): 9900, ("year", 1): 99000},
}


def name(plan: str, unit: str, count: int = 1) -> str:
    """Return a price's lookup key."""
    return f"{plan}-{unit}{count if count > 1 else ''}-{MARK}"


def _keys(plan: str) -> str:
    return ", ".join(name(plan, *interval) for interval in PRICES[plan])


CATALOG = f"""
allowed_urls: [https://help.example.com/]
plans:
  team:
    name: {{en: Team Flow, de: Teamfluss}}
    stripe: {{lookup_keys: [{_keys("team")}]}}
    offer: {{percent_off: 15, months: 2, entitlements: [priority_support]}}
    offers:
      - id: half
        discount: {{percent_off: 50, duration: repeating, months: 3}}
        text: {{en: Stay for half, de: Bleib}}
      - {{id: fiver, discount: {{amount_off: 500, currency: usd, duration: once}}}}
      - {{id: euro, discount: {{amount_off: 500, currency: eur, duration: once}}}}
      - {{id: always, discount: {{percent_off: 10, duration: forever}}}}
      - {{id: loyal, discount: {{percent_off: 25, duration: repeating, months: 1, coupon: {LOYAL}}}}}
      - {{id: personal, discount: {{percent_off: 40, duration: once, single_use: true}}}}
      - {{id: long, discount: {{amount_off: 300, currency: usd, duration: repeating, months: 12}}}}
      - {{id: pause, pause: {{unit: month, least: 1, most: 3}}}}
      - {{id: break, pause: {{unit: week, least: 2, most: 6, collection: mark_uncollectible, cooldown_months: 0}}}}
      - {{id: rest, pause: {{unit: month, least: 2, most: 2, collection: keep_as_draft}}}}
      - id: later
        plan_change: {{prices: [{name("solo", "month")}, {name("team", "year")}, {name("firm", "month")}]}}
      - id: now
        plan_change: {{prices: [{name("solo", "month")}, {name("team", "year")}, {name("firm", "month")}], when: now}}
      - id: prorated
        plan_change:
          prices: [{name("solo", "month")}, {name("team", "year")}, {name("firm", "month")}]
          when: now
          prorate: true
      - {{id: longer-trial, trial_extension: {{days: 10}}}}
      - {{id: talk, contact: {{url: "https://help.example.com/talk"}}}}
      - {{id: tips, redirect: {{url: "https://help.example.com/tips"}}}}
  solo:
    name: Solo
    stripe: {{lookup_keys: [{_keys("solo")}]}}
    offers:
      - {{id: only-solo, discount: {{percent_off: 20, duration: forever}}}}
  firm:
    name: Firm
    stripe: {{lookup_keys: [{_keys("firm")}]}}
"""


def price(world: World, plan: str, unit: str = "month", count: int = 1) -> str:
    """Return the id of a price, made on first use."""
    key = name(plan, unit, count)
    for found in world.stripe.prices.list({"lookup_keys": [key]}).data:
        return found.id
    made = world.stripe.prices.create(
        {
            "product_data": {"name": plan},
            "currency": "usd",
            "unit_amount": PRICES[plan][unit, count],
            "recurring": {"interval": unit, "interval_count": count},
            "lookup_key": key,
        }
    )
    return made.id


def every_price(world: World) -> None:
    """Make every price and the company's own coupon."""
    for plan, intervals in PRICES.items():
        for unit, count in intervals:
            price(world, plan, unit, count)
    try:
        world.stripe.coupons.retrieve(LOYAL)
    except stripe.InvalidRequestError:
        world.stripe.coupons.create({"id": LOYAL, "percent_off": 25, "duration": "repeating", "duration_in_months": 1})
