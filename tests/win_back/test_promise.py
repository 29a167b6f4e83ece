"""Whatever happens in whatever order: no email about a fix without consent at its time, and none twice."""

import os
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from deployments.operations.fixes import ship
from nodes.settings import DatabaseSettings, load
from tests.consents.company import Company
from tests.win_back.leavers import NOTES, Fix
from tests.world import Person

pytestmark = pytest.mark.slow

WORDINGS = {"accept": 2, "accept an old wording": 1, "revoke": None}
STEPS = some.lists(
    some.sampled_from([*WORDINGS, "mail is down", "mail is back", "accept", "run", "run", "run"]), max_size=9
)


@pytest.fixture(scope="module")
def person(company: Company) -> Person:
    return Fix(company, f"t{uuid.uuid4().hex}").leaver(consent=None)


@given(steps=STEPS)
@settings(max_examples=12)
def test_no_email_is_ever_sent_without_consent_at_its_time(company: Company, person: Person, steps: list[str]) -> None:
    fix = Fix(company, f"t{uuid.uuid4().hex}")
    fix.tagged(person)
    ship(load(DatabaseSettings), fix.tag, NOTES)
    decides(company, person, None)
    agrees, down, decided, here = False, False, None, os.environ["SMTP_URL"]
    with pytest.MonkeyPatch.context() as patch:
        for step in steps:
            if step == "run":
                before = len(fix.emails(person))
                fix.run()
                sends = decided is None and agrees and not down
                assert len(fix.emails(person)) - before == sends
                decided = decided or ("written" if sends else None if agrees else "no_consent")
                assert fix.outcome(person) == decided
            elif step in WORDINGS:
                decides(company, person, WORDINGS[step])
                agrees = step == "accept"
            else:
                down = step == "mail is down"
                patch.setenv("SMTP_URL", "smtp://127.0.0.1:9" if down else here)


def decides(company: Company, person: Person, version: int | None) -> None:
    """Record what the customer accepts, or that they accept nothing."""
    company.world.admin.execute(
        """INSERT INTO consents (user_id, channel, accepted, version, language, source)
        VALUES (%s, 'email_marketing', %s, %s, %s, 'form')""",
        [person.user_id, version is not None, version, None if version is None else ""],
    )
