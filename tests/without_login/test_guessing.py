"""Guessing codes, and codes that are expired, replaced, used, or somebody else's: all get one response."""

import pytest

from nodes.cancel_codes.trying import MOST_TRIES
from tests.cancel_page.visitor import sessions_of
from tests.waiting import concurrently
from tests.without_login.stranger import PAGE, SURVEY, Stranger, move, sent_code
from tests.world import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]


def wrong_one(code: str) -> str:
    return f"{(int(code.replace(' ', '')) + 1) % 10**8:08}"


def test_after_too_many_wrong_tries_the_right_code_is_dead(world: World, stranger: Stranger, other: Stranger) -> None:
    person = world.person("professional")
    stranger.ask(person.email)
    code = sent_code(world, person, stranger)
    for _ in range(MOST_TRIES - 1):
        assert stranger.enter(wrong_one(code)).status_code == 400
        assert stranger.is_told_wrong()
    form = stranger.page
    other.page = form  # another browser at another address shares the tries
    assert other.enter(wrong_one(code)).status_code == 400
    assert stranger.enter(code).text.partition("<main>")[2] == form.text.partition("<main>")[2]
    assert sessions_of(world, person) == []

    stranger.ask(person.email)
    assert stranger.enter(sent_code(world, person, stranger)).status_code == 200
    assert stranger.title == SURVEY


def test_the_last_try_may_be_right(world: World, stranger: Stranger) -> None:
    person = world.person("professional")
    stranger.ask(person.email)
    code = sent_code(world, person, stranger)
    for _ in range(MOST_TRIES - 1):
        stranger.enter(wrong_one(code))
    stranger.enter(code)
    assert stranger.title == SURVEY


def test_concurrent_guesses_share_the_limit(world: World, stranger: Stranger) -> None:
    person = world.person("professional")
    stranger.ask(person.email)
    code, form = sent_code(world, person, stranger), stranger.page
    guess = {"code_id": stranger.code_id, "code": wrong_one(code)}

    found = concurrently(*[lambda: stranger.http.post(PAGE, data=guess)] * 20)

    assert {each.status_code for each in found} == {400}
    assert world.row("SELECT tries FROM cancel_codes WHERE id = %s", stranger.code_id)["tries"] == MOST_TRIES
    stranger.page = form
    stranger.enter(code)
    assert stranger.is_told_wrong()


def test_a_code_works_for_15_minutes(world: World, stranger: Stranger) -> None:
    person = world.person("professional")
    stranger.ask(person.email)
    code, form = sent_code(world, person, stranger), stranger.page
    row = world.row(
        "SELECT extract(epoch FROM expires_at - asked_at) AS s FROM cancel_codes WHERE id = %s", stranger.code_id
    )
    assert round(row["s"]) == 15 * 60
    move(world, stranger.code_id, 15 * 60 + 1)
    stranger.enter(code)
    assert stranger.is_told_wrong()
    stranger.page = form
    move(world, stranger.code_id, -60)
    stranger.enter(code)
    assert stranger.title == SURVEY


def test_only_the_newest_code_of_an_address_works(world: World, stranger: Stranger, other: Stranger) -> None:
    person = world.person("professional")
    stranger.ask(person.email)
    older = sent_code(world, person, stranger)
    other.ask(person.email.upper())
    newer = sent_code(world, person, other)
    stranger.enter(older)
    assert stranger.is_told_wrong()
    other.enter(newer)
    assert other.title == SURVEY


def test_a_used_code_is_dead_in_every_other_browser(world: World, stranger: Stranger, other: Stranger) -> None:
    person = world.person("two_subscriptions")
    stranger.ask(person.email)
    code, form = sent_code(world, person, stranger), stranger.page
    other.page = form
    other.enter(code)
    [first, _] = other.buttons.values()
    stranger.enter(code, subscription=first)
    assert stranger.title == SURVEY
    for fields in ({}, {"subscription": first}):
        other.page = form
        other.enter(code, **fields)
        assert other.is_told_wrong()
    stranger.page = form
    stranger.enter(code)  # in the same browser it leads back
    assert (stranger.title, stranger.page.url.path) == (SURVEY, "/cancel")
    assert len(sessions_of(world, person)) == 1


def test_a_code_works_only_for_the_request_that_it_was_sent_for(
    world: World, stranger: Stranger, other: Stranger
) -> None:
    attacker, victim = world.person("starter"), world.person("enterprise")
    stranger.ask(attacker.email)
    other.ask(victim.email)
    code = sent_code(world, attacker, stranger)
    sent_code(world, victim, other)
    other.enter(code)
    assert other.is_told_wrong()
    assert sessions_of(world, victim) == []
