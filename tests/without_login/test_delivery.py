"""A code is sent after the response, once, whatever happens to the trigger or the mail server; and old ones go."""

import asyncio

import pytest

from flows.prune_history import prune_history
from tests.deletion.former_customers import swept
from tests.faults.own_database import OwnWorld
from tests.faults.triggers import Triggers
from tests.faults.wires import wired
from tests.faults.wires_line import Fault, When
from tests.http.conftest import Application
from tests.nodes.clients.smtp_servers import Inbox, smtp_server
from tests.waiting import eventually
from tests.without_login.stranger import PAGE, SURVEY, Stranger, code_emails, code_in, handled, move, own, row_of
from tests.world import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

DUE = "UPDATE cancel_codes SET resume_at = now() WHERE resume_at IS NOT NULL"


@pytest.mark.parametrize("when", [*When, None])
def test_a_code_survives_its_trigger(apart: OwnWorld, triggers: Triggers, when: When | None) -> None:
    """Killed beside the email, or before it was claimed: sent once, or again as the same email with the same code."""
    person = apart.person("professional")
    its_database = own(apart.addresses["database_url"])
    with wired("postgresql", "smtp", alone=when is None, settings=its_database) as wires:
        stop = wires.freeze_at("email", when) if when else None
        with triggers.started(**(its_database | wires.settings())) as trigger, Stranger(apart, trigger.url) as stranger:
            stranger.ask(person.email)
            assert stranger.page.status_code == 200
            if stop:
                assert stop.reached.wait(60), wires.effects
            trigger.kill()
    apart.admin.execute(DUE)

    with triggers.started(**its_database) as another:
        eventually(lambda: handled(apart, stranger.code_id))
        emails = code_emails(apart, person.email)
        again = when in (When.AFTER, When.RESPONSE_LOST)
        assert len(emails) == (2 if again else 1)
        assert len({(code_in(each), each["text"]) for each in emails}) == 1
        stranger.http.base_url = another.url
        with Stranger(apart, another.url) as browser:
            browser.page = stranger.page
            browser.enter(code_in(emails[0]))
            assert browser.title == SURVEY


def test_a_code_is_sent_after_the_mail_server_was_away_but_never_after_it_expired(
    apart: OwnWorld, triggers: Triggers
) -> None:
    people = [apart.person("starter"), apart.person("professional")]
    its_database = own(apart.addresses["database_url"])
    with (
        wired("smtp", settings=its_database) as wires,
        triggers.started(**(its_database | wires.settings())) as trigger,
        Stranger(apart, trigger.url) as first,
        Stranger(apart, trigger.url) as second,
    ):
        wires.fail("smtp", Fault.REFUSED)
        first.ask(people[0].email)
        second.ask(people[1].email)

        def tries(browser: Stranger) -> int:
            """Return how often sending its code has failed; each failure is counted as the last thing of its run."""
            [each] = apart.rows("SELECT attempts FROM outbox WHERE request_id = %s", browser.code_id) or [
                {"attempts": 0}
            ]
            return int(each["attempts"])

        eventually(lambda: tries(first) and tries(second))
        before = tries(second)
        move(apart, first.code_id, 16 * 60)
        apart.admin.execute(DUE)
        eventually(lambda: handled(apart, first.code_id) and tries(second) > before)  # so that no run is in flight
        wires.restore("smtp")
        apart.admin.execute(DUE)
        eventually(lambda: handled(apart, second.code_id))
    assert [len(code_emails(apart, each.email)) for each in people] == [0, 1]
    given_up = apart.rows("SELECT user_id, problem FROM outbox WHERE refused AND kind = 'cancel_code'")
    assert given_up == [{"user_id": people[0].user_id, "problem": None}]


def codes(world: World, *addresses: str) -> None:
    """Record that a code was asked for at each address, in this order."""
    inserted = """INSERT INTO cancel_codes (address, address_hash, client_hash, resume_at)
        SELECT each, '', '', now() - make_interval(secs => 1000 - number)
        FROM unnest(%s::text[]) WITH ORDINALITY AS asked (each, number)"""
    world.admin.execute(inserted.encode(), [list(addresses)])


def test_codes_for_unknown_addresses_hold_up_no_customer(apart: OwnWorld, triggers: Triggers) -> None:
    codes(apart, *(f"{number}@example.com" for number in range(600)))
    person = apart.person("professional")
    with triggers.started(**own(apart.addresses["database_url"])) as trigger, Stranger(apart, trigger.url) as stranger:
        stranger.ask(person.email)
        eventually(lambda: code_emails(apart, person.email, stranger.code_id))
        eventually(lambda: handled(apart, stranger.code_id))
    assert apart.rows("SELECT FROM cancel_codes WHERE address IS NOT NULL OR resume_at IS NOT NULL") == []


def test_only_as_many_codes_are_claimed_as_can_be_sent(apart: OwnWorld) -> None:
    """The others stay due, in the order in which they were asked for."""
    first, second, third = (apart.person("no_subscription") for _ in range(3))
    codes(apart, first.email, "unknown@example.com", second.email, third.email)
    looks = [apart.rows("SELECT claim_cancel_codes(2) AS id") for _ in range(3)]
    users = [{user_id for each in claimed for user_id in row_of(apart, each["id"])["user_ids"]} for claimed in looks]
    assert users == [{first.user_id, second.user_id}, {third.user_id}, set()]


def test_a_mailbox_that_refuses_the_email_needs_no_operator(apart: OwnWorld, application: Application) -> None:
    person, inbox = apart.person("starter"), Inbox(response_to_recipient="550 No such user")

    async def scenario() -> None:
        async with (
            smtp_server(inbox) as port,
            application(**own(apart.addresses["database_url"]), SMTP_URL=f"smtp://127.0.0.1:{port}") as client,
        ):
            asked = await client.post(PAGE, data={"email": person.email})
            code_id = asked.headers["location"].partition("=")[2]
            await asyncio.to_thread(eventually, lambda: handled(apart, code_id))

    asyncio.run(scenario())
    assert inbox.emails == []
    [item] = apart.rows("SELECT attempts, refused, problem FROM outbox")
    assert item == {"attempts": 1, "refused": True, "problem": None}


def test_codes_are_deleted_after_an_hour(world: World, stranger: Stranger, other: Stranger) -> None:
    stranger.ask("old@example.com")
    other.ask("young@example.com")
    move(world, stranger.code_id, 3601)
    move(world, other.code_id, 3000)
    assert swept(prune_history).is_completed()
    left = world.rows("SELECT id FROM cancel_codes WHERE id = ANY(%s)", [stranger.code_id, other.code_id])
    assert [str(each["id"]) for each in left] == [other.code_id]
