"""The preferences page in a real browser: by keyboard, on a phone and a desktop, accessible, and without scripts."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.acceptance_browser.chromium import DESK, PHONE, fits, picture
from tests.acceptance_browser.conftest import NewPage
from tests.consents.company import Company, asking_for_consent, link_of
from tests.world import World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with asking_for_consent(world, tmp_path_factory.mktemp("consents")) as company:
        yield company


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "light"), (DESK, "dark")], ids=["phone", "desk"])
def test_a_customer_chooses_by_keyboard(
    company: Company, new_page: NewPage, size: tuple[int, int], scheme: str, request: pytest.FixtureRequest
) -> None:
    user = company.customer("de_DE")
    company.accepts(user, "phone", 1)
    company.accepts(user, "email_marketing")
    page = new_page(size, java_script_enabled=False, color_scheme=scheme)
    url = str(company.http.base_url).rstrip("/")
    page.goto(f"{url}/preferences/{link_of(user).rpartition('/')[2]}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Wie dürfen wir Sie kontaktieren?")
    phone, email = page.get_by_role("checkbox").all()
    expect(phone).not_to_be_checked()
    expect(email).to_be_checked()
    assert fits(page)
    picture(page, f"{request.node.name}-asked")
    page.keyboard.press("Tab")
    expect(phone).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Ihre Auswahl ist gespeichert.")
    assert company.current(user) == {"phone": True, "email_marketing": False}
    assert fits(page)
    picture(page, f"{request.node.name}-saved")


def test_the_page_is_accessible(company: Company, new_page: NewPage) -> None:
    user = company.customer()
    company.accepts(user)
    page = new_page(PHONE)
    page.goto(f"{str(company.http.base_url).rstrip('/')}/preferences/{link_of(user).rpartition('/')[2]}")
    expect(page.get_by_role("checkbox").first).to_be_checked()
    assert Axe().run(page).response["violations"] == []
