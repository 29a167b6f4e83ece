"""Terminal output of the catalogue's plans."""

from rich.table import Table

from nodes.rules.cancellation_policy import CancellationPolicy
from nodes.rules.catalog import Catalog, Manual, Plan


def catalog_table(catalog: Catalog) -> Table:
    """Return a table with each plan's Stripe names, offer and rules."""
    table = Table(box=None, pad_edge=False)
    for head in ("plan", "name", "in Stripe", "offer", "rules"):
        table.add_column(head, overflow="fold")
    names = (catalog.by_price, catalog.by_lookup_key, catalog.by_product)
    for key, plan in catalog.plans.items():
        in_stripe = [name for kind in names for name, plan_key in kind.items() if plan_key == key]
        offer = plan.offer.description if plan.offer else "none"
        table.add_row(key, plan.name(), "\n".join(in_stripe) or "nothing", offer, "\n".join(_rules(plan)))
    if by_hand := _by_hand(catalog.manual):
        table.caption = f"changed in Stripe by a person only: {by_hand}"
    return table


def _by_hand(manual: Manual) -> str:
    marks = {"plan": manual.plans, "price": manual.prices, "collection method": manual.collection_methods}
    found = [f"{what} {name}" for what, names in marks.items() for name in sorted(names)]
    return ", ".join([*found, *(f"metadata {key}: {value}" for key, value in manual.metadata.items())])


def _rules(plan: Plan) -> list[str]:
    rules = [f"one offer every {plan.cooldown_months} months, shown on at most {plan.screens_per_period} days a period"]
    if plan.past_due:
        rules.append(f"past due: {plan.past_due}")
    rules += _cancellation(plan.cancellation)
    if plan.refused_text:
        rules.append("no cancellation before a fixed term ends")
    if plan.manual_only:
        rules.append("an operator approves each cancellation")
    return rules


def _cancellation(policy: CancellationPolicy) -> list[str]:
    if policy.ends == "now":
        return [f"a cancellation takes effect immediately, refund: {policy.refund}"]
    return ["access ends immediately, billing at the end of the period"] if policy.access_ends == "now" else []
