"""The email 14 days before deletion: once, to customers whose data will be deleted, in time to come back."""

from urllib.parse import parse_qs, urlsplit

import pytest

from email_templates.dates import long_date
from flows.delete_expired_data import delete_expired_data
from flows.notify_before_deletion import notify_before_deletion
from nodes.clients.links import Links
from nodes.settings import LinkSettings, load
from tests.deletion.former_customers import claims_lapse, former_customer, later_job, swept
from tests.waiting import concurrently
from tests.world import Person, Row, World, links

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

SUBJECT = "We'll delete your data on "


def notices(world: World, person: Person) -> list[Row]:
    return [email for email in world.emails(person) if email["subject"].startswith(SUBJECT)]


def job(world: World, person: Person) -> Row:
    return world.row("SELECT * FROM data_retention_jobs WHERE user_id = %s", person.user_id)


def test_the_notice_names_the_date_and_how_to_reactivate(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_EXPORT_URL", "https://example.com/export")
    person, _ = former_customer(world, days_ago=77)
    world.admin.execute(
        "UPDATE users SET locale = 'en_GB', time_zone = 'Pacific/Auckland' WHERE id = %s", [person.user_id]
    )

    assert swept(notify_before_deletion).is_completed()

    [email] = notices(world, person)
    delete_at = job(world, person)["run_at"]
    day = long_date(delete_at, "en_GB", "Pacific/Auckland")
    assert email["subject"] == SUBJECT + day
    for part in (email["text"], email["html"]):
        assert day in part
        assert "https://example.com/export" in part
    way_back = Links(load(LinkSettings)).verify(
        parse_qs(urlsplit(links(email)["reactivate"]).query)["token"][0], "reactivate"
    )
    assert (way_back.subscription_id, way_back.expires_at) == (person.subscription_id, delete_at.replace(microsecond=0))


def test_the_notice_links_to_the_companys_own_subscription_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEW_SUBSCRIPTION_URL", "https://example.com/plans")
    person, _ = former_customer(world, days_ago=77)

    swept(notify_before_deletion)

    [email] = notices(world, person)
    assert "https://example.com/plans" in email["text"]
    assert "/reactivate?" not in email["text"]


def test_the_notice_is_sent_once(world: World) -> None:
    person, _ = former_customer(world, days_ago=77)
    swept(notify_before_deletion)
    claims_lapse(world, person)

    concurrently(*[lambda: swept(notify_before_deletion)] * 2)

    [email] = notices(world, person)
    [item] = [row for row in world.belongings(person.user_id)["outbox"] if row["kind"] == "deletion_notice"]
    assert item["delivered_at"]
    assert email["message_id"].strip("<>") == f"{item['id']}@cancelflow"
    assert job(world, person)["noticed_at"]


def test_no_notice_is_sent_earlier_than_14_days_before_deletion(world: World) -> None:
    person, _ = former_customer(world, days_ago=70)
    assert job(world, person)["noticed_at"] is None

    swept(notify_before_deletion)

    assert notices(world, person) == []


def test_a_customer_who_subscribed_again_gets_no_notice(world: World) -> None:
    person, _ = former_customer(world, days_ago=77)
    customer = world.row("SELECT stripe_customer_id AS id FROM users WHERE id = %s", person.user_id)["id"]
    price = world.stripe.subscriptions.retrieve(person.subscription_id).items.data[0].price.id
    world.stripe.subscriptions.create({"customer": customer, "items": [{"price": price}]})

    swept(notify_before_deletion)

    assert notices(world, person) == []


def test_only_the_last_of_several_jobs_is_announced(world: World) -> None:
    person, _ = former_customer(world, days_ago=77)
    later_job(world, person)

    swept(notify_before_deletion)

    assert notices(world, person) == []


def test_a_notice_that_could_not_be_sent_is_sent_by_a_later_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    person, _ = former_customer(world, days_ago=77)
    with monkeypatch.context() as away:
        away.setenv("SMTP_URL", "smtp://127.0.0.1:9")
        assert swept(notify_before_deletion).is_failed()
    assert (notices(world, person), job(world, person)["noticed_at"]) == ([], None)

    claims_lapse(world, person)
    swept(notify_before_deletion)

    [item] = [row for row in world.belongings(person.user_id)["outbox"] if row["kind"] == "deletion_notice"]
    assert item["attempts"] == 2
    [email] = notices(world, person)
    assert email["message_id"].strip("<>") == f"{item['id']}@cancelflow"


def test_a_malformed_address_does_not_fail_the_run(world: World) -> None:
    person, _ = former_customer(world, days_ago=77)
    world.admin.execute("UPDATE users SET email = 'nowhere' WHERE id = %s", [person.user_id])

    assert swept(notify_before_deletion).is_completed()

    assert job(world, person)["noticed_at"]
    [item] = [row for row in world.belongings(person.user_id)["outbox"] if row["kind"] == "deletion_notice"]
    assert (item["refused"], item["delivered_at"]) == (True, None)


def test_the_data_is_deleted_on_time_even_without_a_notice(world: World) -> None:
    person, _ = former_customer(world, days_ago=91)
    world.admin.execute("UPDATE users SET email = 'nowhere' WHERE id = %s", [person.user_id])

    swept(delete_expired_data, dry_run=False)

    assert world.belongings(person.user_id)["users"] == []
