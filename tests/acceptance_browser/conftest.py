"""Pages in chromium, which fail on errors, and tabs on the cancel page, which reach no other host."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from deployments.operations.blueprints import publish
from nodes.settings import BlueprintSettings, DatabaseSettings, load
from tests.acceptance.trigger import serving
from tests.acceptance_browser.cancel_screens import ALL_STEPS, Tab
from tests.acceptance_browser.chromium import DESK, PHONE, chromium, picture
from tests.world import World

NewPage = Callable[..., Page]
NewTab = Callable[..., Tab]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Return a function that opens a page in a browser of its own; at the end, fail on any error in one."""
    opened: list[Page] = []
    errors: list[str] = []

    def new(size: tuple[int, int] = PHONE, **options: Any) -> Page:
        width, height = size
        usual = {"viewport": {"width": width, "height": height}, "locale": "en-US", "timezone_id": "UTC"}
        page = browser.new_context(**{**usual, **options}).new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
        opened.append(page)
        return page

    yield new
    for page in opened:
        page.context.close()
    assert errors == []


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def page(new_page: NewPage, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Yield a page, as wide as a phone and as a desktop."""
    opened = new_page(request.param)
    yield opened
    picture(opened, request.node.name)


@pytest.fixture(scope="package")
def by_hand(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of a trigger where only operators cancel the Enterprise plan."""
    directory = tmp_path_factory.mktemp("by_hand")
    catalog = directory / "catalog.yaml"
    default = files("deployments.defaults").joinpath("catalog.yaml").read_text(encoding="utf-8")
    catalog.write_text(default.replace("name: Enterprise", "name: Enterprise\n    manual_only: true"), encoding="utf-8")
    with serving(directory, CATALOG=str(catalog)) as http:
        yield str(http.base_url).rstrip("/")


@pytest.fixture(scope="package")
def thorough(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Publish a blueprint with every kind of step, each required, for customers with the attribute THOROUGH."""
    folder = tmp_path_factory.mktemp("blueprints")
    default = files("deployments.defaults").joinpath("blueprints", "default.yaml").read_text(encoding="utf-8")
    written = {"default": default, "thorough": ALL_STEPS, "attributes": "steps: {type: string}\n"}
    for name, text in written.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_ADMIN_URL", world.addresses["database_admin_url"])
        version = publish(load(DatabaseSettings), BlueprintSettings(blueprints=folder))
    yield
    # The stack is shared with other tests.
    world.admin.execute("DELETE FROM blueprint_reasons WHERE first_version = %s", [version])
    world.admin.execute("DELETE FROM blueprint_versions WHERE version = %s", [version])


@pytest.fixture
def new_tab(world: World, new_page: NewPage, by_hand: str, thorough: None) -> Iterator[NewTab]:
    """Return a function that opens a tab for the cancel page: `claims` as in `Tab`, the rest as in `new_page`.

    At the end, fail if a page requested anything from another host.
    """
    requested: set[str] = set()
    with ExitStack() as until_closed:

        def new(*, claims: dict[str, Any] | None = None, **options: Any) -> Tab:
            page = new_page(**options)
            page.on("request", lambda sent: requested.add(urlsplit(sent.url).netloc))
            return Tab(world, page, world.addresses["http"], by_hand, claims or {}, until_closed=until_closed)

        yield new
    assert requested <= {urlsplit(each).netloc for each in (world.addresses["http"], by_hand)}
