"""The catalogue: its prices exist in Stripe, and live subscriptions have known plans."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from ruamel.yaml import YAML

from deployments.doctor.finding import Level
from deployments.doctor.stripe import catalog as catalog_in_stripe
from tests.contract.stripe.process import Simulator
from tests.contract.stripe.shop import Shop
from tests.doctor.conftest import assert_bad, assert_ok, found

pytestmark = pytest.mark.slow

Account = dict[str, str | None]


def catalog(folder: Path, **stripe: list[str]) -> str:
    """Write a catalogue with one plan, and return its path."""
    file = folder / "catalog.yaml"
    YAML().dump({"plans": {"pro": {"name": "Pro", **({"stripe": stripe} if stripe else {})}}}, file)
    return str(file)


@pytest.fixture
def price(shop: Shop) -> Any:
    """Create a price with a lookup key."""
    return shop.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 900,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Pro"},
            "lookup_key": f"pro_{uuid4().hex}",
        }
    )


def test_all_three_kinds_of_names_are_checked(account: Account, price: Any, tmp_path: Path) -> None:
    named = {"prices": [price.id], "lookup_keys": [price.lookup_key], "products": [price.product]}
    findings = found("Catalogue", **account, CATALOG=catalog(tmp_path, **named))
    assert findings["prices"].found == "all 3 names are in Stripe, and active"
    assert findings["prices"].level is Level.OK


def test_a_name_that_is_not_in_stripe_is_reported(account: Account, price: Any, tmp_path: Path) -> None:
    named = {"prices": ["price_none", price.id], "lookup_keys": ["none"], "products": ["prod_none"]}
    finding = found("Catalogue", **account, CATALOG=catalog(tmp_path, **named))["prices"]
    assert_bad(finding, Level.FAILED, "1 of 4 names are in Stripe")
    assert finding.found.splitlines()[1:] == ["price price_none", "lookup key none", "product prod_none"]


def test_the_default_catalogue_fails_in_a_companys_account(account: Account) -> None:
    finding = found("Catalogue", **account, CATALOG=None)["prices"]
    assert_bad(finding, Level.FAILED, "0 of 6 names are in Stripe")
    assert "Set CATALOG" in finding.to_do


def test_an_archived_price_is_a_warning(account: Account, price: Any, shop: Shop, tmp_path: Path) -> None:
    shop.v1.prices.update(price.id, {"active": False})
    shop.v1.products.update(price.product, {"active": False})
    named = {"prices": [price.id], "products": [price.product]}
    finding = found("Catalogue", **account, CATALOG=catalog(tmp_path, **named))["prices"]
    assert_bad(finding, Level.WARNING, "archived")
    assert finding.found.splitlines()[1:] == [f"price {price.id}", f"product {price.product}"]


def test_a_catalogue_without_prices_is_a_warning(account: Account, tmp_path: Path) -> None:
    assert_bad(found("Catalogue", **account, CATALOG=catalog(tmp_path))["prices"], Level.WARNING, "names none")


def test_an_invalid_catalogue_is_an_invalid_setting(account: Account, tmp_path: Path) -> None:
    findings = found("Catalogue", **account, CATALOG=catalog(tmp_path, houses=["a"]))
    assert_bad(findings["settings"], Level.FAILED, "plans.pro.stripe has no 'houses'")
    assert findings["settings"].of_settings


def test_the_share_of_known_plans_is_reported(account: Account, tmp_path: Path) -> None:
    own = Simulator(None)
    try:
        own.start()
        shop = Shop(own.client)
        here = {**account, "STRIPE_API_BASE": own.url}
        known, other = shop.price("month"), shop.price("year", 8000)
        file = catalog(tmp_path, prices=[known.id])
        assert found("Catalogue", **here, CATALOG=file)["plans"].found == "no live subscriptions yet"
        for price in (known, known, known):
            shop.subscription(items=[{"price": price.id}])
        assert_ok(found("Catalogue", **here, CATALOG=file), "catalogue", "prices", "plans")
        shop.subscription(items=[{"price": other.id}])
        finding = found("Catalogue", **here, CATALOG=file)["plans"]
        assert_bad(finding, Level.WARNING, "known for 75 % of 4 live subscriptions; in no plan:")
        assert finding.found.splitlines()[1:] == [f"{other.id} (1)"]
        own.order("fill", count=250, subscription={"items": [{"price": other.id}]})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(catalog_in_stripe, "PAGES", 2)
            bounded = found("Catalogue", **here, CATALOG=file)["plans"]
        assert_bad(bounded, Level.WARNING, "of the newest 200 live subscriptions")
        assert len(own.requests(path="/v1/subscriptions", method="GET")) == 1 + 1 + 1 + 2
    finally:
        own.close()
