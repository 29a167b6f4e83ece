"""From an email address to a cancelled subscription (FEATURES F21, U20, G03)."""

import re

import pytest

from email_templates.dates import long_date_and_time
from tests.cancel_page.visitor import path_of, sessions_of
from tests.waiting import concurrently, eventually
from tests.without_login.stranger import ENTER_CODE, PAGE, SURVEY, Stranger, code_emails, handled, sent_code
from tests.world import Person, Row, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")

CANCELLED = "Your subscription is cancelled"
NOTHING = "You have no active subscription"


def leaves(world: World, subscription_id: str) -> bool:
    return bool(world.stripe.subscriptions.retrieve(subscription_id).cancel_at_period_end)


def session_of(world: World, person: Person) -> Row:
    [found] = sessions_of(world, person)
    return found


def test_a_customer_cancels_with_a_code_from_an_email(world: World, stranger: Stranger) -> None:
    person = world.person("professional")
    assert stranger.http.get(PAGE).status_code == 200
    stranger.ask(person.email)
    assert (stranger.page.status_code, stranger.title) == (200, ENTER_CODE)

    stranger.enter(sent_code(world, person, stranger))
    assert (stranger.title, stranger.page.url.path) == (SURVEY, "/cancel")
    session = session_of(world, person)
    assert (session["subscription_id"], session["outcome"]) == (person.subscription_id, None)
    stranger.press("cancel")

    assert stranger.title == CANCELLED
    assert leaves(world, person.subscription_id)
    assert session_of(world, person)["outcome"] == "cancelled"
    assert len(code_emails(world, person.email)) == 1
    [receipt] = [each for each in world.emails(person) if each["subject"].startswith("Cancellation confirmed")]
    asked = world.row("SELECT received_at FROM cancellation_requests WHERE user_id = %s", person.user_id)
    assert long_date_and_time(asked["received_at"], "en", "UTC") in receipt["text"]  # as § 312k BGB requires


def test_the_page_asks_for_nothing_but_the_address_and_works_everywhere(world: World, stranger: Stranger) -> None:
    page = stranger.http.get(PAGE, headers={"Accept-Language": "de-AT,en;q=0.5"})
    assert re.findall(r"<script|<img|<iframe|\bon\w+=|url\(", page.text) == []
    assert re.findall(r'<input [^>]*name="(\w+)"', page.text) == ["email"]
    assert "set-cookie" not in page.headers
    assert '<html lang="de-AT"' in page.text
    assert "<h1>Abonnement kündigen</h1>" in page.text


@pytest.mark.parametrize("written", ["{upper}", "  {address} "])
def test_case_and_spaces_do_not_matter_and_the_email_goes_to_the_address_on_file(
    world: World, stranger: Stranger, written: str
) -> None:
    person = world.person("starter")
    stranger.ask(written.format(upper=person.email.upper(), address=person.email))
    code = sent_code(world, person, stranger)
    [email] = code_emails(world, person.email)
    assert person.email in email["to"]
    assert stranger.enter(code.replace(" ", "-")).url.path == "/cancel"


def test_letters_that_only_look_alike_are_another_address(world: World, stranger: Stranger) -> None:
    """The Kelvin sign is a k in lower case: an address with it may be somebody else's mailbox."""
    person = world.person("starter")
    world.admin.execute("UPDATE users SET email = 'k' || email WHERE id = %s", [person.user_id])
    stranger.ask(f"\u212a{person.email}")
    eventually(lambda: handled(world, stranger.code_id))
    assert code_emails(world, f"k{person.email}") == []


def test_several_subscriptions_are_chosen_from(world: World, stranger: Stranger) -> None:
    person = world.person("two_subscriptions")
    stranger.ask(person.email)
    code = sent_code(world, person, stranger)
    stranger.enter(code)

    assert stranger.title == "Which subscription do you want to cancel?"
    assert sessions_of(world, person) == []
    texts = sorted(stranger.buttons)
    assert [re.sub(r"until \w+ \d+, \d{4}$", "until", each) for each in texts] == [
        "Professional Current period until",
        "Starter Current period until",
    ]
    assert person.user_id not in stranger.page.text
    second = person.subscription_ids[1]
    assert set(stranger.buttons.values()) == set(person.subscription_ids)
    stranger.enter(code, subscription=second)

    assert stranger.title == SURVEY
    assert session_of(world, person)["subscription_id"] == second
    stranger.press("cancel")
    assert stranger.title == CANCELLED
    assert [leaves(world, each) for each in person.subscription_ids] == [False, True]


def test_the_subscriptions_of_all_users_with_the_address_are_chosen_from(world: World, stranger: Stranger) -> None:
    first, second = world.person("starter"), world.person("enterprise")
    world.admin.execute("UPDATE users SET email = %s WHERE id = %s", [first.email, second.user_id])
    stranger.ask(first.email)
    [email] = eventually(lambda: code_emails(world, first.email, stranger.code_id))
    code = re.findall(r"^\d{4} \d{4}$", email["text"], re.MULTILINE)[0]
    stranger.enter(code)
    [enterprise] = [value for text, value in stranger.buttons.items() if text.startswith("Enterprise")]
    assert len(stranger.buttons) == 2

    stranger.enter(code, subscription=enterprise)

    assert session_of(world, second)["subscription_id"] == second.subscription_id
    assert sessions_of(world, first) == []


def test_a_code_opens_no_subscription_of_another_address(world: World, stranger: Stranger) -> None:
    person, victim = world.person("starter"), world.person("enterprise")
    stranger.ask(person.email)
    code, form = sent_code(world, person, stranger), stranger.page
    for subscription in (victim.subscription_id, "sub_unknown", "", "\0"):
        stranger.page = form
        stranger.enter(code, subscription=subscription)
        assert stranger.title == NOTHING
    assert (sessions_of(world, person), sessions_of(world, victim)) == ([], [])
    stranger.page = form
    stranger.enter(code)
    assert session_of(world, person)["subscription_id"] == person.subscription_id
    stranger.press("choose", subscription=victim.subscription_id)
    assert session_of(world, person)["subscription_id"] == person.subscription_id


@pytest.mark.parametrize("case", ["no_subscription", "ended_in_stripe"])
def test_a_customer_without_a_live_subscription_is_told_so_after_the_code(
    world: World, stranger: Stranger, case: str
) -> None:
    person = world.person("professional" if case == "ended_in_stripe" else case)
    if case == "ended_in_stripe":
        with world.simulator.losing_webhooks():
            world.stripe.subscriptions.cancel(person.subscription_id)
    stranger.ask(person.email)
    assert stranger.title == ENTER_CODE
    stranger.enter(sent_code(world, person, stranger))
    assert stranger.title == NOTHING
    assert sessions_of(world, person) == []


def test_a_cancelled_subscription_shows_its_end(world: World, stranger: Stranger) -> None:
    person = world.person("already_pending")
    stranger.ask(person.email)
    stranger.enter(sent_code(world, person, stranger))
    assert stranger.title == CANCELLED


@pytest.mark.slow
def test_a_code_still_works_after_stripe_was_away(world: World, stranger: Stranger) -> None:
    person = world.person("professional")
    stranger.ask(person.email)
    code, form = sent_code(world, person, stranger), stranger.page
    with world.simulator.fault(kind="status", status=500, contains=person.subscription_id, times=0):
        assert stranger.enter(code).status_code == 503
        assert "Nothing was changed" in stranger.text
    stranger.page = form
    assert stranger.enter(code).status_code == 200
    assert stranger.title == SURVEY


def test_pressing_twice_at_the_same_time_opens_one_session(world: World, stranger: Stranger) -> None:
    person = world.person("professional")
    stranger.ask(person.email)
    form = {**stranger.hidden, "code": sent_code(world, person, stranger)}

    pressed = concurrently(*[lambda: stranger.http.post(PAGE, data=form)] * 3)

    assert {(each.status_code, each.url.path) for each in pressed} == {(200, "/cancel")}
    assert len(sessions_of(world, person)) == 1
    assert [kind for kind, _ in path_of(world, person)] == ["opened", "step_shown"]
