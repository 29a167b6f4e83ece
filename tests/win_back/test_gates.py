"""Only customers who left, are tagged, agreed, and have not come back are written to; the others have a reason."""

from collections.abc import Callable

import pytest

from deployments.operations.fixes import ship
from flows.win_back import win_back
from nodes.consents.ledger import revoke
from nodes.settings import DatabaseSettings, load
from nodes.win_back.records import Outcomes, Selection
from nodes.win_back.step_01_take_customers import take_customers
from nodes.win_back.step_02_check_customers import check_customers
from nodes.win_back.step_03_write_to_customers import write_to_customers
from tests.consents.company import Company
from tests.deletion.former_customers import swept
from tests.replies.customers import here
from tests.win_back.leavers import NOTES, Fix
from tests.world import Person

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

Change = Callable[[Fix, Person], object]


def of_user(statement: str) -> Change:
    return lambda fix, person: fix.company.world.admin.execute(statement.encode(), {"user": person.user_id})


def ended(kind: str) -> Change:
    return of_user(
        "INSERT INTO subscription_ends (user_id, subscription_id, kind, ended_at)"
        f" SELECT user_id, id, '{kind}', now() FROM subscriptions WHERE user_id = %(user)s"
    )


def revokes(fix: Fix, person: Person) -> None:
    assert fix.company.post(person.user_id, channel="email_marketing", accepted=False).status_code == 200


def reactivates(fix: Fix, person: Person) -> None:
    body = {"user_id": person.user_id}
    with fix.company.world.simulator.losing_webhooks():
        done = fix.company.http.post("/reactivate-subscription", json=body, headers=person.headers)
    assert done.status_code == 200


def subscribes_again_in_stripe(fix: Fix, person: Person) -> None:
    """Subscribe without a webhook, so that there is no row of it."""
    world = fix.company.world
    billed = world.stripe.subscriptions.retrieve(person.subscription_id)
    with world.simulator.losing_webhooks():
        world.stripe.subscriptions.create(
            {"customer": str(billed.customer), "items": [{"price": billed.items.data[0].price.id}]}
        )


ANONYMIZED = "SELECT anonymize_request(id) FROM cancellation_requests WHERE user_id = %(user)s"
UNTAGGED = "DELETE FROM feedback_tags WHERE user_id = %(user)s"
RETAINED = "UPDATE cancellation_requests SET outcome = 'retained' WHERE user_id = %(user)s"
NO_ADDRESS = "UPDATE users SET email = NULL WHERE id = %(user)s"
MALFORMED = "UPDATE users SET email = 'nowhere' WHERE id = %(user)s"
BOUNCED = """INSERT INTO replies (request_id, user_id, fingerprint, kind)
    SELECT id, user_id, '', 'bounce' FROM cancellation_requests WHERE user_id = %(user)s"""


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (revokes, "no_consent"),
        (reactivates, "came_back"),
        (subscribes_again_in_stripe, "came_back"),
        (ended("payment_failed"), "not_left"),
        (of_user(RETAINED), "not_left"),
        (of_user(UNTAGGED), "not_tagged"),
        (of_user(ANONYMIZED), "not_tagged"),
        (of_user(NO_ADDRESS), "no_address"),
        (of_user(MALFORMED), "undeliverable"),
        (of_user(BOUNCED), "undeliverable"),
    ],
)
def test_what_changes_between_shipping_and_sending_counts(
    fix: Fix, monkeypatch: pytest.MonkeyPatch, change: Change, outcome: str
) -> None:
    person = fix.leaver()
    with monkeypatch.context() as away:
        away.setenv("SMTP_URL", "smtp://127.0.0.1:9")
        said = fix.ship()
    assert said == "wrote to 0 customers; not to 0; 1 left for the next run"
    assert fix.outcome(person) is None
    change(fix, person)

    assert fix.run() == "wrote to 0 customers; not to 1"

    assert (fix.outcome(person), fix.emails(person)) == (outcome, [])


@pytest.mark.parametrize("consent", [None, 1])
def test_nobody_is_written_to_without_a_consent_that_counts(fix: Fix, consent: int | None) -> None:
    """Version 1 is older than CONSENT_MIN_VERSION."""
    person = fix.leaver(consent=consent)
    assert fix.ship() == "wrote to 0 customers; not to 1"
    assert (fix.outcome(person), fix.emails(person)) == ("no_consent", [])


def test_a_consent_that_comes_later_counts_for_later_fixes(fix: Fix, company: Company) -> None:
    person = fix.leaver(consent=None)
    fix.ship()
    company.accepts(person.user_id, "email_marketing", 2)

    assert fix.ship() == "wrote to 0 customers; not to 0"

    later = Fix(company, f"{fix.tag[:30]}-2")
    later.tagged(person)
    assert later.ship() == "wrote to 1 customers; not to 0"
    assert len(later.emails(person)) == 1


def test_a_customer_whose_paid_time_is_over_has_left(fix: Fix) -> None:
    person = fix.leaver()
    of_user("UPDATE subscriptions SET status = 'canceled', ended_at = now() WHERE user_id = %(user)s")(fix, person)
    ended("voluntary")(fix, person)
    assert fix.ship() == "wrote to 1 customers; not to 0"
    assert fix.outcome(person) == "written"


def test_nobody_else_is_written_to(fix: Fix) -> None:
    person, other = fix.leaver(), Fix(fix.company, f"{fix.tag[:30]}-2").leaver()
    assert fix.ship() == "wrote to 1 customers; not to 0"
    assert len(fix.emails(person)) == 1
    assert fix.emails(other) == []


def test_a_dry_run_changes_nothing(fix: Fix, company: Company) -> None:
    people = [fix.leaver(), fix.leaver(consent=None)]
    before = [company.world.belongings(person.user_id) for person in people]

    assert fix.run(dry_run=True) == "would write to 1 customers; not to 1"

    assert [company.world.belongings(person.user_id) for person in people] == before
    assert [fix.emails(person) for person in people] == [[], []]
    fix.ship()
    assert fix.run(dry_run=True) == "would write to 0 customers; not to 0"


def test_a_revocation_after_the_check_wins(fix: Fix) -> None:
    person = fix.leaver()
    ship(load(DatabaseSettings), fix.tag, NOTES)

    async def revoked_in_between() -> Outcomes:
        checked = await check_customers(await take_customers(Selection(fix.tag, False, at_most=10)))
        assert [each.why_not for each in checked.decisions] == [None]
        await revoke(person.user_id, ["email_marketing"], "form", {})
        return await write_to_customers(checked)

    assert here(revoked_in_between) == Outcomes(["no_consent"], {})
    assert (fix.outcome(person), fix.emails(person)) == ("no_consent", [])


def test_a_customer_who_can_not_be_checked_in_stripe_is_left_for_the_next_run(fix: Fix) -> None:
    person = fix.leaver()
    customer = fix.company.world.row("SELECT stripe_customer_id AS id FROM users WHERE id = %s", person.user_id)["id"]
    with fix.company.world.simulator.fault(kind="status", status=400, contains=customer, times=0):
        assert fix.ship() == "wrote to 0 customers; not to 0; 1 left for the next run"
    assert (fix.outcome(person), fix.emails(person)) == (None, [])
    assert fix.run() == "wrote to 1 customers; not to 0"


def test_a_run_may_be_limited(fix: Fix) -> None:
    people = [fix.leaver() for _ in range(3)]
    ship(load(DatabaseSettings), fix.tag, NOTES)
    assert swept(win_back, tag=fix.tag, dry_run=False, at_most=2).message == "wrote to 2 customers; not to 0"
    assert sorted(map(str, map(fix.outcome, people))) == ["None", "written", "written"]


def test_the_schedule_continues_every_fix(fix: Fix) -> None:
    person = fix.leaver()
    ship(load(DatabaseSettings), fix.tag, NOTES)
    swept(win_back, dry_run=False)
    assert fix.outcome(person) == "written"


def test_the_schedule_needs_nothing_where_no_fix_is_shipped(fix: Fix, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEW_SUBSCRIPTION_URL")
    assert fix.run() == "wrote to 0 customers; not to 0"
