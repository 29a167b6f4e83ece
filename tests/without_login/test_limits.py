"""Codes are limited per address and per client, across triggers, whoever presses what (FEATURES F21)."""

import re
from math import ceil
from pathlib import Path
from uuid import uuid4

import pytest

from nodes.cancel_codes.asking import PER_ADDRESS, PER_CLIENT
from tests.acceptance.trigger import serving
from tests.faults.own_database import OwnWorld
from tests.faults.triggers import Triggers
from tests.waiting import concurrently, eventually
from tests.without_login.stranger import (
    ENTER_CODE,
    TOO_OFTEN,
    Stranger,
    code_emails,
    handled,
    move,
    new_client,
    own,
    row_of,
    sent_code,
)
from tests.world import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]


def unknown() -> str:
    return f"{uuid4().hex}@example.com"


def asks(world: World, address: str, client: str | None = None, url: str | None = None) -> Stranger:
    """Ask for a code from a new browser, and return it with its page."""
    with Stranger(world, url, client) as stranger:
        stranger.ask(address)
    return stranger


def test_a_mailbox_gets_a_few_codes_an_hour_whoever_asks(world: World) -> None:
    person = world.person("professional")
    asked = [asks(world, person.email) for _ in range(PER_ADDRESS)]
    assert [each.title for each in asked] == [ENTER_CODE] * PER_ADDRESS
    refused = [asks(world, address) for address in (person.email, person.email.upper())]
    for each in refused:
        assert (each.page.status_code, each.title) == (429, TOO_OFTEN)
        seconds = int(each.page.headers["retry-after"])
        assert 3000 < seconds <= 3600
        assert f"You can get a new code in {ceil(seconds / 60)} minutes." in each.text
    eventually(lambda: all(handled(world, each.code_id) for each in asked))
    assert len(code_emails(world, person.email)) == PER_ADDRESS

    asked_at = "UPDATE cancel_codes SET asked_at = now() - interval '3550 seconds' WHERE id = %s"
    world.admin.execute(asked_at.encode(), [asked[0].code_id])
    late = asks(world, person.email)
    assert (late.page.status_code, "You can get a new code in 1 minute." in late.text) == (429, True)
    move(world, asked[0].code_id, 60)
    assert asks(world, person.email).title == ENTER_CODE
    assert asks(world, person.email).title == TOO_OFTEN


def test_concurrent_requests_are_counted_too(world: World) -> None:
    address = unknown()
    found = concurrently(*[lambda: asks(world, address).page.status_code] * 10)
    assert sorted(found) == [200] * PER_ADDRESS + [429] * (10 - PER_ADDRESS)


def test_a_client_gets_a_limited_number_of_codes(world: World) -> None:
    client = new_client()
    found = concurrently(*[lambda: asks(world, unknown(), client).page.status_code] * (PER_CLIENT + 5))
    assert sorted(found) == [200] * PER_CLIENT + [429] * 5
    assert asks(world, unknown()).title == ENTER_CODE


def test_an_ipv6_client_is_its_network(world: World) -> None:
    network = f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}"
    found = [asks(world, unknown(), f"{network}::{number:x}").page.status_code for number in range(PER_CLIENT + 1)]
    assert found == [200] * PER_CLIENT + [429]


def test_ipv4_clients_of_a_dual_stack_proxy_are_clients_of_their_own(world: World) -> None:
    client = new_client()
    written = [client, f"::ffff:{client}"] * (PER_CLIENT // 2)
    found = [asks(world, unknown(), each).page.status_code for each in [*written, f"::ffff:{client}"]]
    assert found == [200] * PER_CLIENT + [429]
    assert asks(world, unknown(), f"::ffff:{new_client()}").title == ENTER_CODE


def test_a_trusted_proxy_may_be_written_as_ipv6_by_the_next_one(world: World) -> None:
    """Then it is no client, which all of its customers would be."""
    proxies = ["127.0.0.1", "::ffff:127.0.0.1"]
    found = [
        asks(world, unknown(), f"{new_client()}, {proxies[number % 2]}").page.status_code
        for number in range(2 * PER_CLIENT + 2)
    ]
    assert set(found) == {200}


def test_what_is_refused_does_not_count(world: World, stranger: Stranger) -> None:
    address = unknown()
    for _ in range(PER_ADDRESS):
        stranger.ask("no address")
    stranger.ask(address)
    client = row_of(world, stranger.code_id)["client_hash"]
    for _ in range(PER_ADDRESS + 2):
        stranger.ask(address)
    assert len(world.rows("SELECT FROM cancel_codes WHERE client_hash = %s", client)) == PER_ADDRESS


def test_two_triggers_share_the_limits_and_log_nothing_personal(world: World, tmp_path: Path) -> None:
    person, client = world.person("professional"), new_client()
    with serving(tmp_path) as http:
        urls = [str(http.base_url), world.addresses["http"]]
        found = [asks(world, person.email, url=urls[number % 2]) for number in range(PER_ADDRESS + 2)]
        assert [each.page.status_code for each in found] == [200] * PER_ADDRESS + [429] * 2
        many = [asks(world, unknown(), client, urls[number % 2]).page.status_code for number in range(PER_CLIENT + 2)]
        assert many == [200] * PER_CLIENT + [429] * 2
        code = sent_code(world, person, found[PER_ADDRESS - 1])
        eventually(lambda: all(handled(world, each.code_id) for each in found[:PER_ADDRESS]))
    assert len(code_emails(world, person.email)) == PER_ADDRESS
    [log] = [each.read_text() for each in tmp_path.glob("*.log")]
    runs = world.prefect.post("/flow_runs/filter", json={"flows": {"name": {"any_": ["send-cancel-code"]}}}).text
    for text in (log, runs):
        assert not re.search(f"{re.escape(person.email)}|{code}|{code.replace(' ', '')}", text, re.IGNORECASE)


def test_only_a_trusted_proxy_says_who_the_client_is(apart: OwnWorld, triggers: Triggers) -> None:
    """On a database of its own, as the client is the one of every test that uses no proxy."""
    its_database = own(apart.addresses["database_url"])
    with triggers.started(**its_database, TRUSTED_PROXIES="192.0.2.0/24") as trigger:
        found = [asks(apart, unknown(), url=trigger.url).page.status_code for _ in range(PER_CLIENT + 1)]
    assert found == [200] * PER_CLIENT + [429]
