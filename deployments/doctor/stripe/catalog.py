"""Checks of the catalogue: is it valid, do its names exist in Stripe, and has each live subscription a known plan."""

from collections import Counter
from collections.abc import AsyncIterator

from deployments.doctor.finding import Finding, Findings, Progress, failed, ok, warning
from deployments.doctor.stripe.opened import opened
from nodes.clients.billing.calls import together
from nodes.clients.billing.client import Billing
from nodes.clients.billing.prices import State
from nodes.clients.billing.setup_checks import BillingSetup
from nodes.clients.catalog import read_catalog
from nodes.rules.catalog import Catalog
from nodes.settings import BillingSettings, PolicySettings, load

# The newest thousand subscriptions show what is sold now; reading them takes some ten seconds.
PAGES = 10
PRICES_SHOWN = 5


async def examine() -> Findings:
    """Check the file, then its names in Stripe, then the newest subscriptions."""
    path = load(PolicySettings).catalog
    catalog = read_catalog(path)
    yield ok("catalogue", f"{len(catalog.plans)} plans in {path or 'the default catalogue'}")
    settings = load(BillingSettings)
    async with opened(settings) as stripe:
        yield _of_names(catalog, await _states(stripe, catalog), is_default=path is None)
    async for each in _subscriptions(settings, catalog):
        yield each


async def _states(stripe: BillingSetup, catalog: Catalog) -> dict[str, State]:
    """Return the state of each name, keyed by `price price_…`, `lookup key …` and `product prod_…`."""
    kinds = {
        "price": (stripe.prices.prices, catalog.by_price),
        "lookup key": (stripe.prices.lookup_keys, catalog.by_lookup_key),
        "product": (stripe.prices.products, catalog.by_product),
    }
    offered = {"price": {each for each in catalog.offered_prices if each.startswith("price_")}}
    offered["lookup key"] = catalog.offered_prices - offered["price"]
    found = await together(
        *(ask(list(dict.fromkeys([*names, *sorted(offered.get(kind, ()))]))) for kind, (ask, names) in kinds.items())
    )
    return {
        f"{kind} {name}": state for kind, states in zip(kinds, found, strict=True) for name, state in states.items()
    }


def _of_names(catalog: Catalog, states: dict[str, State], *, is_default: bool) -> Finding:
    missing = [name for name, state in states.items() if state == "missing"]
    archived = [name for name, state in states.items() if state == "archived"]
    total = f"{len(states) - len(missing)} of {len(states)} names are in Stripe"
    if missing:
        own = "Set CATALOG to a file with your own plans" if is_default else "Correct them in CATALOG"
        return failed("prices", f"{total}; missing:\n" + "\n".join(missing), f"{own}, or create them in Stripe")
    if not states:
        return warning("prices", "the catalogue names none, so every plan is unknown", "Add your prices to it")
    if archived:
        return warning(
            "prices",
            f"{total}; archived:\n" + "\n".join(archived),
            "Keep them while customers still have them; remove them from the catalogue after that",
        )
    return ok("prices", f"all {len(states)} names are in Stripe, and active")


async def _subscriptions(settings: BillingSettings, catalog: Catalog) -> AsyncIterator[Finding | Progress]:
    seen, unknown = 0, Counter[str]()
    billing, after = Billing(settings), None
    try:
        for _ in range(PAGES):
            page = await billing.live_subscriptions(after)
            seen += len(page.subscriptions)
            unknown.update(
                each.prices[0].id for each in page.subscriptions if each.prices and not catalog.plan_of(each.prices)
            )
            after = page.next
            if after is None:
                break
            yield Progress(f"{seen:,} subscriptions")
    finally:
        await billing.close()
    yield _of_plans(seen, unknown, all_seen=after is None)


def _of_plans(seen: int, unknown: Counter[str], *, all_seen: bool) -> Finding:
    which = f"{seen:,} live subscriptions" if all_seen else f"the newest {seen:,} live subscriptions"
    if not seen:
        return ok("plans", "no live subscriptions yet")
    if not unknown:
        return ok("plans", f"known for all of {which}")
    known = seen - unknown.total()
    prices = [f"{price} ({count:,})" for price, count in unknown.most_common(PRICES_SHOWN)]
    if more := len(unknown) - len(prices):
        prices.append(f"and {more} more")
    return warning(
        "plans",
        f"known for {100 * known // seen} % of {which}; in no plan:\n" + "\n".join(prices),
        "Add these prices to the catalogue; until then their customers can cancel but get no offer",
    )
