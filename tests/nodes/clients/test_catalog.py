"""The catalogue file: the default, a company's own, and error messages for an invalid one."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from nodes.clients.catalog import CatalogInvalid, read_catalog
from nodes.clients.yaml_files import FileUnreadable
from nodes.rules.cancellation_policy import DEFAULT, CancellationPolicy
from nodes.rules.catalog import Plan, Price
from nodes.rules.ways_to_stay import DiscountTerms, LinkTerms, PauseTerms, PlanChangeTerms, TrialTerms

OURS = """
plans:
  basic:
    name: {en: Basic, de: Einfach, pt-BR: Básico}
    stripe: {prices: [price_1], products: [prod_9]}
  team:
    name: Team
    stripe:
      lookup_keys: [team_monthly]
      products: [prod_1]
    offer: {percent_off: 25, months: 1, entitlements: [priority_support]}
    retention: {cooldown_months: 12, screens_per_period: 1}
    past_due: keep_period
    cancellation: {ends: now, refund: prorated}
    fixed_term: {leaving: refused, text: {en: Your contract runs on., de: Ihr Vertrag läuft weiter.}}
    manual_only: true
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "catalog.yaml"


def wrong(written: Path, text: str) -> str:
    written.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogInvalid) as refused:
        read_catalog(written)
    return str(refused.value)


def test_the_default_has_the_specifications_three_plans() -> None:
    offers = {key: plan.offer.description for key, plan in read_catalog().plans.items() if plan.offer}
    assert offers == {
        "starter": "20% off for 3 months",
        "professional": "30% off for 3 months",
        "enterprise": "40% off for 6 months and priority support",
    }
    assert {(p.cooldown_months, p.screens_per_period) for p in read_catalog().plans.values()} == {(6, 2)}


def test_a_company_can_define_its_own_plans(written: Path) -> None:
    written.write_text(OURS, encoding="utf-8")
    catalog = read_catalog(written)

    basic, team = catalog.plan("basic"), catalog.plan("team")
    assert (basic.offer, basic.cooldown_months, basic.past_due, basic.manual_only) == (None, 6, None, False)
    assert team.offer is not None
    assert (team.offer.description, team.offer.duration) == ("25% off for 1 month and priority support", "1 month")
    assert (team.cooldown_months, team.screens_per_period, team.past_due) == (12, 1, "keep_period")
    assert team.manual_only
    assert (basic.cancellation, team.cancellation) == (DEFAULT, CancellationPolicy("now", "prorated"))
    assert team.refused_text == {"en": "Your contract runs on.", "de": "Ihr Vertrag läuft weiter."}


@pytest.mark.parametrize(
    ("locale", "name"),
    [
        ("de_AT", "Einfach"),
        ("de", "Einfach"),
        ("pt_BR", "Básico"),
        ("pt-BR", "Básico"),
        ("fr", "Basic"),
        (None, "Basic"),
    ],
)
def test_a_plans_name_is_in_the_customers_language_or_in_english(written: Path, locale: str, name: str) -> None:
    written.write_text(OURS, encoding="utf-8")
    assert read_catalog(written).plan("basic").name(locale) == name
    assert read_catalog(written).plan("team").name(locale) == "Team"


def test_a_price_is_matched_by_id_then_lookup_key_then_product(written: Path) -> None:
    written.write_text(OURS, encoding="utf-8")
    plan_of = read_catalog(written).plan_of
    assert plan_of([Price("price_1", "prod_1", "team_monthly")]) == "basic"
    assert plan_of([Price("price_2", "prod_9", "team_monthly")]) == "team"
    assert plan_of([Price("price_3", "prod_9", None)]) == "basic"
    assert plan_of([Price("price_4", "prod_other", None), Price("price_5", "prod_1", None)]) == "team"
    assert plan_of([Price("price_4", "prod_other", "another")]) is None
    assert plan_of([]) is None


def test_an_unknown_plan_has_no_offer_and_a_usable_name() -> None:
    assert read_catalog().plan("legacy") == Plan("legacy")
    assert read_catalog().plan("legacy").name("en_US") == "legacy"
    assert read_catalog().plan("unknown").name("en_US") == "current"


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("plans:\n  a:\n    name: A\n    ofer: {}\n", 4, "plans.a has no 'ofer'; expected: name, stripe, offer"),
        ("plans:\n  a:\n    name: A\n    offer: {percent_off: 120, months: 3}\n", 4, "120 is greater than the maximum"),
        ("plans:\n  a:\n    name: A\n    offer:\n      months: 3\n", 4, "'percent_off' is a required property"),
        (
            "plans:\n  a:\n    name: A\n    offer:\n      percent_off: 1\n      months: 'x'\n",
            6,
            "is not of type 'integer'",
        ),
        ("plans:\n  A b:\n    name: A\n", 2, "'A b' does not match"),
        ("plans:\n  unknown:\n    name: A\n", 2, "'unknown'"),
        ("plans: {}\n", 1, "plans: {} should be non-empty"),
        ("plan: {}\n", 1, "the file has no 'plan'; expected: plans"),
        ("- a\n", 1, "is not of type 'object'"),
        ("", 1, "None is not of type 'object'"),
        ("plans:\n  a:\n    name: A\n    fixed_term: {leaving: refused}\n", 4, "'text' is a required property"),
        ("plans:\n  a:\n    name: A\n    past_due: shrug\n", 4, "'shrug' is not one of ['end_and_void'"),
        ("plans:\n  a:\n    name: A\n  a:\n    name: B\n", 4, 'found duplicate key "a"'),
        ("plans:\n  a: [\n", 3, "this is not YAML"),
        (
            "plans:\n  a:\n    name: A\n    stripe:\n      prices: [price_1]\n"
            "  b:\n    name: B\n    stripe:\n      prices:\n      - price_2\n      - price_1\n",
            11,
            "price price_1 is in two plans, a and b: leave it in one",
        ),
        (
            "plans:\n  a:\n    name: A\n    cancellation:\n      ends: period_end\n      refund: full\n",
            6,
            "a: refund full needs ends: now",
        ),
        ("plans:\n  a:\n    name: A\n    cancellation: {refund: prorated}\n", 4, "a: refund prorated needs ends: now"),
        (
            "plans:\n  a:\n    name: A\n    cancellation:\n      ends: now\n      access_ends: now\n",
            6,
            "a: access_ends: now needs ends: period_end",
        ),
        (
            "plans:\n  a:\n    name: A\n    cancellation: {ends: later}\n",
            4,
            "'later' is not one of ['period_end', 'now']",
        ),
        (
            "plans:\n  a: {name: A, stripe: {lookup_keys: [k]}}\n  b: {name: B, stripe: {lookup_keys: [k]}}\n",
            3,
            "lookup key k is in two plans",
        ),
    ],
)
def test_an_error_names_the_file_and_line(written: Path, text: str, line: int, expected: str) -> None:
    said = wrong(written, text)
    assert f"{written}:{line}: " in said
    assert expected in said


OFFERS = """
allowed_urls: [https://help.example.com/]
plans:
  team:
    name: Team
    offer: {percent_off: 25, months: 1}
    offers:
      - id: half
        discount: {percent_off: 50, duration: repeating, months: 3}
        text: {en: Half price, de: Halber Preis}
      - {id: fiver, discount: {amount_off: 500, currency: usd, duration: once, single_use: true, coupon: five}}
      - {id: pause, pause: {unit: week, most: 6}}
      - {id: rest, pause: {unit: month, least: 2, most: 3, collection: keep_as_draft, cooldown_months: 0}}
      - {id: annual, plan_change: {prices: [team_year, price_2]}}
      - {id: smaller, plan_change: {prices: [price_1], when: now, prorate: true}}
      - {id: longer, trial_extension: {days: 14}}
      - {id: talk, contact: {url: "https://help.example.com/talk"}}
      - {id: tips, redirect: {url: "https://help.example.com/tips"}, text: Read this}
"""


def test_a_plan_has_its_offers_in_order_with_wf_023s_first(written: Path) -> None:
    written.write_text(OFFERS, encoding="utf-8")
    catalog = read_catalog(written)

    offers = {offer.id: offer for offer in catalog.plan("team").all_offers}

    assert next(iter(offers)) == "retention-offer"
    retention = offers.pop("retention-offer").terms
    assert isinstance(retention, DiscountTerms)
    assert (retention.percent_off, retention.months, retention.coupon_id) == (25, 1, "cancelflow-team-25pct-1m")
    assert {each.id: each.terms for each in offers.values()} == {
        "half": DiscountTerms("repeating", percent_off=50, months=3),
        "fiver": DiscountTerms("once", amount_off=500, currency="usd", single_use=True, coupon="five"),
        "pause": PauseTerms("week", 1, 6, "void", 6),
        "rest": PauseTerms("month", 2, 3, "keep_as_draft", 0),
        "annual": PlanChangeTerms(("team_year", "price_2"), "period_end", prorate=False),
        "smaller": PlanChangeTerms(("price_1",), "now", prorate=True),
        "longer": TrialTerms(14),
        "talk": LinkTerms("contact", "https://help.example.com/talk"),
        "tips": LinkTerms("redirect", "https://help.example.com/tips"),
    }
    assert [offers["half"].text(locale) for locale in ("de_AT", "en_GB", None)] == [
        "Halber Preis",
        "Half price",
        "Half price",
    ]
    assert (offers["tips"].text("de_DE"), offers["talk"].text("de_DE")) == ("Read this", None)
    kinds = {each: catalog.kind_of_offer(each) for each in ("retention-offer", "pause", "talk", "another")}
    assert kinds == {"retention-offer": "discount", "pause": "pause", "talk": "contact", "another": None}


def test_the_default_plans_have_further_offers() -> None:
    assert {key: [offer.id for offer in plan.all_offers] for key, plan in read_catalog().plans.items()} == {
        "starter": ["retention-offer", "pause", "annual", "longer-trial"],
        "professional": ["retention-offer", "pause", "smaller-plan", "annual", "longer-trial"],
        "enterprise": ["retention-offer", "pause", "smaller-plan", "longer-trial"],
    }


def of_a_plan(*offers: str, before: str = "") -> str:
    """Return a catalogue whose first offer is in line 5, or one later for each line `before`."""
    listed = "".join(f"      - {offer}\n" for offer in offers)
    return f"{before}plans:\n  a:\n    name: A\n    offers:\n{listed}"


URLS = "allowed_urls: [https://help.example.com/]\n"


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        (of_a_plan("{id: x}"), 5, "is not valid under any of the given schemas"),
        (of_a_plan("{id: x, refund: {}}"), 5, "has no 'refund'; expected: id, text, discount, pause, plan_change"),
        (
            of_a_plan("{id: x, pause: {unit: week, most: 2}, trial_extension: {days: 3}}"),
            5,
            "is valid under each of",
        ),
        (of_a_plan("{pause: {unit: week, most: 2}}"), 5, "'id' is a required property"),
        (of_a_plan("{id: X, trial_extension: {days: 3}}"), 5, "'X' does not match"),
        (of_a_plan("{id: retention-offer, trial_extension: {days: 3}}"), 5, "'retention-offer'"),
        (of_a_plan("{id: x, trial_extension: {days: 0}}"), 5, "0 is less than the minimum of 1"),
        (of_a_plan("{id: x, trial_extension: {days: 366}}"), 5, "366 is greater than the maximum of 365"),
        (of_a_plan("{id: x, pause: {unit: day, most: 2}}"), 5, "'day' is not one of ['month', 'week']"),
        (of_a_plan("{id: x, pause: {unit: week, most: 13}}"), 5, "13 is greater than the maximum of 12"),
        (of_a_plan("{id: x, pause: {unit: week}}"), 5, "'most' is a required property"),
        (of_a_plan("{id: x, pause: {unit: week, most: 2, collection: free}}"), 5, "'free' is not one of ['void'"),
        (of_a_plan("{id: x, discount: {duration: once}}"), 5, "is not valid under any of the given schemas"),
        (
            of_a_plan("{id: x, discount: {duration: once, percent_off: 5, amount_off: 5, currency: usd}}"),
            5,
            "is valid under each of",
        ),
        (of_a_plan("{id: x, discount: {duration: once, percent_off: 0}}"), 5, "0 is less than or equal to the minimum"),
        (of_a_plan("{id: x, discount: {duration: once, amount_off: 5}}"), 5, "'currency' is a dependency of"),
        (of_a_plan("{id: x, discount: {duration: repeating, percent_off: 5}}"), 5, "'months' is a required property"),
        (of_a_plan("{id: x, discount: {duration: once, percent_off: 5, months: 3}}"), 5, "should not be valid under"),
        (of_a_plan("{id: x, plan_change: {prices: []}}"), 5, "[] should be non-empty"),
        (of_a_plan("{id: x, plan_change: {prices: [a], when: soon}}"), 5, "'soon' is not one of ['now'"),
        (of_a_plan("{id: x, contact: {url: 'http://help.example.com/'}}"), 5, "does not match '^https://'"),
        (
            of_a_plan("{id: x, trial_extension: {days: 3}}", "{id: x, trial_extension: {days: 4}}"),
            6,
            "the plan a has two offers with the id x",
        ),
        (
            of_a_plan("{id: x, trial_extension: {days: 3}}")
            + "  b:\n    name: B\n    offers:\n      - {id: x, pause: {unit: week, most: 2}}\n",
            9,
            "x is a trial_extension in another plan; give it another id",
        ),
        (of_a_plan("{id: x, pause: {unit: week, least: 3, most: 2}}"), 5, "x: least must not be more than most"),
        (
            of_a_plan("{id: x, redirect: {url: 'https://evil.example.com/'}}", before=URLS),
            6,
            "x: https://evil.example.com/ does not begin with one of allowed_urls",
        ),
        (
            of_a_plan("{id: x, contact: {url: 'https://help.example.com.evil.example/'}}", before=URLS),
            6,
            "does not begin with one of allowed_urls",
        ),
        (of_a_plan("{id: x, contact: {url: 'https://help.example.com/'}}"), 5, "begin with one of allowed_urls"),
        ("allowed_urls: [https://a.example]\nplans:\n  a: {name: A}\n", 1, "'https://a.example' does not match"),
        ("allowed_urls: https://a.example/\nplans:\n  a: {name: A}\n", 1, "is not of type 'array'"),
    ],
)  # fmt: skip
def test_an_error_in_an_offer_names_the_file_and_line(written: Path, text: str, line: int, expected: str) -> None:
    said = wrong(written, text)
    assert f"{written}:{line}: " in said
    assert expected in said


def test_every_wrong_offer_is_reported(written: Path) -> None:
    offers = ["{id: x, pause: {unit: week, least: 3, most: 2}}", "{id: x, contact: {url: 'https://help.example.com/'}}"]
    said = wrong(written, of_a_plan(*offers))
    assert [line.split(":")[1] for line in said.splitlines()[1:]] == ["5", "6", "6"]


def test_all_errors_are_reported_together(written: Path) -> None:
    said = wrong(written, "plans:\n  a:\n    name: 3\n    offer: {percent_off: 0, months: 3}\n    manual_only: maybe\n")
    assert [line.split(":")[1] for line in said.splitlines()[1:]] == ["3", "4", "5"]


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=r"CATALOG: .* cannot be read \(IsADirectoryError\)"):
        read_catalog(tmp_path)


def test_the_schema_is_published_beside_the_default() -> None:
    schema = json.loads(files("deployments").joinpath("defaults", "catalog.schema.json").read_text())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


MANUAL = """
plans:
  team: {name: Team}
manual:
  plans: [team]
  prices: [price_1, negotiated]
  collection_methods: [send_invoice]
  metadata: {handled_by: sales}
"""


@pytest.mark.parametrize(
    ("plan", "price", "collection_method", "metadata", "covered"),
    [
        ("team", Price("price_2"), "charge_automatically", {}, True),
        ("other", Price("price_1"), "charge_automatically", {}, True),
        ("other", Price("price_2", lookup_key="negotiated"), "charge_automatically", {}, True),
        ("other", Price("price_2"), "send_invoice", {}, True),
        ("other", Price("price_2"), "charge_automatically", {"handled_by": "sales"}, True),
        ("other", Price("price_2"), "charge_automatically", {"handled_by": "support"}, False),
        ("other", Price("price_2"), "charge_automatically", {}, False),
    ],
)
def test_one_match_is_enough_to_be_manual(
    written: Path, plan: str, price: Price, collection_method: str, metadata: dict[str, str], covered: bool
) -> None:
    written.write_text(MANUAL, encoding="utf-8")
    assert read_catalog(written).manual.covers(plan, [price], collection_method, metadata) is covered


def test_without_manual_no_subscription_is() -> None:
    assert not read_catalog().manual.covers("starter", [Price("price_1")], "send_invoice", {"a": "b"})


def test_an_unknown_plan_or_way_to_collect_in_manual_is_refused_with_its_line(written: Path) -> None:
    said = wrong(written, "plans:\n  a: {name: A}\nmanual:\n  plans: [b]\n")
    assert f"{written}:4: manual.plans: there is no plan b" in said
    said = wrong(written, "plans:\n  a: {name: A}\nmanual:\n  collection_methods: [by_post]\n")
    assert f"{written}:4: manual.collection_methods.0: 'by_post' is not one of" in said
