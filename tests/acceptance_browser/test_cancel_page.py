"""Whole journeys through the cancel page in a real browser: on a phone without JavaScript, and on a desktop with it."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.acceptance_browser.cancel_screens import CANCEL, REFUSED, THOROUGH, Tab
from tests.acceptance_browser.chromium import DESK, PHONE, fits, picture
from tests.acceptance_browser.conftest import NewTab
from tests.cancel_page.visitor import sessions_of
from tests.waiting import eventually
from tests.world import Person, World

pytestmark = pytest.mark.slow

MAX_BYTES = 50_000
BROWSERS: dict[str, dict[str, Any]] = {
    "phone": {"size": PHONE, "java_script_enabled": False},
    "desk": {"size": DESK, "java_script_enabled": True},
}


@pytest.fixture(params=BROWSERS)
def tab(new_tab: NewTab, request: pytest.FixtureRequest) -> Iterator[Tab]:
    opened: Tab = new_tab(**BROWSERS[request.param])
    yield opened
    assert fits(opened.page)
    picture(opened.page, request.node.name)


def outcome(world: World, person: Person) -> str | None:
    """Return the outcome of the customer's last session."""
    found: str | None = sessions_of(world, person)[-1]["outcome"]
    return found


def pending(world: World, person: Person) -> bool:
    """Return whether the subscription ends with its period."""
    return bool(world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end)


# Outcomes


def test_a_discount_saves_the_subscription(world: World, tab: Tab) -> None:
    person = tab.open("professional")
    tab.choose("too_expensive")
    tab.press("Continue")
    offer = tab.page.locator(".offer", has_text="30% off for 3 months")
    expect(offer).to_contain_text("Your next charge is $34.30")
    expect(offer).to_contain_text("you pay $49.00 again")
    tab.press("Take this discount")
    tab.shows("Done: your subscription was changed")
    expect(tab.page.get_by_role("main")).to_contain_text("Your next charge is $34.30")
    assert world.stripe.subscriptions.retrieve(person.subscription_id).discounts
    assert (outcome(world, person), pending(world, person)) == ("saved", False)


def test_who_took_an_offer_can_still_cancel(world: World, tab: Tab) -> None:
    person = tab.open("professional")
    tab.choose("too_expensive")
    tab.press("Continue")
    tab.press("Take this discount")
    tab.press(CANCEL)
    tab.shows("Your subscription is cancelled")
    assert pending(world, person)


def test_one_press_cancels_at_the_end_of_the_period(world: World, tab: Tab) -> None:
    person = tab.open("professional")
    tab.shows("What's your main reason for cancelling?")
    expect(tab.page.locator(":checked")).to_have_count(0)
    tab.press(CANCEL)
    tab.shows("Your subscription is cancelled")
    expect(tab.page.get_by_text("You can use your plan until")).to_be_visible()
    assert (tab.presses, outcome(world, person), pending(world, person)) == (1, "cancelled", True)


def test_an_unpaid_subscription_ends_now(world: World, tab: Tab) -> None:
    person = tab.open("past_due")
    tab.press(CANCEL)
    tab.shows("Your subscription has ended")
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == "canceled"
    assert outcome(world, person) == "cancelled"


def test_a_plan_that_operators_cancel_is_received(world: World, tab: Tab) -> None:
    person = tab.open("enterprise", tab.by_hand)
    tab.press(CANCEL)
    tab.shows("We've received your cancellation")
    expect(tab.page.get_by_text("Reference: ")).to_be_visible()
    assert (outcome(world, person), pending(world, person)) == ("manual", False)


def test_a_cancellation_that_failed_is_tried_again(world: World, tab: Tab) -> None:
    person = tab.open("professional")
    with world.simulator.fault(**REFUSED, contains=person.subscription_id):
        tab.press(CANCEL)
        tab.shows("That did not work")
        expect(tab.page.get_by_text("We recorded your request on")).to_be_visible()
        assert outcome(world, person) == "errored"
    tab.press(CANCEL)
    tab.shows("Your subscription is cancelled")
    assert (outcome(world, person), pending(world, person)) == ("cancelled", True)


def test_a_slow_cancellation_shows_its_end_by_itself(world: World, tab: Tab) -> None:
    person = tab.open("professional")
    # Slow look-ups, then writes that get no response: together longer than a customer waits for a response.
    with (
        world.simulator.fault(kind="delay", seconds=2.3, method="GET", contains=person.subscription_id, times=0),
        world.simulator.fault(kind="timeout", method="POST", contains=person.subscription_id, times=0),
    ):
        tab.press(CANCEL)
        tab.shows("We're cancelling your subscription")
        assert fits(tab.page)
        [run] = world.rows("SELECT flow_run_id AS id FROM cancellation_requests WHERE user_id = %s", person.user_id)
        eventually(lambda: world.prefect.get(f"/flow_runs/{run['id']}").json()["state_type"] == "FAILED")
    world.admin.execute("UPDATE cancellation_requests SET resume_at = now() WHERE user_id = %s", [person.user_id])
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("Your subscription is cancelled", timeout=120_000)
    assert (tab.presses, pending(world, person)) == (1, True)


# In effect already


def test_a_running_pause_is_told_first_and_billing_resumes(world: World, tab: Tab) -> None:
    person = tab.open("professional")
    tab.choose("unused")
    tab.press("Continue")
    tab.press("Pause for 2 months")
    tab.shows("Done: your subscription was changed")
    tab.open(person)
    tab.shows("Your billing is paused")
    tab.press("Resume billing now")
    tab.shows("Done: your subscription was changed")
    assert world.stripe.subscriptions.retrieve(person.subscription_id).pause_collection is None


def test_a_running_discount_is_told_first(world: World, tab: Tab) -> None:
    person = tab.open("already_discounted")
    tab.shows("You already have a discount")
    tab.press("See other options")
    tab.shows("What's your main reason for cancelling?")
    tab.press(CANCEL)
    tab.shows("Your subscription is cancelled")
    assert pending(world, person)


def test_a_cancelled_subscription_says_when_it_ends(tab: Tab) -> None:
    tab.open("already_pending")
    tab.shows("Your subscription is cancelled")
    expect(tab.page.get_by_text("It ends on")).to_be_visible()
    expect(tab.page.get_by_role("button")).to_have_count(0)


# Nothing to show


def test_an_expired_link_changes_nothing(world: World, tab: Tab) -> None:
    person = tab.open("professional", exp=int(time.time()) - 1)
    tab.shows("This link has expired")
    assert sessions_of(world, person) == []


def test_a_customer_without_a_subscription_has_nothing_to_cancel(tab: Tab) -> None:
    tab.open("no_subscription")
    tab.shows("You have no active subscription")


def test_one_of_several_subscriptions_is_chosen_and_only_that_one_ends(world: World, tab: Tab) -> None:
    person = tab.open("two_subscriptions")
    tab.shows("Which subscription do you want to cancel?")
    tab.press("Starter")
    tab.press(CANCEL)
    tab.shows("Your subscription is cancelled")
    found = [world.stripe.subscriptions.retrieve(each).cancel_at_period_end for each in person.subscription_ids]
    assert sorted(map(bool, found)) == [False, True]


def test_a_customer_can_leave_everything_as_it_is(world: World, tab: Tab) -> None:
    person = tab.open("professional")
    tab.press("Change nothing")
    tab.shows("Nothing was changed")
    assert (tab.presses, pending(world, person)) == (1, False)


# Presses


def test_the_whole_way_has_no_more_presses_than_steps(tab: Tab) -> None:
    tab.open("professional")
    tab.press("Continue")  # the survey
    tab.press("No, thanks")  # the offers
    tab.shows("Cancel your subscription?")
    tab.press(CANCEL)
    tab.shows("Your subscription is cancelled")
    assert tab.presses == 3


def test_required_questions_cost_a_press_each_and_no_more(world: World, tab: Tab) -> None:
    person = tab.open("professional", customerAttributes=THOROUGH)
    tab.choose("unused")
    tab.press(CANCEL)
    tab.shows("What could we have done better?")
    tab.page.get_by_label("Your feedback").fill("It had no export to CSV")
    tab.press(CANCEL)
    tab.shows("Your subscription is cancelled")
    assert tab.presses == 2
    kept = world.row("SELECT category, feedback FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert kept == {"category": "unused", "feedback": "It had no export to CSV"}


def test_a_missing_answer_is_asked_for_where_it_is_missing(world: World, tab: Tab) -> None:
    person = tab.open("professional", customerAttributes=THOROUGH)
    tab.press(CANCEL)
    expect(tab.page.get_by_role("alert")).to_have_text("Choose a reason, or “I'd rather not say”.")
    tab.choose("prefer_not_to_say")
    tab.press("Continue")
    tab.page.get_by_label("Your feedback").fill("No")
    tab.press("Continue")
    expect(tab.page.get_by_role("alert")).to_have_text("Write at least 5 characters.")
    expect(tab.page.get_by_label("Your feedback")).to_have_value("No")
    assert not pending(world, person)


# The page itself


def test_a_follow_up_question_appears_with_its_reason(tab: Tab) -> None:
    tab.open("professional")
    question = tab.page.get_by_label("What's missing?")
    expect(question).to_be_hidden()
    tab.choose("missing_features")
    expect(question).to_be_visible()
    tab.choose("too_expensive")
    expect(question).to_be_hidden()


def test_the_first_screen_is_small(new_tab: NewTab) -> None:
    tab = new_tab()
    received = []
    tab.page.on("requestfinished", lambda request: received.append(request.sizes()))
    tab.open("professional")
    tab.shows("What's your main reason for cancelling?")
    assert 0 < sum(each["responseBodySize"] + each["responseHeadersSize"] for each in received) < MAX_BYTES


def test_a_customer_cancels_in_german(world: World, new_tab: NewTab) -> None:
    tab = new_tab(claims={"i18n": {"lang": "de"}})
    person = tab.open("professional")
    tab.shows("Was ist der Hauptgrund für Ihre Kündigung?")
    assert tab.page.locator("html").get_attribute("lang") == "de"
    tab.do("cancel")
    expect(tab.page.get_by_text("Referenz: ")).to_be_visible()
    assert pending(world, person)


def test_a_customer_cancels_by_keyboard(world: World, new_tab: NewTab) -> None:
    tab = new_tab(size=DESK)
    person = tab.open("professional")
    keyboard = tab.page.keyboard
    tab.reach("too_expensive")
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    tab.reach("")
    keyboard.type("An export")
    tab.reach("Continue")
    keyboard.press("Enter")
    tab.shows("Cancel your subscription?")
    tab.reach(CANCEL)
    keyboard.press("Enter")
    tab.shows("Your subscription is cancelled")
    kept = world.row("SELECT category, feedback FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert kept == {"category": "missing_features", "feedback": "An export"}


def test_a_customer_takes_an_offer_by_keyboard(world: World, new_tab: NewTab) -> None:
    tab = new_tab(size=PHONE)
    person = tab.open("professional")
    tab.reach("Continue")
    tab.page.keyboard.press("Enter")
    tab.shows("Would this suit you better?")
    tab.reach("Take this discount")
    tab.page.keyboard.press("Space")
    tab.shows("Done: your subscription was changed")
    assert outcome(world, person) == "saved"


def test_a_customer_cancels_in_a_language_that_the_company_brings_from_right_to_left(
    world: World, new_tab: NewTab
) -> None:
    tab = new_tab(claims={"i18n": {"lang": "ar", "messages": {"ar": {CANCEL: "إلغاء اشتراكي"}}}})
    person = tab.open("professional")
    assert tab.page.locator("html").get_attribute("dir") == "rtl"
    radio = tab.page.locator("#reason-other").bounding_box()
    assert radio is not None
    assert radio["x"] > PHONE[0] / 2
    assert fits(tab.page)
    tab.press("إلغاء اشتراكي")
    tab.shows("Your subscription is cancelled")
    assert pending(world, person)
