"""`cancelflow doctor` finds what emails about fixes need."""

import pytest

from deployments.doctor.finding import Level
from tests.consents.company import Company, without_wordings
from tests.doctor.conftest import assert_bad, assert_ok, found
from tests.world import World

pytestmark = pytest.mark.slow

PART = "Marketing emails"


def test_all_that_emails_about_fixes_need_is_there(company: Company) -> None:
    assert company.http
    assert_ok(found(PART, PUBLIC_URL="https://billing.example.com"), "way back", "postal address", "unsubscribe")


@pytest.mark.parametrize(
    ("setting", "value", "check", "says"),
    [
        ("NEW_SUBSCRIPTION_URL", None, "way back", "`cancelflow fix ship` sends nothing"),
        ("COMPANY_ADDRESS", None, "postal address", "name no postal address"),
        ("PUBLIC_URL", "http://example.com", "unsubscribe", "only over https"),
    ],
)
def test_what_is_missing_is_found(company: Company, setting: str, value: str | None, check: str, says: str) -> None:
    assert company.http
    assert_bad(found(PART, **{setting: value})[check], Level.WARNING, says)


def test_nothing_is_needed_where_nobody_can_agree(company: Company, world: World) -> None:
    assert company.http
    with without_wordings(world) as own:
        assert_ok(found(PART, **own), "consent")
