"""The published blueprints: their feedback options are active in Stripe (FEATURES F22)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.doctor.finding import Level
from deployments.migrations import migrate
from deployments.operations.blueprints import publish
from nodes.settings import BlueprintSettings
from tests.conftest import Addresses
from tests.contract.stripe.shop import Shop
from tests.doctor.conftest import assert_bad, assert_ok, found
from tests.nodes.clients.test_database import new_database, settings

pytestmark = pytest.mark.slow

Account = dict[str, str | None]


@pytest.fixture
def account(account: Account, stack: Addresses) -> Iterator[Account]:
    """Yield the settings for the account, with a database of its own."""
    with new_database(str(stack["database_admin_url"])) as url:
        migrate(settings(url))
        yield {**account, "DATABASE_URL": url, "DATABASE_ADMIN_URL": url}


def published(account: Account, folder: Path, *options: str) -> None:
    reasons = "".join(
        f"        - {{code: r{number}, meaning: x, label: x, stripe: other, feedback_option: {option}}}\n"
        for number, option in enumerate(options)
    )
    (folder / "default.yaml").write_text(f"steps:\n  - survey:\n      reasons:\n{reasons}", encoding="utf-8")
    publish(settings(str(account["DATABASE_URL"])), BlueprintSettings(blueprints=folder))


def test_the_default_set_names_no_option(account: Account) -> None:
    assert_ok(found("Blueprints", **account), "blueprints")


def test_options_that_stripe_would_refuse_are_named(account: Account, shop: Shop, tmp_path: Path) -> None:
    options = shop.v1.billing.feedback_options
    first, second = (options.create({"description": each}).id for each in ("Moved", "Married"))
    published(account, tmp_path, first, second, "fo_none")
    options.deactivate(second)
    finding = found("Blueprints", **account)["feedback options"]
    assert_bad(finding, Level.WARNING, "customers can cancel")
    assert finding.found.splitlines()[1:] == [f"{second} of r1: inactive", "fo_none of r2: missing"]


def test_active_options_are_fine(account: Account, shop: Shop, tmp_path: Path) -> None:
    published(account, tmp_path, shop.v1.billing.feedback_options.create({"description": "Moved"}).id)
    assert_ok(found("Blueprints", **account), "blueprints", "feedback options")
