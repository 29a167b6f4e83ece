"""The company whose customers left, started once, and a fix for each test."""

import uuid
from collections.abc import Iterator

import pytest

from tests.consents.company import Company, asking_for_consent
from tests.win_back.leavers import Fix
from tests.world import World

PLANS = "https://example.com/plans"


@pytest.fixture(scope="package")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    directory = tmp_path_factory.mktemp("win-back")
    with asking_for_consent(world, directory) as company, pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "DATABASE_ADMIN_URL"):
            patch.setenv(name, company.world.addresses["database_admin_url"])
        patch.setenv("NEW_SUBSCRIPTION_URL", PLANS)
        patch.setenv("COMPANY_ADDRESS", "Example Inc., 1 Main Street, Springfield")
        patch.setenv("CONSENT_MIN_VERSION", "email_marketing=2")
        patch.setenv("PUBLIC_URL", str(company.http.base_url).rstrip("/"))
        yield company


@pytest.fixture
def fix(company: Company) -> Fix:
    return Fix(company, f"t{uuid.uuid4().hex}")
