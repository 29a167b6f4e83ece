"""The embed on a company's site, whose origin is another than the trigger's (FEATURES C15 to C19, C34)."""

from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from tests.acceptance.trigger import serving
from tests.acceptance_browser.chromium import ARGUMENTS, CHROMIUM, DESK, PHONE, picture
from tests.acceptance_browser.company_site import Account, account_page, site
from tests.acceptance_browser.conftest import NewPage
from tests.acceptance_browser.test_cancel_page_screens import TAGS
from tests.cancel_page.visitor import sessions_of, token
from tests.world import World

pytestmark = pytest.mark.slow

SURVEY = "What's your main reason for cancelling?"
OFFERS = "Would this suit you better?"
CANCELLED = "Your subscription is cancelled"
CHANGED = "Done: your subscription was changed"
CANCEL = "Cancel my subscription"
LINKS = """
      - {id: talk, contact: {url: "https://example.com/talk"}}
      - {id: lessons, redirect: {url: "https://example.com/lessons"}}
"""
NewAccount = Callable[..., Account]
# Each offer: the demo case, the reason for which it is made, its button, and its callbacks' second argument.
OFFERED: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "Pause": ("professional", "unused", "Pause for 2 months", {"pauseDuration": 2, "pauseInterval": "month"}),
    "Discount": ("professional", "too_expensive", "Take this discount", {"percent_off": 30, "duration_in_months": 3}),
    "PlanChange": ("professional", "too_expensive", "Switch to this plan", {}),
    "TrialExtension": ("trialing", "unused", "Extend my trial", {"trialExtensionDays": 14}),
}
DECLARED = {"PlanChange": "plan_change", "TrialExtension": "trial_extension"}


@pytest.fixture(scope="module")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Yield the URLs of a trigger, whose page may be embedded, and of the company's site, which does so."""
    directory = tmp_path_factory.mktemp("embed")
    catalog, logo = directory / "catalog.yaml", directory / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="96" height="24"/>', encoding="utf-8")
    default = files("deployments.defaults").joinpath("catalog.yaml").read_text(encoding="utf-8")
    before, smaller, after = default.partition("\n      - id: smaller-plan")
    allowed_urls = 'allowed_urls: ["https://example.com/"]\n'
    catalog.write_text(allowed_urls + before + LINKS.rstrip() + smaller + after, encoding="utf-8")
    urls: list[str] = []
    with site(lambda _: account_page(urls[0])) as port:
        allowed = f"http://localhost:{port}"
        allowing = {"EMBED_ORIGINS": f"https://app.example.com,{allowed}", "PAGE_LOGO": str(logo)}
        with serving(directory, CATALOG=str(catalog), **allowing) as http:
            urls.append(str(http.base_url).rstrip("/"))
            yield urls[0], allowed


@pytest.fixture
def new_account(world: World, company: tuple[str, str], new_page: NewPage) -> NewAccount:
    """Return a function that opens the company's site in a browser of its own."""
    return lambda **options: Account(world, new_page(**options), company[1])


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def account(new_account: NewAccount, request: pytest.FixtureRequest) -> Iterator[Account]:
    opened = new_account(size=request.param)
    yield opened
    picture(opened.page, f"embed-{request.node.name}")


def pending(world: World, subscription_id: str) -> bool:
    return bool(world.stripe.subscriptions.retrieve(subscription_id).cancel_at_period_end)


# The dialog


def test_the_dialog_has_the_focus_and_gives_it_back(account: Account) -> None:
    account.open("professional")
    account.shows(SURVEY)
    page = account.page
    expect(page.get_by_role("dialog", name=SURVEY)).to_be_visible()
    expect(page.locator("iframe")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.documentElement).overflow") == "hidden"
    picture(page, f"embed-{page.viewport_size['width'] if page.viewport_size else ''}-survey")
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement.closest('dialog') !== null || document.activeElement === document.body"
        )
    account.frame.locator("#reason-unused").focus()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#cancel")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.documentElement).overflow") == "visible"
    [results] = account.wait_for("onClose")
    assert (results["outcome"], results["acceptedOffer"]) == (None, None)


def test_the_close_button_closes_it_by_keyboard(account: Account) -> None:
    account.open("professional")
    account.shows(SURVEY)
    account.page.get_by_role("button", name="Close").press("Enter")
    expect(account.page.get_by_role("dialog")).to_have_count(0)
    expect(account.page.locator("#cancel")).to_be_focused()


def test_the_dialog_is_accessible(account: Account) -> None:
    for scheme in ("light", "dark"):
        account.page.emulate_media(color_scheme=scheme)
        account.open("professional")
        account.answer("too_expensive")
        account.shows(OFFERS)
        picture(account.page, f"embed-offers-{account.page.viewport_size}-{scheme}")
        rules = {"runOnly": {"type": "tag", "values": TAGS}}
        found = Axe().run(account.page, options=rules)
        assert found.response["passes"]
        assert found.violations_count == 0, found.generate_report()


def test_the_dialog_speaks_the_customers_language(account: Account) -> None:
    account.open("professional", i18n={"lang": "de"})
    account.shows("Was ist der Hauptgrund für Ihre Kündigung?")
    expect(account.page.get_by_role("button", name="Schließen")).to_be_visible()
    assert account.page.get_by_role("dialog").get_attribute("lang") == "de"


def test_changing_nothing_closes_it(account: Account) -> None:
    person = account.open("professional")
    account.press("Change nothing")
    [results] = account.wait_for("onClose")
    assert results["outcome"] is None
    expect(account.page.get_by_role("dialog")).to_have_count(0)
    assert not pending(account.world, person.subscription_id)


# Listeners


def test_a_cancellation_is_told_with_its_reason(account: Account) -> None:
    person = account.open("professional")
    account.frame.locator("#reason-unused").check()
    account.press(CANCEL)
    account.shows(CANCELLED)
    customer, reason = account.wait_for("onCancel")
    assert pending(account.world, person.subscription_id)
    assert customer == {"userId": person.user_id, "customerId": None, "subscriptionId": person.subscription_id}
    assert reason == "unused"
    assert account.calls("onStepChange") == [["survey", None], ["cancelled", "survey"]]
    picture(account.page, f"embed-cancelled-{account.page.viewport_size}")
    account.press("Back to my account")
    [results] = account.wait_for("onClose")
    assert (results["outcome"], results["reason"], results["mode"]) == ("cancelled", "unused", "test")
    assert results["sessionId"] == str(sessions_of(account.world, person)[-1]["id"])
    assert len(account.calls("onCancel")) == 1


@pytest.mark.parametrize("name", OFFERED)
def test_an_offer_that_was_accepted_is_told_after_it_was_read_back(new_account: NewAccount, name: str) -> None:
    case, reason, button, expected = OFFERED[name]
    account = new_account()
    person = account.open(case, listeners=(f"on{name}", "onGoToAccount", "onClose"))
    account.answer(reason)
    account.press(button)
    account.shows(CHANGED)
    customer, details = account.wait_for(f"on{name}")
    assert customer["subscriptionId"] == person.subscription_id
    assert expected.items() <= details.items()
    assert name != "PlanChange" or details["planId"].startswith("price_")
    assert name != "Discount" or account.world.stripe.coupons.retrieve(details["id"]).percent_off == 30
    account.press("Back to my account")
    [results] = account.wait_for("onGoToAccount")
    assert (results["outcome"], results["acceptedOffer"]["kind"]) == ("saved", DECLARED.get(name, name.lower()))
    account.wait_for("onClose")


def test_a_listeners_error_changes_nothing(new_account: NewAccount) -> None:
    account = new_account()
    said: list[str] = []
    account.page.on("console", lambda message: said.append(message.text))
    person = account.open("professional", listeners=("onClose",), handlers={"onCancel": {"throws": "analytics"}})
    account.press(CANCEL)
    account.shows(CANCELLED)
    account.press("Back to my account")
    [results] = account.wait_for("onClose")
    assert results["outcome"] == "cancelled"
    assert pending(account.world, person.subscription_id)
    assert [each for each in said if "analytics" in each]


def test_a_cancellation_goes_on_in_a_dialog_that_was_closed(new_account: NewAccount) -> None:
    account = new_account()
    person = account.open("professional")
    account.shows(SURVEY)
    with account.world.simulator.fault(kind="delay", seconds=1, contains=person.subscription_id, times=0):
        with account.page.expect_request(lambda sent: sent.method == "POST"):
            account.press(CANCEL)
        account.page.evaluate("cancelflow.hide()")
        expect(account.page.locator("dialog[open]")).to_have_count(0)
        [results] = account.wait_for("onClose")
    assert results["outcome"] == "cancelled"
    assert len(account.calls("onCancel")) == 1
    expect(account.page.locator("dialog")).to_have_count(0)


def test_a_dialog_that_shows_an_error_can_be_closed(new_account: NewAccount) -> None:
    account = new_account()
    person = account.open("professional")
    account.shows(SURVEY)
    with account.world.simulator.fault(kind="status", method="*", contains=person.subscription_id, times=0):
        account.press("Continue")
        account.shows("Try again in a moment")
    account.page.evaluate("cancelflow.hide()")
    [results] = account.wait_for("onClose")
    assert (results["outcome"], results["mode"]) == (None, "test")
    assert account.calls("onStepChange") == [["survey", None], ["error", "survey"]]


# Handlers: what the frame submits once the company's code has answered


def last_form(account: Account) -> dict[str, str]:
    """Return the fields of the form that was submitted last."""
    return {name: value for name, [value] in parse_qs(account.forms[-1], keep_blank_values=True).items()}


def shows_what_came_of_it(account: Account, claimed: bool, message: str) -> None:
    """A claim that Stripe doesn't confirm fails, and a handler that failed leaves the screen, with its message."""
    if claimed:
        account.shows("That did not work")
    else:
        expect(account.frame.get_by_role("alert")).to_have_text(message or "Nothing was changed. Try again.")


@pytest.mark.parametrize(
    ("does", "fields"),
    [
        ({"message": "We did it"}, {"handled": "1", "handled_message": "We did it"}),
        ("In short", {"handled": "1", "handled_message": "In short"}),
        (True, {"handled": "1", "handled_message": ""}),
        ({"rejects": "Not today"}, {"handled": "0", "handled_message": "Not today"}),
        ({"throws": "x is undefined"}, {"handled": "0", "handled_message": ""}),
    ],
)
@pytest.mark.parametrize("name", OFFERED)
def test_a_declared_handler_answers_before_the_offer_is_submitted(
    new_account: NewAccount, name: str, does: Any, fields: dict[str, str]
) -> None:
    case, reason, button, expected = OFFERED[name]
    account = new_account()
    person = account.open(case, handlers={f"handle{name}": does}, declared=[DECLARED.get(name, name.lower())])
    account.answer(reason)
    account.shows(OFFERS)
    account.press(button)
    customer, details, session = account.wait_for(f"handle{name}")
    shows_what_came_of_it(account, fields["handled"] == "1", fields["handled_message"])
    assert customer["userId"] == person.user_id
    assert expected.items() <= details.items()
    assert session["reason"] == reason
    form = last_form(account)
    assert fields.items() <= form.items()
    assert form["accept"]


@pytest.mark.parametrize("does", [{"message": "We cancelled it"}, {"rejects": "Call us"}])
def test_a_declared_handler_answers_before_the_cancellation_is_submitted(new_account: NewAccount, does: Any) -> None:
    account = new_account()
    account.open("professional", handlers={"handleCancel": does}, declared=["cancel"])
    account.frame.locator("#reason-missing_features").check()
    account.frame.get_by_label("What's missing?").fill("An export")
    account.press(CANCEL)
    _, reason, feedback, session = account.wait_for("handleCancel")
    message = str(next(iter(does.values())))
    shows_what_came_of_it(account, "message" in does, message)
    assert (reason, feedback, session["mode"]) == ("missing_features", "An export", "test")
    form = last_form(account)
    assert (form["action"], form["handled"]) == ("cancel", "1" if "message" in does else "0")
    assert form["handled_message"] == message


@pytest.mark.parametrize("name", ["Pause", "Cancel"])
def test_what_a_handler_changed_counts_once_stripe_shows_it(new_account: NewAccount, name: str) -> None:
    account = new_account()
    person = account.open("professional", handlers={f"handle{name}": None}, declared=[name.lower()])
    account.answer("unused")
    account.shows(OFFERS)
    account.press("Pause for 2 months" if name == "Pause" else CANCEL)
    _, details, *_ = account.wait_for(f"handle{name}")
    with account.world.simulator.losing_webhooks():  # the page is quicker than Stripe's event
        if name == "Pause":
            resumes_at = int(datetime.fromisoformat(details["resumesAt"]).timestamp())
            pause: Any = {"pause_collection": {"behavior": "void", "resumes_at": resumes_at}}
            account.world.stripe.subscriptions.update(person.subscription_id, pause)
        else:
            account.world.stripe.subscriptions.update(person.subscription_id, {"cancel_at_period_end": True})
        account.page.evaluate("finish({message: 'We did it for you'})")
        account.shows(CHANGED if name == "Pause" else CANCELLED)
    expect(account.frame.get_by_text("We did it for you")).to_be_visible()
    account.wait_for(f"on{name}")
    [session] = sessions_of(account.world, person)
    assert session["outcome"] == ("saved" if name == "Pause" else "cancelled")


@pytest.mark.parametrize(
    ("declared", "handler", "button", "details"),
    [
        ("support", "handleSupportRequest", "Talk to us", None),
        ("redirect", "handleRedirect", "Show me", {"redirectUrl": "https://example.com/lessons"}),
    ],
)
def test_a_handler_takes_over_a_conversation_or_a_redirect(
    new_account: NewAccount, declared: str, handler: str, button: str, details: dict[str, str] | None
) -> None:
    account = new_account()
    person = account.open("professional", handlers={handler: {"message": "Done"}}, declared=[declared])
    account.answer("missing_features")
    account.press(button)
    customer, *more = account.wait_for(handler)
    account.shows("Thank you for giving us a chance to help")
    assert customer["userId"] == person.user_id
    assert [set(each) & {"redirectUrl", "sessionId"} for each in more] == (
        [{"redirectUrl"}, {"sessionId"}] if details else [{"sessionId"}]
    )
    assert details is None or details.items() <= more[0].items()
    assert last_form(account)["handled"] == "1"


@pytest.mark.parametrize("preview", [False, True])
def test_a_handler_is_not_called_undeclared_or_in_a_preview(new_account: NewAccount, preview: bool) -> None:
    account = new_account()
    declared = {"declared": ["pause"], "preview": True} if preview else {"declared": ["discount"]}
    account.open("professional", handlers={"handlePause": True}, **declared)
    account.answer("unused")
    account.press("Pause for 2 months")
    account.shows("Preview: nothing was changed" if preview else CHANGED)
    assert account.calls("handlePause") == []
    assert "handled" not in last_form(account)


def logos_that_wait(account: Account) -> list[Route]:
    """Let the logo of each page wait, except where the page only asks for its cookie. Returns those that do."""
    waiting: list[Route] = []

    def wait(logo: Route) -> None:
        logo.continue_() if "token=" in logo.request.frame.url else waiting.append(logo)

    account.page.route("**/cancel/logo", wait)
    return waiting


def test_a_handler_is_called_while_the_page_still_waits_for_its_logo(new_account: NewAccount) -> None:
    account = new_account()
    waiting = logos_that_wait(account)
    account.open("professional", handlers={"handleCancel": {"rejects": "Call us"}}, declared=["cancel"])
    account.press(CANCEL)
    account.wait_for("handleCancel")
    assert waiting  # so there was no load event
    expect(account.frame.get_by_role("alert")).to_have_text("Call us")
    assert last_form(account)["handled"] == "0"
    for each in waiting:
        each.abort()


def test_a_press_before_the_site_listens_changes_nothing(new_account: NewAccount) -> None:
    account = new_account()
    waiting = logos_that_wait(account)
    # The site's own work keeps it from listening.
    deaf = "addEventListener('message', event => window.listens || event.stopImmediatePropagation())"
    account.page.add_init_script(f"if (parent === window) {deaf}")
    person = account.open("professional", handlers={"handleCancel": {"message": "Done"}}, declared=["cancel"])
    account.press(CANCEL)
    alert = account.frame.get_by_role("alert")
    expect(alert).to_have_text("Nothing was changed. Try again.", timeout=20_000)
    assert account.forms == []
    assert not pending(account.world, person.subscription_id)
    account.page.evaluate("window.listens = true")
    for each in waiting:
        each.abort()  # the load event, with which the site says hello again
    account.wait_for("onStepChange")
    account.press(CANCEL)
    account.wait_for("handleCancel")
    account.shows("That did not work")  # Stripe doesn't show what the handler claims
    assert last_form(account)["handled"] == "1"


def test_a_handler_that_the_site_lacks_leaves_the_press_to_the_page(new_account: NewAccount) -> None:
    account = new_account()
    account.open("professional", declared=["pause"])
    account.answer("unused")
    account.press("Pause for 2 months")
    account.shows(CHANGED)
    assert "handled" not in last_form(account)


# Origins


def test_no_other_site_can_show_the_page_and_the_token_still_works(
    world: World, company: tuple[str, str], browser: Browser
) -> None:
    trigger, allowed = company
    page = browser.new_context(locale="en-US").new_page()  # it reports the refusal, so it isn't a `new_page`
    other = Account(world, page, allowed.replace("localhost", "127.0.0.1"))
    person = other.open("professional")
    link = page.get_by_role("dialog").get_by_role("link", name="Continue in a new tab")
    expect(link).to_be_visible(timeout=20_000)
    assert sessions_of(world, person) == []
    with page.context.expect_page() as opening:
        link.click()
    expect(opening.value.get_by_role("heading", level=1)).to_have_text(SURVEY)
    assert opening.value.url == f"{trigger}/cancel"
    page.context.close()


def test_messages_from_other_origins_are_ignored(new_account: NewAccount) -> None:
    forged = """<!doctype html><title>Other</title><script>
      const page = {screen: "cancelled", title: "Forged", labels: {}, outcome: {action: "cancel", reference: "1"},
        customer: {}, results: {}}
      parent.postMessage({cancelflow: "shown", page}, "*")
      parent.postMessage({cancelflow: "close"}, "*")
      for (let i = 0; i < parent.frames.length; i++) {
        parent.frames[i].postMessage({cancelflow: "handled", handled: "1", message: "forged"}, "*")
      }
      parent.postMessage("sent", "*")
    </script>"""
    account = new_account()
    account.open("professional", handlers={"handleCancel": None}, declared=["cancel"])
    account.press(CANCEL)
    account.wait_for("handleCancel")
    with site(lambda _: (forged, {})) as port:
        account.page.evaluate(
            """url => new Promise(resolve => {
                addEventListener("message", event => event.data === "sent" && resolve())
                const frame = document.createElement("iframe")
                frame.src = url
                document.body.append(frame)
            })""",
            f"http://127.0.0.1:{port}/",
        )
    expect(account.page.get_by_role("dialog", name=SURVEY)).to_be_visible()
    account.page.evaluate("finish({message: 'real'})")
    expect(account.frame.get_by_role("heading", level=1)).not_to_have_text(SURVEY)
    assert [last_form(account)["handled_message"]] == ["real"]
    assert "Forged" not in str(account.calls("onStepChange"))


@pytest.mark.parametrize("right", ["source", "origin"])
def test_a_message_needs_the_right_source_and_the_right_origin(
    new_account: NewAccount, company: tuple[str, str], right: str
) -> None:
    origins = company if right == "origin" else ("https://example.com", "https://example.com")
    account = new_account()
    account.open("professional", handlers={"handleCancel": None}, declared=["cancel"])
    account.press(CANCEL)
    account.wait_for("handleCancel")
    forged: dict[str, Any] = {"screen": "cancelled", "title": "Forged", "labels": {}, "outcome": None, "results": {}}
    account.page.evaluate(
        """([origin, right, page]) => {
            const {contentWindow} = document.querySelector("dialog.cancelflow iframe")
            for (const data of [{cancelflow: "shown", page}, {cancelflow: "close"}]) {
                dispatchEvent(new MessageEvent("message", {origin, source: right ? contentWindow : window, data}))
            }
        }""",
        [origins[0], right == "source", forged],
    )
    [frame] = [each for each in account.page.frames if each.parent_frame]
    frame.evaluate(
        """([origin, right]) => {
            const data = {cancelflow: "handled", handled: "1", message: "forged"}
            dispatchEvent(new MessageEvent("message", {origin, source: right ? parent : window, data}))
        }""",
        [origins[1], right == "source"],
    )
    expect(account.page.get_by_role("dialog", name=SURVEY)).to_be_visible()
    account.page.evaluate("finish({message: 'real'})")
    expect(account.frame.get_by_role("heading", level=1)).not_to_have_text(SURVEY)
    assert last_form(account)["handled_message"] == "real"


# Cookies


@pytest.fixture(scope="module")
def blocking(browser: Browser) -> Iterator[Browser]:
    """Yield a browser that blocks third-party cookies."""
    arguments = [*ARGUMENTS, "--test-third-party-cookie-phaseout"]
    opened = browser.browser_type.launch(executable_path=CHROMIUM, args=arguments)
    yield opened
    opened.close()


def cookie_in_a_frame(page: Page, attributes: str) -> str:
    """Return the cookie that a frame on another site gets back after it set one with these attributes."""
    set_cookie = {"Set-Cookie": f"seen=yes; SameSite=None; Secure; {attributes}"}

    def served(path: str) -> tuple[str, dict[str, str]]:
        if path == "/set":
            return "<!doctype html><title>Set</title><a href='/cookie'>Next</a>", set_cookie
        return "", {}

    with site(served) as port, site(lambda _: (f"<iframe src='http://127.0.0.1:{port}/set'></iframe>", {})) as around:
        page.goto(f"http://localhost:{around}/")
        frame = page.frame_locator("iframe")
        frame.get_by_role("link").click()
        return frame.get_by_role("paragraph").inner_text()


def test_the_browser_blocks_what_is_not_partitioned(blocking: Browser) -> None:
    page = blocking.new_page()
    assert [cookie_in_a_frame(page, each) for each in ("", "Partitioned")] == ["none", "seen=yes"]
    page.close()


def test_a_customer_cancels_where_third_party_cookies_are_blocked(
    world: World, company: tuple[str, str], blocking: Browser
) -> None:
    page = blocking.new_context(locale="en-US").new_page()
    account = Account(world, page, company[1])
    person = account.open("professional")
    account.answer("switched_service")
    account.press(CANCEL)
    account.shows(CANCELLED)
    assert pending(world, person.subscription_id)
    page.context.close()


def test_a_browser_that_keeps_no_cookie_opens_a_new_tab(
    world: World, company: tuple[str, str], new_page: NewPage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    urls: list[str] = []
    with site(lambda _: account_page(urls[0])) as port:
        allowed = f"http://localhost:{port}"
        # Without TLS there is no cookie for a frame on another site.
        insecure = {"EMBED_ORIGINS": allowed, "PUBLIC_URL": "http://billing.example.com"}
        with serving(tmp_path_factory.mktemp("insecure"), **insecure) as http:
            urls.append(str(http.base_url).rstrip("/"))
            account = Account(world, new_page(), allowed)
            person = account.open("professional")
            account.shows("Continue in a new tab")
            picture(account.page, "embed-new-tab")
            with account.page.context.expect_page() as opening:
                account.frame.get_by_role("link", name="Open in a new tab").click()
            tab = opening.value
            tab.get_by_role("button", name=CANCEL).click()
            expect(tab.get_by_role("heading", level=1)).to_have_text(CANCELLED)
            assert pending(world, person.subscription_id)


# The demo shop


def test_the_demo_shop_opens_the_embed(world: World, page: Page) -> None:
    person = world.person("professional")
    page.goto(f"{world.addresses['http']}/shop?customer={person.user_id}")
    page.get_by_role("button", name="Cancel in a dialog").click()
    frame = page.frame_locator("dialog.cancelflow iframe")
    frame.get_by_role("button", name=CANCEL).click()
    expect(frame.get_by_role("heading", level=1)).to_have_text(CANCELLED)
    picture(page, f"embed-shop-{page.viewport_size}")
    frame.get_by_role("button", name="Back to my account").click()
    expect(page.get_by_text("Cancels on")).to_be_visible()


# The session


def test_a_session_continues_until_it_is_forgotten(new_account: NewAccount, world: World) -> None:
    account = new_account()
    person = account.open("professional")
    account.answer("switched_service")
    account.shows("Cancel your subscription?")
    account.open(person)
    account.shows("Cancel your subscription?")
    account.page.evaluate("cancelflow.clearState()")
    expect(account.page.get_by_role("dialog")).to_have_count(0)
    account.open(person)
    account.shows(SURVEY)
    assert len(sessions_of(world, person)) == 2


def test_restart_opens_a_new_session(new_account: NewAccount, world: World) -> None:
    account = new_account()
    person = account.open("professional")
    account.answer("switched_service")
    account.shows("Cancel your subscription?")
    with pytest.raises(Exception, match="A token opens one session"):
        account.page.evaluate("cancelflow.init('restart')")
    account.page.evaluate("token => cancelflow.init('restart', {token})", token(person))
    account.shows(SURVEY)
    assert len(sessions_of(world, person)) == 2


def test_a_function_fetches_a_token_for_each_session(new_account: NewAccount, world: World) -> None:
    account = new_account()
    person = account.open("professional")
    account.shows(SURVEY)
    account.page.evaluate(
        "tokens => cancelflow.init('show', {token: async () => tokens.shift()})", [token(person), token(person)]
    )
    account.answer("switched_service")
    account.shows("Cancel your subscription?")
    account.page.evaluate("cancelflow.init('restart')")
    account.shows(SURVEY)


@pytest.mark.parametrize(
    ("call", "error"),
    [("init('open', {token: 'x'})", '"show" or "restart", not "open"'), ("init('show', {})", "needs a token")],
)
def test_a_wrong_call_says_what_is_wrong(new_account: NewAccount, call: str, error: str) -> None:
    account = new_account()
    account.page.goto(account.url)
    with pytest.raises(Exception, match=error):
        account.page.evaluate(f"cancelflow.{call}")
    expect(account.page.get_by_role("dialog")).to_have_count(0)
