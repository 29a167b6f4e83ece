"""Who uses the trigger of a package's own `company`, whose settings are its `own`."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cancel_page.visitor import Visitor
from tests.offers.company import Company
from tests.sdk.component import Component, component_token
from tests.world import Person


@pytest.fixture
def here(own: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run flows and commands in the test's process with the company's settings."""
    for name, value in own.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def guest(company: Company) -> Iterator[Visitor]:
    """Yield a browser on the company's page."""
    with Visitor(company.world, str(company.http.base_url)) as visitor:
        yield visitor


@pytest.fixture
def component(company: Company) -> Callable[..., Component]:
    """Return a maker of components in the company's app, with further claims in the token."""

    def made(person: Person, **claims: Any) -> Component:
        return Component(f"{company.http.base_url}/sdk/v1", component_token(person, **claims))

    return made
