"""The page without a login in a browser: by keyboard alone, accessible, as wide as a phone and as a desktop."""

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance_browser.chromium import DESK, PHONE, fits, picture
from tests.acceptance_browser.conftest import NewPage
from tests.acceptance_browser.test_cancel_page_screens import NARROW, SCHEMES, violations
from tests.waiting import eventually
from tests.without_login.stranger import ENTER_CODE, PAGE, SURVEY, TOO_OFTEN, code_emails, code_in, new_client
from tests.world import World

pytestmark = pytest.mark.slow

ADDRESS = "Cancel your subscription"


def check(page: Page, name: str) -> None:
    """Check what is shown in both colour schemes, at three widths, and from right to left."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width, height in (DESK, PHONE, NARROW):
            page.set_viewport_size({"width": width, "height": height})
            assert fits(page)
            picture(page, f"without-login-{name}-{width}-{scheme}")
        assert violations(page) == ""
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert fits(page)


def shows(page: Page, title: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def opened(world: World, new_page: NewPage, **options: object) -> Page:
    page = new_page(extra_http_headers={"X-Forwarded-For": new_client()}, **options)
    page.goto(world.addresses["http"] + PAGE)
    return page


def test_every_screen_is_accessible_and_fits(world: World, new_page: NewPage) -> None:
    person = world.person("two_subscriptions")
    page = opened(world, new_page)
    shows(page, ADDRESS)
    check(page, "address")

    page.get_by_label("Email address").fill("nobody")
    page.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_have_text("Enter an email address such as name@example.com.")
    expect(page.get_by_label("Email address")).to_have_value("nobody")
    check(page, "no-address")

    page.get_by_label("Email address").fill(person.email)
    page.get_by_role("button", name="Send me a code").click()
    shows(page, ENTER_CODE)
    check(page, "code")
    page.get_by_label("Code").fill("0000 0000")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("This code isn't right")
    check(page, "wrong-code")

    [email] = eventually(lambda: code_emails(world, person.email))
    page.get_by_label("Code").fill(code_in(email))
    page.get_by_role("button", name="Continue").click()
    shows(page, "Which subscription do you want to cancel?")
    check(page, "choose")
    page.get_by_role("button", name="Starter").click()
    shows(page, SURVEY)

    for _ in range(3):
        page.goto(world.addresses["http"] + PAGE)
        page.get_by_label("Email address").fill(person.email)
        page.get_by_role("button", name="Send me a code").click()
    shows(page, TOO_OFTEN)
    check(page, "too-often")

    page.goto(f"{world.addresses['inbox']}/messages/{email['id']}.html")
    check_email = page.get_by_text(code_in(email), exact=True)
    expect(check_email.last).to_be_visible()
    for width, height in (DESK, PHONE, NARROW):
        page.set_viewport_size({"width": width, "height": height})
        assert fits(page)
        picture(page, f"without-login-email-{width}")


def test_a_customer_cancels_by_keyboard_and_without_javascript(world: World, new_page: NewPage) -> None:
    person = world.person("professional")
    page = opened(world, new_page, java_script_enabled=False, locale="de-DE")
    shows(page, "Abonnement kündigen")
    page.keyboard.press("Tab")
    page.keyboard.type(person.email)
    page.keyboard.press("Enter")
    shows(page, "Geben Sie den Code aus unserer E-Mail ein")
    page.reload()  # asks for no other code
    [email] = eventually(lambda: code_emails(world, person.email))
    page.keyboard.press("Tab")
    page.keyboard.type(code_in(email).replace(" ", ""))
    page.keyboard.press("Enter")
    shows(page, SURVEY)  # from here on in the customer's language
    page.get_by_role("button", name="Cancel my subscription").click()
    shows(page, "Your subscription is cancelled")
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end
    assert len(code_emails(world, person.email)) == 1
