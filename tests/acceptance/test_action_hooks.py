"""Actions that a hook of the company's carries out in Stripe in cancelflow's place (FEATURES C15, C17)."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from deployments.migrations import migrate
from tests.acceptance.stripe_hook import StripeHook
from tests.acceptance.trigger import serving
from tests.cancel_page.visitor import Visitor, path_of, sessions_of, token
from tests.faults.own_database import OwnWorld
from tests.hook_receiver import SECRET, receiving
from tests.nodes.clients.test_database import new_database, settings
from tests.offers.catalog import CATALOG, every_price, price
from tests.offers.company import Company
from tests.waiting import eventually
from tests.world import Person, Row, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

ACTIONS = ("pause", "resume", "discount", "plan_change", "trial_extension", "cancel")


@pytest.fixture(scope="module")
def every_hook(world: World) -> Iterator[StripeHook]:
    with receiving() as receiver:
        yield StripeHook(world, receiver)


@pytest.fixture
def hook(every_hook: StripeHook) -> StripeHook:
    every_hook.reset()
    return every_hook


@pytest.fixture(scope="module")
def company(world: World, every_hook: StripeHook, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Run a trigger with a hook for each action, on a database of its own."""
    directory = tmp_path_factory.mktemp("hooks")
    catalog = directory / "catalog.yaml"
    catalog.write_text(CATALOG, encoding="utf-8")
    every_price(world)
    hooks = {
        "ACTION_HOOKS": ",".join(f"{action}={every_hook.receiver.url}/{action}" for action in ACTIONS),
        "ACTION_HOOK_SECRET": SECRET,
    }
    with new_database(world.addresses["database_admin_url"]) as url:
        migrate(settings(url))
        own = {"DATABASE_URL": url, "DATABASE_ADMIN_URL": url}
        with closing(OwnWorld(world, own)) as seen, serving(directory, CATALOG=str(catalog), **own, **hooks) as http:
            yield Company(seen, http)


def cancel(company: Company, person: Person, key: str | None = None, **body: Any) -> httpx.Response:
    headers = person.headers | ({"Idempotency-Key": key} if key else {})
    asked = {"user_id": person.user_id, "reason": "unused", "feedback": "Too slow", **body}
    return company.http.post("/cancel-subscription", json=asked, headers=headers)


def own_writes(company: Company, person: Person) -> list[Row]:
    """Return cancelflow's writes to the subscription; the hook's have no key of a request."""
    ids = [str(each["id"]) for each in company.world.rows("SELECT id FROM requests WHERE user_id = %s", person.user_id)]
    found = company.world.simulator.writes(person.subscription_id)
    return [each for each in found if str(each["idempotency_key"]).partition(":")[0] in ids]


def request_of(company: Company, person: Person) -> Row:
    table = (
        "change_requests"
        if company.world.rows("SELECT FROM change_requests WHERE user_id = %s", person.user_id)
        else "cancellation_requests"
    )
    return company.world.row(
        f"SELECT * FROM {table} WHERE user_id = %s ORDER BY received_at DESC LIMIT 1", person.user_id
    )


def audited(company: Company, person: Person) -> list[tuple[str, str | None]]:
    rows = company.world.rows("SELECT * FROM audit_log WHERE user_id = %s ORDER BY id", person.user_id)
    return [(each["outcome"], each["carried_out_by"]) for each in rows]


OFFERS = [
    ("half", "discount", {}, {"coupon_id"}),
    ("personal", "discount", {}, {"coupon_id"}),
    ("pause", "pause", {"months": 2}, {"resumes_at", "behavior"}),
    ("now", "plan_change", {"price": "firm"}, {"price_id", "when", "prorate"}),
    ("longer-trial", "trial_extension", {}, {"trial_ends_at"}),
]


@pytest.mark.parametrize(("offer", "action", "chosen", "terms"), OFFERS, ids=[each[0] for each in OFFERS])
def test_the_hook_makes_the_change_as_agreed(
    company: Company, hook: StripeHook, offer: str, action: str, chosen: dict[str, Any], terms: set[str]
) -> None:
    hook.message = "Done by <us> & for you"
    person = company.customer(trial_days=14 if action == "trial_extension" else None)
    if "price" in chosen:
        chosen = {"price": price(company.world, "firm")}

    response = company.accept(person, offer, **chosen)

    assert response.status_code == 200, response.text
    body = response.json()
    assert (body["change"], body["message"]) == (action, "Done by <us> & for you")
    request = request_of(company, person)
    assert (request["outcome"], request["carried_out_by"]) == ("changed", "hook")
    [got] = hook.about(person.subscription_id)
    assert (got.valid, got.id, got.body["type"]) == (True, f"{request['id']}:{action}:1", f"action.{action}")
    data = got.body["data"]
    assert (data["request_id"], data["user_id"], data["offer_id"]) == (str(request["id"]), person.user_id, offer)
    assert data["customer_id"] == company.customer_id(person)
    assert set(data) == {"request_id", "user_id", "subscription_id", "customer_id", "offer_id", *terms}
    assert own_writes(company, person) == []
    assert audited(company, person) == [("changed", "hook")]
    [email] = company.world.emails(person)
    assert email["subject"]
    [event] = company.world.rows("SELECT * FROM outbox WHERE user_id = %s AND kind LIKE '%%.%%'", person.user_id)
    assert event["kind"] == "subscription.changed"
    again = company.http.get(f"/changes/{request['id']}", headers=person.headers)
    assert again.json() == body


def test_a_pause_is_ended_by_the_hook(company: Company, hook: StripeHook) -> None:
    person = company.customer()
    assert company.accept(person, "pause", months=1).status_code == 200
    assert company.resume(person).status_code == 200
    assert [each.body["type"] for each in hook.about(person.subscription_id)] == ["action.pause", "action.resume"]
    assert own_writes(company, person) == []
    assert company.subscription(person).pause_collection is None


def test_the_hook_cancels(company: Company, hook: StripeHook) -> None:
    hook.message = "Bye"
    person = company.customer()

    response = cancel(company, person)

    assert response.status_code == 200, response.text
    assert (response.json()["status"], response.json()["message"]) == ("pending_cancellation", "Bye")
    [got] = hook.about(person.subscription_id)
    assert got.body["data"] == {
        "request_id": response.headers["Cancellation-Request-Id"],
        "user_id": person.user_id,
        "subscription_id": person.subscription_id,
        "customer_id": company.customer_id(person),
        "when": "period_end",
        "reason": "unused",
    }
    assert own_writes(company, person) == []
    assert audited(company, person) == [("pending_cancellation", "hook")]
    [email] = company.world.emails(person)
    assert email["subject"].startswith("Cancellation confirmed")
    assert request_of(company, person)["recovery_point"] == "finished"


def test_the_retention_offer_is_a_discount(company: Company, hook: StripeHook) -> None:
    person = company.customer()
    response = cancel(company, person, accept_offer=True)
    assert (response.status_code, response.json()["retention_applied"]) == (200, True), response.text
    [got] = hook.about(person.subscription_id)
    assert (got.body["type"], got.body["data"]["coupon_id"]) == ("action.discount", discount_of(company, person))
    assert own_writes(company, person) == []


def discount_of(company: Company, person: Person) -> str:
    [discount] = company.subscription(person, "discounts").discounts
    return str(discount.source.coupon)  # type: ignore[union-attr]


# Failures


def test_a_refusal_is_told_and_nothing_is_done(company: Company, hook: StripeHook) -> None:
    hook.receiver.status, hook.receiver.content = 422, {"message": "Please call us first."}
    person = company.customer()
    key = uuid.uuid4().hex

    response = company.accept(person, "half", key=key)

    assert (response.status_code, response.json()["detail"]) == (409, "Please call us first.")
    assert response.json()["type"].endswith(":action-refused")
    request = request_of(company, person)
    assert (request["outcome"], request["recovery_point"], request["resume_at"]) == ("failed", "agreed", None)
    assert len(hook.about(person.subscription_id)) == 1
    assert company.world.emails(person) == []
    [offer] = company.world.rows("SELECT state FROM retention_offers WHERE user_id = %s", person.user_id)
    assert offer["state"] == "withdrawn"
    assert audited(company, person) == [("failed", "hook")]

    hook.reset()
    assert company.accept(person, "half", key=key).status_code == 200
    assert audited(company, person) == [("failed", "hook"), ("changed", "hook")]


def test_a_refused_cancellation_is_shown_on_the_page(company: Company, hook: StripeHook) -> None:
    hook.receiver.status, hook.receiver.content = 400, {"message": "<b>Call</b> us & wait"}
    person = company.customer()
    with Visitor(company.world, str(company.http.base_url)) as visitor:
        visitor.open(token(person))
        visitor.press("cancel")
        assert visitor.title == "That did not work"
        assert "&lt;b&gt;Call&lt;/b&gt; us &amp; wait" in visitor.page.text
        assert [each["outcome"] for each in sessions_of(company.world, person)] == ["errored"]
        assert not company.subscription(person).cancel_at_period_end

        hook.reset()
        hook.message = "<i>Sorry</i> to see you go"
        visitor.press("cancel")
        assert visitor.title == "Your subscription is cancelled"
        assert "&lt;i&gt;Sorry&lt;/i&gt; to see you go" in visitor.page.text
        assert [each["outcome"] for each in sessions_of(company.world, person)] == ["cancelled"]
        assert path_of(company.world, person)[-1][0] == "cancellation_requested"


def test_what_stripe_does_not_show_does_not_count(company: Company, hook: StripeHook) -> None:
    hook.does_nothing = True
    person = company.customer()
    key = uuid.uuid4().hex

    response = cancel(company, person, key)

    assert (response.status_code, response.json()["type"].rpartition(":")[2]) == (500, "cancellation-failed")
    assert request_of(company, person)["recovery_point"] == "reason_captured"
    assert company.world.emails(person) == []
    [first] = hook.about(person.subscription_id)

    hook.reset()
    assert cancel(company, person, key).status_code == 200
    _, second = hook.about(person.subscription_id)
    assert second.id != first.id  # a hook that remembers the id would only say again that it is done


@pytest.mark.parametrize("status", [503, 429, 302, 404])
def test_a_hook_that_fails_is_asked_again_with_the_same_id(company: Company, hook: StripeHook, status: int) -> None:
    hook.receiver.status = status
    person = company.customer()
    key = uuid.uuid4().hex

    response = company.accept(person, "pause", months=1, key=key)

    assert (response.status_code, response.json()["type"].rpartition(":")[2]) == (500, "change-failed")
    tried = hook.about(person.subscription_id)
    assert len(tried) > 1
    assert company.subscription(person).pause_collection is None

    hook.reset()
    assert company.accept(person, "pause", months=1, key=key).status_code == 200
    assert len({each.id for each in hook.about(person.subscription_id)}) == 1
    assert hook.seen.count(tried[0].id) == 1
    assert own_writes(company, person) == []


def test_a_change_whose_response_was_lost_is_found(company: Company, hook: StripeHook) -> None:
    def fail_after(got: Any) -> Any:
        hook.carry_out(got)
        hook.receiver.status = 503
        return None

    person = company.customer()
    hook.receiver.act = fail_after
    hook.receiver.status = 299  # what was decided before acting
    response = company.accept(person, "pause", months=1)
    assert response.status_code in (200, 500), response.text
    eventually(lambda: request_of(company, person)["outcome"] == "changed", within=150)
    assert len([each for each in hook.seen if each.startswith(str(request_of(company, person)["id"]))]) == 1


def left_unfinished(company: Company, hook: StripeHook, person: Person) -> None:
    """Make a request as a process leaves it that dies while the hook is down; a run without a caller resumes it."""
    hook.receiver.status = 503
    assert cancel(company, person).status_code == 500
    request = request_of(company, person)
    company.world.admin.execute(
        """UPDATE cancellation_requests SET outcome = NULL, http_status = NULL, response = NULL, finished_at = NULL,
            resume_at = now() WHERE id = %s""",
        [request["id"]],
    )


def test_a_refusal_that_nobody_waits_for_is_emailed(company: Company, hook: StripeHook) -> None:
    person = company.customer()
    left_unfinished(company, hook, person)
    hook.receiver.status, hook.receiver.content = 403, {"message": "Please call us first."}

    eventually(lambda: request_of(company, person)["outcome"] == "failed", within=60)

    [email] = eventually(lambda: company.world.emails(person))
    assert "Please call us first" in email["text"]
    assert not company.subscription(person).cancel_at_period_end


def test_a_request_that_nobody_waits_for_is_resumed_by_the_hook(company: Company, hook: StripeHook) -> None:
    person = company.customer()
    left_unfinished(company, hook, person)
    hook.reset()

    eventually(lambda: request_of(company, person)["outcome"] == "pending_cancellation", within=60)
    assert len({each.id for each in hook.about(person.subscription_id)}) == 1
    assert own_writes(company, person) == []


def test_an_action_without_a_hook_is_cancelflows(world: World) -> None:
    person = world.person("professional")
    response = world.cancel(person)
    assert (response.status_code, "message" in response.json()) == (200, False)
    row = world.row("SELECT carried_out_by FROM cancellation_requests WHERE user_id = %s", person.user_id)
    assert row["carried_out_by"] == "cancelflow"
    [write] = world.simulator.writes(person.subscription_id)
    assert write["idempotency_key"].endswith(":6B:1")
