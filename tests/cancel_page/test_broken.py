"""Whatever else is broken, the page shows a button that cancels in one press (FEATURES F28)."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.cancel_page.visitor import Visitor, path_of, sessions_of, token
from tests.offers.company import Company
from tests.world import Person

pytestmark = pytest.mark.slow

CANCELLED = "Your subscription is cancelled"
PLAIN = "Cancel your Team Flow plan?"
OWN_BUTTON = '<button type="submit" name="action" value="cancel">Cancel my subscription</button>'
RAISES = """
audience: attributes.videosCreated > 20 || customer.metadata['tier'] == 'gold'
steps:
  - feedback: {title: Never}
"""
DEFAULT = "steps:\n  - confirm: {title: Sure?}\n"


@contextmanager
def current(company: Company, **files: str) -> Iterator[int]:
    """Make a version current that no `publish` would accept."""
    version, admin = 1000 + uuid.uuid4().int % 1_000_000, company.world.admin
    stored = Jsonb({f"{name}.yaml": text for name, text in files.items()})
    admin.execute("INSERT INTO blueprint_versions VALUES (%s, %s)", [version, stored])
    try:
        yield version
    finally:
        admin.execute("DELETE FROM blueprint_versions WHERE version = %s", [version])


def cancels_in_one_press(company: Company, guest: Visitor, person: Person) -> None:
    """Press the button of the page that is shown."""
    assert guest.page.status_code == 200
    assert OWN_BUTTON in guest.page.text
    guest.press("cancel")
    assert guest.title == CANCELLED, guest.text
    assert company.world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end
    assert [each["outcome"] for each in sessions_of(company.world, person)] == ["cancelled"]


@pytest.mark.parametrize(
    "files",
    [
        {"default": "stages: []"},
        {"default": "steps: ["},
        {"nothing": "steps: []"},
        {"attributes": "x: {type: odd}"},
        {},
    ],
    ids=["unknown fields", "no YAML", "no steps", "no blueprint", "no files"],
)
def test_a_blueprint_that_cannot_be_used(company: Company, guest: Visitor, files: dict[str, str]) -> None:
    person = company.customer()
    with current(company, **files):
        guest.open(token(person))
        assert guest.title == PLAIN
        cancels_in_one_press(company, guest, person)
    assert path_of(company.world, person)[0] == ("opened", {"blueprint": "plain", "version": -1})


def test_a_blueprint_that_can_no_longer_be_used_in_the_middle_of_a_session(company: Company, guest: Visitor) -> None:
    person = company.customer()
    with current(company, default=DEFAULT):
        guest.open(token(person))
        assert guest.title == "Sure?"
    company.world.admin.execute(
        "UPDATE cancel_sessions SET blueprint_version = 999 WHERE user_id = %s", [person.user_id]
    )
    guest.reload()
    assert guest.title == PLAIN
    cancels_in_one_press(company, guest, person)


def test_an_audience_that_cannot_be_evaluated(company: Company, guest: Visitor) -> None:
    person = company.customer()
    with current(company, ours=RAISES, default=DEFAULT, attributes="videosCreated: {type: number}"):
        guest.open(token(person))
        assert guest.title == "Sure?"
        cancels_in_one_press(company, guest, person)
    why = {"name": "ours", "why": "its audience can't be evaluated"}
    assert ("attribute_ignored", why) in path_of(company.world, person)


def test_blueprints_that_cannot_be_read(company: Company, guest: Visitor) -> None:
    person, admin = company.customer(), company.world.admin
    admin.execute("REVOKE SELECT ON blueprint_versions FROM cancelflow_app")
    try:
        guest.open(token(person))
        assert guest.title == PLAIN
        cancels_in_one_press(company, guest, person)
    finally:
        admin.execute("GRANT SELECT ON blueprint_versions TO cancelflow_app")


FAULTS: dict[str, dict[str, Any]] = {
    "previews fail": {"kind": "status", "path": "create_preview", "method": "POST"},
    "previews hang": {"kind": "timeout", "path": "create_preview", "method": "POST"},
    "customers cannot be read": {"kind": "status", "path": "/v1/customers", "method": "GET"},
}


@pytest.mark.parametrize("what", FAULTS)
def test_offers_that_cannot_be_read(company: Company, guest: Visitor, what: str) -> None:
    person = company.customer()
    guest.open(token(person))
    of = {} if "customers" in what else {"contains": person.subscription_id}
    with company.world.simulator.fault(**FAULTS[what], **of, times=0):
        guest.press("next", reason="wants_discount")
        cancels_in_one_press(company, guest, person)


def test_a_cancellation_that_cannot_be_previewed(company: Company, guest: Visitor) -> None:
    person = company.customer()
    with current(company, default=DEFAULT):
        guest.open(token(person))
        assert "You keep your plan until" in guest.text
        fault = {"kind": "status", "path": "/v1/invoices", "method": "GET", "contains": person.subscription_id}
        with company.world.simulator.fault(**fault, times=0):
            guest.reload()
            assert "You keep your plan until" not in guest.text
            cancels_in_one_press(company, guest, person)


def test_facts_that_cannot_be_read_when_the_session_opens(company: Company, guest: Visitor) -> None:
    person = company.customer()
    customer = company.customer_id(person)
    with company.world.simulator.fault(
        kind="status", path=f"/v1/customers/{customer}", method="GET", contains=customer, times=0
    ):
        guest.open(token(person))
        cancels_in_one_press(company, guest, person)
