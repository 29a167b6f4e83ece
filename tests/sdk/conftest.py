"""A company whose app uses the component, with its own blueprint and offers of every kind."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cancel_page.company import with_blueprints
from tests.offers.company import Company
from tests.sdk.component import ORIGIN, Component, component_token
from tests.world import Person, World


@pytest.fixture(scope="package")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with with_blueprints(world, tmp_path_factory.mktemp("sdk"), EMBED_ORIGINS=ORIGIN) as company:
        yield company


@pytest.fixture
def component(company: Company) -> Callable[..., Component]:
    """Return a maker of components in the company's app, with further claims in the token."""

    def made(person: Person, **claims: Any) -> Component:
        return Component(f"{company.http.base_url}/sdk/v1", component_token(person, **claims))

    return made
