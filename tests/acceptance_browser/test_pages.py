"""The visible pages in a real browser: the inbox, an email and its links, the pages behind them, the run."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance_browser.chromium import fits, picture
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

STEPS = (
    "Cancellation Request",
    "Get Active Subscription",
    "Generate Retention Offer",
    "User Accepts Offer?",
    "Capture Cancellation Reason",
    "Schedule Stripe Cancellation",
    "Mark Subscription as Pending Cancellation",
    "Send Cancellation Confirmation",
    "Schedule Data Preservation (90 days)",
    "Publish Cancellation Event",
    "Success Response",
)


@pytest.fixture(scope="module")
def person(world: World) -> Person:
    return world.person("professional")


@pytest.fixture(scope="module")
def run(world: World, person: Person) -> Row:
    """Cancel this person's subscription, and return the run."""
    response = world.cancel(person, feedback="Great product but can't justify cost for my usage")
    assert response.status_code == 200
    return world.run_of(response)


@pytest.fixture(scope="module")
def email(world: World, person: Person, run: Row) -> Row:
    """Return the email they received."""
    assert run["id"]
    [sent] = world.emails(person)
    return sent


def inbox(world: World, path: str) -> str:
    return f"{world.addresses['inbox']}{path}"


def test_the_inbox_lists_the_email_and_opens_it_by_keyboard(
    world: World, page: Page, person: Person, email: Row
) -> None:
    page.goto(inbox(world, f"/?to={person.email}"))
    listed = page.get_by_role("link", name=re.compile(re.escape(email["subject"])))
    expect(listed).to_be_visible()
    expect(listed).to_contain_text(person.email)
    assert fits(page)
    listed.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(email["subject"])


def test_the_inbox_finds_emails_by_recipient(world: World, page: Page, person: Person, email: Row) -> None:
    page.goto(inbox(world, "/"))
    search = page.get_by_role("searchbox")
    search.fill(person.email)
    search.press("Enter")
    expect(page.get_by_text("1 email to")).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(1)
    search.fill("nobody@example.com")
    search.press("Enter")
    expect(page.get_by_text("No emails to this address")).to_be_visible()
    assert email["id"]
    assert fits(page)


def test_an_email_shows_both_of_its_parts(world: World, page: Page, person: Person, email: Row) -> None:
    page.goto(inbox(world, f"/messages/{email['id']}"))
    expect(page.get_by_role("definition").filter(has_text=person.email).first).to_be_visible()
    html = page.frame_locator("iframe")
    expect(html.get_by_role("heading", name="Your cancellation is confirmed")).to_be_visible()
    expect(html.get_by_role("link", name="Reactivate Subscription")).to_be_visible()
    expect(page.locator("pre")).to_contain_text("Reactivate")
    assert fits(page)


def test_an_email_fits_the_screen_by_itself(world: World, page: Page, email: Row) -> None:
    page.goto(inbox(world, f"/messages/{email['id']}.html"))
    assert fits(page)
    button = page.get_by_role("link", name="Reactivate Subscription")
    size = button.bounding_box()
    assert size is not None
    assert size["height"] >= 44  # px, large enough for a finger


@pytest.mark.parametrize(
    ("link", "title"),
    [
        ("Reactivate Subscription", "Keep your Professional plan?"),
        ("Give feedback", "Your feedback"),
    ],
)
def test_an_emails_link_opens_its_page_from_inside_the_inbox(
    world: World, page: Page, email: Row, link: str, title: str
) -> None:
    page.goto(inbox(world, f"/messages/{email['id']}"))
    with page.context.expect_page() as opening:
        page.frame_locator("iframe").get_by_role("link", name=link).click()
    opened = opening.value
    expect(opened.get_by_role("heading", level=1)).to_have_text(title)
    assert opened.url.startswith(world.addresses["http"])
    assert fits(opened)
    opened.close()


def test_the_emails_links_can_be_reached_by_keyboard(world: World, page: Page, email: Row) -> None:
    page.goto(inbox(world, f"/messages/{email['id']}.html"))
    reached = []
    for _ in range(page.get_by_role("link").count()):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim()"))
    assert reached == ["Reactivate Subscription", "Give feedback"]


@pytest.mark.parametrize(
    ("token", "title"),
    [("of the email", "Keep your Professional plan?"), ("altered", "This link is not valid")],
)
def test_the_reactivation_page_works_by_keyboard(world: World, page: Page, email: Row, token: str, title: str) -> None:
    [link] = re.findall(r'href="([^"]+/reactivate\?token=[^"]+)"', email["html"])
    response = page.goto(link if token == "of the email" else link + "x")
    assert response is not None
    assert response.ok is (token == "of the email")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    assert page.title() == title
    assert page.locator("html").get_attribute("lang") == "en-US"
    assert fits(page)
    pressable = page.locator("a, button, input:not([type=hidden]), select, textarea")
    for index in range(pressable.count()):
        page.keyboard.press("Tab")
        expect(pressable.nth(index)).to_be_focused()


def test_the_run_shows_every_step_by_name(world: World, browser: Browser, run: Row, person: Person) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.goto(f"{world.addresses['prefect_ui']}/runs/flow-run/{run['id']}")
    expect(page.get_by_text(run["name"]).first).to_be_visible(timeout=20_000)
    assert person.subscription_id in run["name"]
    page.get_by_text("Task Runs", exact=True).click()
    for step in STEPS:
        expect(page.get_by_role("link", name=step, exact=True)).to_be_visible(timeout=15_000)
    picture(page, "run")
    shown = page.content()
    assert [secret for secret in (person.email, "justify cost") if secret in shown] == []
    context.close()


def test_the_start_page_leads_to_everything_by_keyboard(world: World, page: Page) -> None:
    page.goto(f"{world.addresses['http']}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("cancelflow is running")
    assert fits(page)
    for name in ("Demo shop", "Cancel without signing in", "API reference", "Inbox", "Prefect", "Health"):
        link = page.get_by_role("link", name=name)
        page.keyboard.press("Tab")
        expect(link).to_be_focused()
        size = link.bounding_box()
        assert size is not None
        assert size["height"] >= 44  # px, large enough for a finger
    page.get_by_role("link", name="Inbox").click()
    expect(page.get_by_role("searchbox")).to_be_visible()


def test_the_api_reference_is_linked_from_the_start_page_and_links_to_each_endpoint(world: World, page: Page) -> None:
    page.goto(f"{world.addresses['http']}/")
    page.get_by_role("link", name="API reference").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("API reference")
    assert fits(page)
    page.get_by_role("navigation").get_by_role("link", name="GET /subscription", exact=True).click()
    section = page.get_by_role("region", name="GET /subscription", exact=True)
    expect(section.get_by_role("heading", level=2)).to_be_in_viewport()
    expect(section.get_by_text("cancel_at_period_end", exact=True)).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        ink, paper = (luminance(page, "main", each) for each in ("color", "backgroundColor"))
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) > 7  # WCAG 2.2, contrast (enhanced)


def luminance(page: Page, selector: str, color: str) -> float:
    """Return WCAG's relative luminance of a computed colour, from 0 to 1."""
    computed = page.eval_on_selector(selector, f"each => getComputedStyle(each).{color}")
    parts = [int(part) / 255 for part in re.findall(r"\d+", computed)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
