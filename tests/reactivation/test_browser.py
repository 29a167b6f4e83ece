"""The pages in a real browser, at phone and desktop width, by keyboard and without scripts."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.acceptance.subscribers import clock, subscriber
from tests.acceptance_browser.chromium import ARGUMENTS, DESK, PHONE
from tests.reactivation.people import in_stripe, leaving
from tests.reactivation.test_pages import link_to, reason_of
from tests.world import World

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
# A directory for a screenshot of each page, for visual review.
PICTURES = os.environ.get("TEST_PICTURES")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no chromium on this machine"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(params=[(PHONE, "light"), (DESK, "dark")], ids=["phone", "desk"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Yield a page with scripts disabled, because these pages must work without them."""
    (width, height), scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=False, color_scheme=scheme
    )
    yield context.new_page()
    context.close()


def seen(page: Page, name: str, request: pytest.FixtureRequest) -> None:
    if PICTURES:
        which = re.sub(r"\W+", "-", request.node.name)
        page.screenshot(path=Path(PICTURES) / f"{which}-{name}.png", full_page=True)
    box = page.locator("main").bounding_box()
    assert box is not None
    width = page.viewport_size
    assert width is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width["width"]


def test_one_press_of_the_button_reactivates(world: World, page: Page, request: pytest.FixtureRequest) -> None:
    person = leaving(world)
    page.goto(link_to(world, person, "reactivate"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Keep your Professional plan?")
    button = page.get_by_role("button", name="Reactivate Subscription")
    size = button.bounding_box()
    assert size is not None
    assert size["height"] >= 44  # px, large enough for a finger
    seen(page, "asked", request)

    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Your Professional plan is active")
    seen(page, "done", request)
    assert in_stripe(world, person).cancel_at is None
    assert "token" not in page.url


def test_the_page_says_when_the_subscription_has_ended(
    world: World, page: Page, request: pytest.FixtureRequest
) -> None:
    on = clock(world)
    person = subscriber(world, on=on)
    assert world.cancel(person).status_code == 200
    link, ends = link_to(world, person, "reactivate"), in_stripe(world, person).cancel_at
    assert ends is not None
    on.advance(ends + 60)
    response = page.goto(link)
    assert response is not None
    assert response.status == 410
    expect(page.get_by_role("heading", level=1)).to_have_text("Your subscription has ended")
    assert page.get_by_role("button").count() == 0
    seen(page, "ended", request)


def test_feedback_can_be_given_by_keyboard(world: World, page: Page, request: pytest.FixtureRequest) -> None:
    person = leaving(world, reason="prefer_not_to_say")
    page.goto(link_to(world, person, "feedback"))
    expect(page.get_by_role("group", name="What was the main reason?")).to_be_visible()
    seen(page, "asked", request)

    page.keyboard.press("Tab")  # the group of reasons
    page.keyboard.press("Space")
    expect(page.get_by_label("It's too expensive")).to_be_checked()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("It's missing something I need")).to_be_checked()
    page.keyboard.press("Tab")
    expect(page.get_by_label("What could we have done better?")).to_be_focused()
    page.keyboard.type("An export to spreadsheets, please.")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Send feedback")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for your feedback")
    seen(page, "done", request)
    kept = reason_of(world, person)
    assert (kept["category"], kept["feedback"]) == ("missing_features", "An export to spreadsheets, please.")


def test_an_empty_form_is_shown_again_with_an_error(world: World, page: Page, request: pytest.FixtureRequest) -> None:
    person = leaving(world, reason="prefer_not_to_say")
    page.goto(link_to(world, person, "feedback"))
    page.get_by_role("button", name="Send feedback").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a reason or write something")
    seen(page, "wrong", request)
    page.get_by_label("I don't use it enough").check()
    page.get_by_role("button", name="Send feedback").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for your feedback")
