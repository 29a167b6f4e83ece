"""The rows that the import writes: users by id, plans by price, without overwriting a company's own data."""

from datetime import UTC, datetime

import psycopg
import pytest

from tests.imports.account import Account

pytestmark = pytest.mark.slow

DAY = 86_400


def test_customers_and_their_subscriptions_become_rows(account: Account) -> None:
    named = account.customer(
        email="ada@example.com",
        name="Ada",
        metadata={"user_id": "auth0|ada"},
        preferred_locales=["de-AT", "en"],
        address={"country": "AT"},
    )
    bare = account.customer(email="", name="")
    by_subscription = account.customer(email="bob@example.com")
    active = account.subscription(named)
    trialing = account.subscription(bare, account.price("starter"), trial_period_days=14)
    leaving = account.subscription(by_subscription, metadata={"user_id": "42"}, cancel_at_period_end=True)
    other = account.api.prices.create(
        {"currency": "usd", "unit_amount": 100, "recurring": {"interval": "month"}, "product_data": {"name": "Other"}}
    )
    unknown = account.subscription(named, other.id)

    printed = account.imported()

    users = {row["id"]: row for row in account.rows("SELECT * FROM users")}
    assert users.keys() == {"auth0|ada", bare.id, "42"}
    ada, nobody = users["auth0|ada"], users[bare.id]
    assert (ada["email"], ada["name"], ada["locale"], ada["country"]) == ("ada@example.com", "Ada", "de-AT", "AT")
    assert (nobody["email"], nobody["name"], nobody["locale"], nobody["country"]) == (None, None, "en", None)
    assert users["42"]["email"] == "bob@example.com"
    assert {row["stripe_customer_id"] for row in users.values()} == {named.id, bare.id, by_subscription.id}

    rows = {row["id"]: row for row in account.rows("SELECT * FROM subscriptions")}
    assert [
        (rows[each.id]["user_id"], rows[each.id]["plan"], rows[each.id]["status"])
        for each in (active, trialing, leaving, unknown)
    ] == [
        ("auth0|ada", "professional", "active"),
        (bare.id, "starter", "trialing"),
        ("42", "professional", "pending_cancellation"),
        ("auth0|ada", "unknown", "active"),
    ]
    ends = account.api.subscriptions.retrieve(leaving.id).cancel_at
    assert rows[leaving.id]["cancel_at"] == datetime.fromtimestamp(ends, UTC)
    [item] = active["items"].data
    assert rows[active.id]["current_period_end"] == datetime.fromtimestamp(item.current_period_end, UTC)
    assert rows[active.id]["created_at"] == datetime.fromtimestamp(active.created, UTC)
    assert rows[active.id]["price_ids"] == [account.price()]

    assert "3 users, 1 of them without an email address; 4 subscriptions" in printed
    assert [line.split() for line in printed.splitlines() if line.startswith(other.id)] == [[other.id, "1"]]


def test_recently_ended_subscriptions_are_imported_without_an_email(account: Account) -> None:
    ended = {days: account.subscription(account.customer()) for days in (1, 30, 91)}
    for days, subscription in ended.items():
        account.api.subscriptions.cancel(subscription.id)
        account.simulator.order("age", subscription=subscription.id, seconds=days * DAY)

    account.imported()

    rows = {row["id"]: row for row in account.rows("SELECT * FROM subscriptions")}
    assert rows.keys() == {ended[1].id, ended[30].id}
    assert {row["status"] for row in rows.values()} == {"canceled"}
    # Stripe may still send an event about yesterday's end.
    ends = account.row("SELECT * FROM subscription_ends")
    assert (ends["subscription_id"], ends["kind"]) == (ended[30].id, "voluntary")
    assert ends["ended_at"] == rows[ended[30].id]["ended_at"]
    assert account.rows("SELECT FROM outbox") == []


def test_a_second_import_changes_nothing(account: Account) -> None:
    for email in ("", "ada@example.com"):
        account.subscription(account.customer(email=email))
    account.imported()
    before = account.everything()
    account.imported()
    assert account.everything() == before


def test_changes_in_stripe_are_imported(account: Account) -> None:
    customer = account.customer(email="ada@example.com")
    subscription = account.subscription(customer)
    account.imported()
    account.api.customers.update(customer.id, {"email": "ada@example.net"})
    item = subscription["items"].data[0].id
    account.api.subscriptions.update(subscription.id, {"items": [{"id": item, "price": account.price("enterprise")}]})

    account.imported()

    assert account.row("SELECT email FROM users")["email"] == "ada@example.net"
    assert account.row("SELECT plan FROM subscriptions")["plan"] == "enterprise"


def test_newer_rows_are_not_overwritten(account: Account) -> None:
    customer = account.customer(email="ada@example.com")
    account.subscription(customer)
    account.imported()
    account.connection.execute("UPDATE users SET copied_at = now() + interval '1 hour', email = 'newer@example.com'")
    account.connection.execute("UPDATE subscriptions SET updated_at = now() + interval '1 hour', status = 'past_due'")
    before = account.everything()
    account.imported()
    assert account.everything() == before


def test_the_companys_own_data_is_not_overwritten(account: Account) -> None:
    customer = account.customer(email="stripe@example.com", preferred_locales=["fr"])
    unnamed = account.customer(email="other@example.com")
    named = account.customer(email="third@example.com", metadata={"user_id": "own-3"})
    ours = "INSERT INTO users (id, email, locale, stripe_customer_id) VALUES (%s, %s, 'de', %s)"
    account.connection.execute(ours, ["own-1", "company@example.com", customer.id])
    account.connection.execute(ours, ["own-2", None, unnamed.id])
    account.connection.execute(ours, ["own-3", "company-3@example.com", None])
    before = account.rows("SELECT * FROM users ORDER BY id")
    subscriptions = [account.subscription(each) for each in (customer, unnamed, named)]

    account.imported()

    assert account.rows("SELECT * FROM users ORDER BY id") == before
    assert [account.owner(each) for each in subscriptions] == ["own-1", "own-2", "own-3"]


def test_two_customers_of_one_user_share_a_row_with_the_newer_address(account: Account) -> None:
    ago = account.simulator.move_clock(advance=-DAY)
    assert ago
    old = account.customer(email="old@example.com", metadata={"user_id": "7"})
    account.simulator.move_clock(reset=True)
    new = account.customer(email="new@example.com", metadata={"user_id": "7"})
    both = [account.subscription(each) for each in (new, old)]

    for _ in range(2):
        account.imported()
        user = account.row("SELECT * FROM users")
        assert (user["id"], user["email"], user["stripe_customer_id"]) == ("7", "new@example.com", new.id)
        assert [account.owner(each) for each in both] == ["7", "7"]
        account.api.customers.update(old.id, {"email": "older@example.com"})


@pytest.mark.parametrize("wrong", ["x" * 256, "a\x00b"])
def test_a_customer_with_an_invalid_user_id_is_reported(account: Account, wrong: str) -> None:
    customer = account.customer(email="ada@example.com", metadata={"user_id": wrong})
    printed = account.imported()
    assert account.row("SELECT id FROM users")["id"] == customer.id
    [warning] = [line for line in printed.splitlines() if line.startswith("warning")]
    assert customer.id in warning
    assert "ada@" not in printed
    assert wrong not in printed


def test_the_metadata_key_of_the_user_id_can_be_set(account: Account) -> None:
    account.customer(metadata={"user_id": "1", "tenant": "acme"})
    account.imported(stripe_user_key="tenant")
    assert account.row("SELECT id FROM users")["id"] == "acme"


HISTORY = {
    "cancellation_requests": "(user_id, asked_user_id, subscription_id, accept_offer)"
    " VALUES (%(u)s, %(u)s, %(s)s, false)",
    "offers_listed": "(user_id, subscription_id, offer_id, kind, plan)"
    " VALUES (%(u)s, %(s)s, 'pause', 'pause', 'starter')",
    "tasks": "(user_id, kind, key) VALUES (%(u)s, 'support', 'x')",
    "cancel_sessions": "(user_id, subscription_id, browser, livemode, options, blueprint_version, blueprint)"
    " VALUES (%(u)s, %(s)s, '', false, '{}', 1, '')",
}


@pytest.mark.parametrize("table", HISTORY)
def test_a_user_id_added_later_takes_over_unused_rows(account: Account, table: str) -> None:
    customer, other = account.customer(email="ada@example.com"), account.customer(email="bob@example.com")
    theirs, others = account.subscription(customer), account.subscription(other)
    account.imported()
    assert (account.owner(theirs), account.owner(others)) == (customer.id, other.id)
    account.connection.execute(f"INSERT INTO {table} {HISTORY[table]}".encode(), {"u": customer.id, "s": theirs.id})
    for each, user_id in ((customer, "ada"), (other, "bob")):
        account.api.customers.update(each.id, {"metadata": {"user_id": user_id}})

    account.imported()

    assert (account.owner(theirs), account.owner(others)) == (customer.id, "bob")
    account.connection.execute(f"DELETE FROM {table}".encode())
    account.imported()
    assert account.owner(theirs) == "ada"
    assert [row["id"] for row in account.rows("SELECT id FROM users ORDER BY id")] == ["ada", "bob"]


def test_a_user_id_added_later_takes_over_ended_subscriptions_too(account: Account) -> None:
    customer = account.customer(email="ada@example.com")
    ended, live = account.subscription(customer), account.subscription(customer)
    account.api.subscriptions.cancel(ended.id)
    account.simulator.order("age", subscription=ended.id, seconds=30 * DAY)
    account.imported()
    account.api.customers.update(customer.id, {"metadata": {"user_id": "ada"}})

    account.imported()

    assert [account.owner(each) for each in (ended, live)] == ["ada", "ada"]
    assert account.row("SELECT user_id FROM subscription_ends")["user_id"] == "ada"
    assert account.row("SELECT id FROM users")["id"] == "ada"


def test_deleted_customers_are_skipped_and_deleted_data_is_not_restored(account: Account) -> None:
    gone = account.customer(email="gone@example.com")
    left = account.subscription(gone)
    account.api.subscriptions.cancel(left.id)
    account.api.customers.delete(gone.id)
    kept, back = account.customer(email="kept@example.com"), account.customer(email="back@example.com")
    for each in (kept, back):
        account.connection.execute(
            "INSERT INTO data_deletions (user_id, removed, kept) VALUES (%s, '[]', '[]')", [each.id]
        )
    account.subscription(back)

    account.imported()

    assert [row["id"] for row in account.rows("SELECT id FROM users")] == [back.id]


@pytest.mark.parametrize("named", ["by its subscription", "by the company"])
def test_deleted_data_of_a_user_whom_the_customer_does_not_name_is_not_restored(account: Account, named: str) -> None:
    customer = account.customer(email="ada@example.com")
    if named == "by the company":
        account.connection.execute("INSERT INTO users (id, stripe_customer_id) VALUES ('42', %s)", [customer.id])
    left = account.subscription(customer, metadata={"user_id": "42"} if named == "by its subscription" else {})
    account.imported()
    assert account.owner(left) == "42"
    account.api.subscriptions.cancel(left.id)
    account.simulator.order("age", subscription=left.id, seconds=91 * DAY)
    account.connection.execute(
        "INSERT INTO data_retention_jobs (request_id, user_id, subscription_id, cancel_at, run_at)"
        " VALUES (gen_random_uuid(), '42', %s, now() - interval '91 days', now() - interval '1 day')",
        [left.id],
    )
    account.connection.execute("UPDATE subscriptions SET status = 'canceled', ended_at = now() - interval '91 days'")
    with account.connection.transaction():
        account.connection.execute("SELECT set_config('app.user_id', '42', true)")
        account.connection.execute("SELECT delete_data_of_user(NULL)")
    assert account.rows("SELECT id FROM users") == []

    account.imported()

    assert account.rows("SELECT id FROM users") == []


def test_the_application_cannot_insert_users_directly(account: Account) -> None:
    with account.connection.transaction(), pytest.raises(psycopg.errors.InsufficientPrivilege):
        account.connection.execute("SET LOCAL ROLE cancelflow_app")
        account.connection.execute("INSERT INTO users (id) VALUES ('x')")
