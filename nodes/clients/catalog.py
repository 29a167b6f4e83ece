"""Loader for the catalogue file."""

from collections.abc import Callable, Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap

from nodes.clients.yaml_files import DEFAULTS, Wrong, line_of, listed, parse, text_of
from nodes.errors import SettingsInvalid
from nodes.rules.cancellation_policy import CancellationPolicy
from nodes.rules.catalog import Catalog, Manual, Plan
from nodes.rules.offers import RetentionOffer
from nodes.rules.texts import as_texts
from nodes.rules.ways_to_stay import DiscountTerms, LinkTerms, Offer, PauseTerms, PlanChangeTerms, Terms, TrialTerms

_KINDS = {"prices": "price", "lookup_keys": "lookup key", "products": "product"}


class CatalogInvalid(SettingsInvalid):
    """The catalogue is invalid; the message names the file and says, line by line, what is expected."""


def read_catalog(path: Path | None = None) -> Catalog:
    """Return the company's catalogue, or the default with the specification's plans.

    Raises `FileUnreadable` and `CatalogInvalid`.
    """
    file: Path | Traversable = path or DEFAULTS.joinpath("catalog.yaml")
    document, wrong = parse(text_of(file, "CATALOG"), "catalog.schema.json")
    wrong = wrong or [
        *_ambiguous(document["plans"]),
        *_wrong_offers(document),
        *_contradictory(document["plans"]),
        *_wrong_manual(document),
    ]
    if wrong:
        raise CatalogInvalid("\n".join(["The catalogue cannot be used:", *listed(file, wrong)]))
    return _catalog(document)


def _ambiguous(plans: CommentedMap) -> Iterator[Wrong]:
    """Yield each price, lookup key or product that is in two plans, which would make the offer ambiguous."""
    for kind, what in _KINDS.items():
        seen: dict[str, str] = {}
        for key, plan in plans.items():
            for place, name in enumerate(plan.get("stripe", {}).get(kind, [])):
                if name in seen:
                    line = line_of(plans, [key, "stripe", kind, place])
                    yield line, f"{what} {name} is in two plans, {seen[name]} and {key}: leave it in one"
                seen[name] = key


def _wrong_offers(document: CommentedMap) -> Iterator[Wrong]:
    """Yield what the schema can't say: ids and kinds of offers, the limits of pauses, and `allowed_urls`."""
    allowed, kinds = tuple(document.get("allowed_urls", ())), dict[str, str]()
    for key, plan in document["plans"].items():
        ids: set[str] = set()
        for place, offer in enumerate(plan.get("offers", ())):
            line = line_of(document, ["plans", key, "offers", place])
            if offer["id"] in ids:
                yield line, f"the plan {key} has two offers with the id {offer['id']}"
            kind = next(each for each in _TERMS if each in offer)
            if kinds.setdefault(offer["id"], kind) != kind and offer["id"] not in ids:
                yield line, f"{offer['id']} is a {kinds[offer['id']]} in another plan; give it another id"
            ids.add(offer["id"])
            pause = offer.get("pause", {})
            if pause and pause.get("least", 1) > pause["most"]:
                yield line, f"{offer['id']}: least must not be more than most"
            url = (offer.get("contact") or offer.get("redirect") or {}).get("url")
            if url and not url.startswith(allowed):
                yield line, f"{offer['id']}: {url} does not begin with one of allowed_urls"


def _contradictory(plans: CommentedMap) -> Iterator[Wrong]:
    """Yield each refund without an immediate end, and each early end of access with one."""
    for key, plan in plans.items():
        policy = CancellationPolicy(**plan.get("cancellation", {}))
        if policy.refund != "none" and policy.ends != "now":
            yield line_of(plans, [key, "cancellation", "refund"]), f"{key}: refund {policy.refund} needs ends: now"
        if policy.access_ends == "now" and policy.ends == "now":
            line = line_of(plans, [key, "cancellation", "access_ends"])
            yield line, f"{key}: access_ends: now needs ends: period_end; with ends: now, access ends anyway"


def _wrong_manual(document: CommentedMap) -> Iterator[Wrong]:
    """Yield each plan of `manual` that is not in the catalogue."""
    for place, plan in enumerate(document.get("manual", {}).get("plans", ())):
        if plan not in document["plans"]:
            yield line_of(document, ["manual", "plans", place]), f"manual.plans: there is no plan {plan}"


def _catalog(document: Mapping[str, Any]) -> Catalog:
    plans = document["plans"]

    def by(kind: str) -> dict[str, str]:
        return {str(name): str(key) for key, plan in plans.items() for name in plan.get("stripe", {}).get(kind, [])}

    read = {str(key): _plan(str(key), plan) for key, plan in plans.items()}
    return Catalog(read, by("prices"), by("lookup_keys"), by("products"), _manual(document.get("manual", {})))


def _manual(manual: Mapping[str, Any]) -> Manual:
    lists = {name: frozenset(map(str, manual.get(name, ()))) for name in ("plans", "prices", "collection_methods")}
    return Manual(**lists, metadata={str(key): str(value) for key, value in manual.get("metadata", {}).items()})


def _plan(key: str, plan: Mapping[str, Any]) -> Plan:
    offer, retention, term = plan.get("offer"), plan.get("retention", {}), plan.get("fixed_term", {})
    return Plan(
        key,
        as_texts(plan["name"]),
        RetentionOffer(key, offer["percent_off"], offer["months"], tuple(offer.get("entitlements", ())))
        if offer
        else None,
        offers=tuple(map(_offer, plan.get("offers", ()))),
        cooldown_months=retention.get("cooldown_months", Plan.cooldown_months),
        screens_per_period=retention.get("screens_per_period", Plan.screens_per_period),
        past_due=plan.get("past_due"),
        cancellation=CancellationPolicy(**plan.get("cancellation", {})),
        refused_text=as_texts(term["text"]) if term.get("leaving") == "refused" else None,
        manual_only=plan.get("manual_only", False),
    )


def _offer(offer: Mapping[str, Any]) -> Offer:
    text = offer.get("text")
    return Offer(offer["id"], _terms(offer), as_texts(text) if text else None)


def _terms(offer: Mapping[str, Any]) -> Terms:
    kind = next(each for each in _TERMS if each in offer)  # the schema demands one
    return _TERMS[kind](offer[kind])


_TERMS: dict[str, Callable[[Mapping[str, Any]], Terms]] = {
    "discount": lambda given: DiscountTerms(**given),
    "pause": lambda given: PauseTerms(**{"least": 1, **given}),
    "plan_change": lambda given: PlanChangeTerms(**{**given, "prices": tuple(given["prices"])}),
    "trial_extension": lambda given: TrialTerms(**given),
    "contact": lambda given: LinkTerms("contact", given["url"]),
    "redirect": lambda given: LinkTerms("redirect", given["url"]),
}
