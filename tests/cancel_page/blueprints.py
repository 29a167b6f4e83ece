"""A company's own blueprint and catalogue, for a page with offers of every kind."""

from pathlib import Path

import stripe
from stripe.params import PriceCreateParams

from tests.offers.catalog import CATALOG, MARK, name
from tests.world import World

# A reason for each kind of offer, and two steps with offers.
KINDS = ("discount", "pause", "plan_change", "trial_extension", "contact", "redirect")
_REASON = (
    "        - {{code: wants_{kind}, meaning: To be offered this., label: {kind}, stripe: unused, offers: [{kind}]}}\n"
)
STEPS = f"""
steps:
  - survey:
      reasons:
        - {{code: wants_all, meaning: To be offered all., label: All, stripe: too_expensive, follow_up: What?}}
{"".join(_REASON.format(kind=kind) for kind in KINDS)}
  - offer: {{title: First offers, offers: [discount, {", ".join(KINDS[2:])}]}}
  - offer: {{title: Second offers, offers: [pause]}}
  - feedback: {{title: Tell us}}
  - confirm: {{title: Sure?}}
"""
# Of another plan's customers, whose offer has texts of the company's around it.
OFFER_FIRST = """
audience: plan == 'solo'
steps:
  - offer: {title: Before you go, description: We **value** you., offers: [discount]}
  - feedback: {title: Tell us, required: true}
"""
ATTRIBUTES = "videosCreated: {type: number}\ntier: {type: string}\n"
TERM = "Your contract runs for a year. Write to us if you can't wait."
PLANS = f"""
  manual:
    name: Manual
    stripe: {{lookup_keys: [page-manual-{MARK}]}}
    manual_only: true
  contract:
    name: Contract
    stripe: {{lookup_keys: [page-contract-{MARK}]}}
    fixed_term: {{leaving: refused, text: {TERM}}}
  club:
    name: Club
    stripe: {{lookup_keys: [page-club-{MARK}]}}
    offers:
      - {{id: quarterly, plan_change: {{prices: [{name("team", "month", 3)}, {name("team", "month")}]}}}}
"""


def written(directory: Path) -> tuple[Path, Path]:
    """Write the company's catalogue and its folder of blueprints."""
    catalog, folder = directory / "catalog.yaml", directory / "blueprints"
    folder.mkdir()
    catalog.write_text(CATALOG.rstrip() + PLANS, encoding="utf-8")
    (folder / "default.yaml").write_text(STEPS, encoding="utf-8")
    (folder / "solo.yaml").write_text(OFFER_FIRST, encoding="utf-8")
    (folder / "attributes.yaml").write_text(ATTRIBUTES, encoding="utf-8")
    return catalog, folder


def price_of(world: World, plan: str) -> str:
    """Return the price of one of PLANS, made on first use."""
    key = f"page-{plan}-{MARK}"
    for found in world.stripe.prices.list({"lookup_keys": [key]}).data:
        return found.id
    wanted: PriceCreateParams = {
        "product_data": {"name": plan},
        "currency": "usd",
        "unit_amount": 5000,
        "recurring": {"interval": "month"},
        "lookup_key": key,
    }
    made: stripe.Price = world.stripe.prices.create(wanted)
    return made.id
