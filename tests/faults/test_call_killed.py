"""A trigger that is killed while the vendor answers: the vendor sees the same call again, and places one (A07, A08)."""

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from deployments.consents import publish
from tests.calls.company import FIELDS, NUMBERS, in_hours
from tests.consents.company import WORDINGS
from tests.faults.own_database import OwnServer, OwnWorld, own_server
from tests.faults.triggers import Triggers
from tests.hook_receiver import SECRET, Receiver, receiving
from tests.nodes.clients.test_database import settings
from tests.waiting import eventually
from tests.world import Person, World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("own")) as server:
        yield server


@pytest.fixture
def vendor() -> Iterator[Receiver]:
    with receiving() as vendor:
        yield vendor


@pytest.fixture
def calls_on(server: OwnServer, vendor: Receiver, tmp_path: Path) -> dict[str, str]:
    """Return the settings of triggers with a database in which customers are asked whether they may be called."""
    own = server.settings_of_another_database()
    file = tmp_path / "consents.yaml"
    file.write_text(WORDINGS, encoding="utf-8")
    publish(settings(own["DATABASE_ADMIN_URL"]), file)
    return {
        **own,
        "CALL_WEBHOOK_URL": vendor.url,
        "CALL_WEBHOOK_SECRET": SECRET,
        "CALL_SCRIPT_FIELDS": FIELDS,
    }


def agreed(own: OwnWorld) -> Person:
    """Create a customer who may be called now."""
    person = own.person("professional")
    number = next(filter(in_hours, NUMBERS))
    row = own.row("SELECT stripe_customer_id FROM subscriptions WHERE user_id = %s", person.user_id)
    own.stripe.customers.update(row["stripe_customer_id"], {"phone": number})
    own.admin.execute("UPDATE users SET time_zone = 'UTC' WHERE id = %s", [person.user_id])
    own.admin.execute(
        """INSERT INTO consents (user_id, channel, accepted, version, language, source)
        VALUES (%s, 'phone', true, 2, 'en', 'form')""",
        [person.user_id],
    )
    return person


def test_a_trigger_killed_while_the_vendor_answers_leaves_one_call(
    world: World, triggers: Triggers, vendor: Receiver, calls_on: dict[str, str]
) -> None:
    with closing(OwnWorld(world, calls_on)) as own:
        person = agreed(own)

        with triggers.started(**calls_on) as first:
            vendor.act = lambda _: first.kill()
            with suppress(httpx.TransportError):  # it may be killed before it has responded
                first.cancel(person)
            first.wait()
        vendor.act = None
        killed = own.row("SELECT state, attempts FROM calls WHERE user_id = %s", person.user_id)
        assert (killed["state"], killed["attempts"]) == ("waiting", 1)

        with triggers.started(**calls_on):
            # Its claim ends ten minutes after the kill.
            own.admin.execute("UPDATE calls SET due_at = now() WHERE user_id = %s", [person.user_id])
            eventually(
                lambda: own.row("SELECT state FROM calls WHERE user_id = %s", person.user_id)["state"] == "placed"
            )

        assert len(vendor.accepted) == 2
        assert len({(each.id, str(each.body)) for each in vendor.accepted}) == 1
        audited = own.rows(
            "SELECT outcome FROM audit_log WHERE user_id = %s AND action = 'call_customer'", person.user_id
        )
        assert [row["outcome"] for row in audited] == ["placed"]
