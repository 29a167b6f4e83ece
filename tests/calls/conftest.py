"""The company whose vendor calls customers, started once; the vendor is back before each test."""

from collections.abc import Iterator

import pytest

from tests.calls.company import Company, calling
from tests.world import World


@pytest.fixture(scope="package")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with calling(world, tmp_path_factory.mktemp("calls")) as company:
        yield company


@pytest.fixture(autouse=True)
def vendor_is_back(request: pytest.FixtureRequest) -> None:
    if "company" in request.fixturenames:
        company: Company = request.getfixturevalue("company")
        company.vendor.status, company.vendor.content, company.vendor.act = 204, None, None
