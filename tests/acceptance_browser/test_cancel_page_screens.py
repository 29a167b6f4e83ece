"""What every screen of the cancel page is held to: WCAG 2.2 AA by axe-core, light and dark, from 320 pixels up."""

from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page

from tests.acceptance_browser.cancel_screens import SCREENS, Tab
from tests.acceptance_browser.chromium import DESK, PHONE, fits, picture
from tests.acceptance_browser.conftest import NewTab

pytestmark = pytest.mark.slow

NARROW = (320, 640)  # WCAG 2.2, reflow
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
# The screens whose form offers something beside the cancellation.
WITH_A_CHOICE = ("survey", "feedback", "offer", "all_offers", "paused", "discounted")
IN_GERMAN = ("survey", "all_offers", "confirm", "paused", "failed")


def violations(page: Page) -> str:
    """Return axe-core's report on the page; empty if it found nothing."""
    result = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}})
    assert result.response["passes"]
    return str(result.generate_report()) if result.violations_count else ""


def check(tab: Tab, name: str, language: str = "en") -> None:
    """Check what is shown in both colour schemes, at three widths, and from right to left."""
    for scheme in SCHEMES:
        tab.page.emulate_media(color_scheme=scheme)
        for size in (DESK, PHONE, NARROW):
            tab.page.set_viewport_size({"width": size[0], "height": size[1]})
            assert fits(tab.page)
            assert name not in WITH_A_CHOICE or weighs_the_same(tab.page)
            picture(tab.page, f"{name}-{language}-{size[0]}-{scheme}")
        assert violations(tab.page) == ""
    tab.page.evaluate("document.documentElement.dir = 'rtl'")
    assert fits(tab.page)
    picture(tab.page, f"{name}-{language}-rtl")


@pytest.mark.parametrize("name", SCREENS)
def test_each_screen_is_accessible_and_fits(new_tab: NewTab, name: str) -> None:
    tab: Tab = new_tab()
    go, title = SCREENS[name]
    go(tab)
    tab.shows(title)
    assert tab.page.title() == title
    check(tab, name)


@pytest.mark.parametrize("name", IN_GERMAN)
def test_each_screen_fits_in_german(new_tab: NewTab, name: str) -> None:
    tab: Tab = new_tab(claims={"i18n": {"lang": "de"}})
    go, _ = SCREENS[name]
    go(tab)
    assert tab.page.locator("html").get_attribute("lang") == "de"
    check(tab, name, "de")


def weighs_the_same(page: Page) -> bool:
    """Return whether "Cancel my subscription" looks like each other action of the form, and is at least as wide."""
    cancel = page.locator("[name=action][value=cancel]")
    others = page.locator("[name=accept], [value=next], [value=notice], [value=resume]").all()
    return bool(others) and all(look(other) == look(cancel) and width(other) <= width(cancel) for other in others)


def look(button: Locator) -> dict[str, Any]:
    """Return how a button looks, whatever its text."""
    found: dict[str, Any] = button.evaluate("""each => {
        const {color, backgroundColor, fontSize, fontWeight, opacity, minHeight} = getComputedStyle(each)
        return {color, backgroundColor, fontSize, fontWeight, opacity, minHeight}
    }""")
    return found


def width(button: Locator) -> float:
    """Return its width in pixels."""
    box = button.bounding_box()
    assert box is not None
    return box["width"]
