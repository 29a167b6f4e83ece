"""Feedback after 90 days: FEATURES W30, each verified where its effect is stored."""

import uuid
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from deployments.operations.requests import resume
from flows.anonymize_feedback import anonymize_feedback
from nodes.settings import DatabaseSettings, load
from tests.deletion.everywhere import places_that_hold
from tests.deletion.former_customers import claims_lapse, former_customer, given_days_ago, swept
from tests.reactivation.people import reactivate
from tests.waiting import concurrently, eventually
from tests.world import Person, World, links

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]


def comment(world: World, person: Person) -> str | None:
    details = world.stripe.subscriptions.retrieve(person.subscription_id).cancellation_details
    assert details is not None
    return details.comment


def counted(world: World, plan: str, category: str, *, retained: bool = False) -> int:
    """Return the number of reasons of this kind anonymized so far, in any month, after processing all that are due."""
    swept(anonymize_feedback)
    found = world.row(
        "SELECT coalesce(sum(reasons), 0) AS n FROM reason_counts WHERE plan = %s AND category = %s AND retained = %s",
        plan,
        category,
        retained,
    )
    return int(found["n"])


def test_no_free_text_is_left_after_91_days(world: World) -> None:
    """Every way that a text can come in: with a rejection, a failure, an acceptance, a key, and a completed request."""
    marker = f"marker{uuid.uuid4().hex}"
    person, stayer = world.person("professional"), world.person("professional")
    keyed = replace(person, headers={**person.headers, "Idempotency-Key": marker[:20]})
    wrong = {"kind": "status", "status": 400, "method": "POST", "contains": person.subscription_id}
    with world.simulator.fault(**wrong, times=0):
        responses = [world.cancel(person, feedback=f"failed {marker}")]
    responses += [world.cancel(keyed, feedback=f"said {marker}"), world.cancel(person, feedback=f"again {marker}")]
    responses.append(world.accept(stayer, reason="unused", feedback=f"accepted {marker}"))
    assert [response.status_code for response in responses] == [500, 200, 409, 200]
    before = places_that_hold(world, marker)
    assert before == {"cancelflow.cancellation_reasons", "cancelflow.cancellation_requests", "stripe.subscription"}
    for each in (person, stayer):
        given_days_ago(world, each, 91)

    assert swept(anonymize_feedback).is_completed()

    assert places_that_hold(world, marker) == set()
    assert places_that_hold(world, person.subscription_id) >= {"cancelflow.subscriptions", "stripe.subscription"}


def test_reasons_stay_counted_and_their_users_are_forgotten(world: World) -> None:
    before = counted(world, "starter", "missing_features")
    person, _ = former_customer(world, days_ago=70, plan="starter", reason="missing_features", feedback="no dark mode")
    given_days_ago(world, person, 100)
    world.admin.execute(
        "UPDATE cancellation_requests SET feedback_option = 'fo_dark' WHERE user_id = %s", [person.user_id]
    )
    month = "SELECT month_of(created_at) AS month FROM cancellation_reasons WHERE user_id = %s"
    given_in = world.row(month, person.user_id)["month"]

    swept(anonymize_feedback)

    assert counted(world, "starter", "missing_features") == before + 1
    assert world.rows("SELECT FROM reason_counts WHERE month = %s AND category = 'missing_features'", given_in)
    belongings = world.belongings(person.user_id)
    assert belongings["cancellation_reasons"] == []
    [request] = belongings["cancellation_requests"]
    assert [request[each] for each in ("reason", "feedback_option", "feedback")] == [None, None, None]
    assert request["outcome"] == "pending_cancellation"
    assert request["anonymized_at"]


def test_the_counts_have_no_column_that_identifies_a_user(world: World) -> None:
    columns = world.rows(
        "SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'reason_counts'"
    )
    assert {column["name"] for column in columns} == {"month", "plan", "category", "retained", "reasons"}


def test_the_reason_of_an_accepted_offer_stays_counted(world: World) -> None:
    before = counted(world, "enterprise", "too_complex", retained=True)
    person = world.person("enterprise")
    assert world.accept(person, reason="too_complex", feedback="so many buttons").status_code == 200
    given_days_ago(world, person, 91)

    swept(anonymize_feedback)

    assert counted(world, "enterprise", "too_complex", retained=True) == before + 1
    [request] = world.belongings(person.user_id)["cancellation_requests"]
    assert (request["reason"], request["feedback"]) == (None, None)


def test_stripe_keeps_the_reasons_code_and_loses_the_comment(world: World) -> None:
    person, _ = former_customer(world, days_ago=70, reason="switched_service", feedback="to the blue one")
    assert comment(world, person) == "to the blue one"
    given_days_ago(world, person, 91)

    swept(anonymize_feedback)

    details = world.stripe.subscriptions.retrieve(person.subscription_id).cancellation_details
    assert details is not None
    assert (details.comment, details.feedback) == (None, "switched_service")


def test_a_running_subscription_loses_the_comment_and_nothing_else(world: World) -> None:
    person = world.person("yearly")
    assert world.cancel(person, feedback="a year is long").status_code == 200
    before = world.stripe.subscriptions.retrieve(person.subscription_id)
    given_days_ago(world, person, 91)

    swept(anonymize_feedback)

    after = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert comment(world, person) is None
    assert (after.status, after.cancel_at, after.cancel_at_period_end) == ("active", before.cancel_at, True)


def test_nothing_changes_before_90_days(world: World) -> None:
    person, _ = former_customer(world, days_ago=20, feedback="still here")
    given_days_ago(world, person, 89)
    before = world.belongings(person.user_id)

    swept(anonymize_feedback)

    assert world.belongings(person.user_id) == before
    assert comment(world, person) == "still here"


def test_a_later_text_on_the_same_subscription_is_kept_here_for_90_days(world: World) -> None:
    """Only Stripe's copy goes with the first."""
    person = world.person("professional")
    assert world.cancel(person, feedback="the first").status_code == 200
    given_days_ago(world, person, 91)
    world.stripe.subscriptions.update(person.subscription_id, {"cancel_at_period_end": False})
    assert world.cancel(person, feedback="the second").status_code == 200

    swept(anonymize_feedback)

    assert comment(world, person) is None
    assert [row["feedback"] for row in world.belongings(person.user_id)["cancellation_reasons"]] == ["the second"]


def test_a_comment_is_cleared_although_a_later_request_was_done_by_hand(world: World) -> None:
    """Stripe never received the later text, so it still has the first one."""
    person = world.person("professional")
    assert world.cancel(person, feedback="the first").status_code == 200
    given_days_ago(world, person, 1)
    assert reactivate(world, person).status_code == 200
    later = world.request_id(world.cancel(person))
    given_days_ago(world, person, 91)
    world.admin.execute("UPDATE cancellation_requests SET by_hand = true WHERE id = %s", [later])
    world.admin.execute("UPDATE cancellation_reasons SET feedback = 'the second' WHERE request_id = %s", [later])
    assert comment(world, person) == "the first"

    swept(anonymize_feedback)

    assert comment(world, person) is None


def test_feedback_given_after_anonymization_is_anonymized_too(world: World) -> None:
    """A failed request is resumed by hand after the 90 days, and its email's question is answered."""
    marker = f"marker{uuid.uuid4().hex}"
    person = world.person("professional")
    wrong = {"kind": "status", "status": 400, "method": "POST", "contains": person.subscription_id}
    with world.simulator.fault(**wrong, times=0):
        failed = world.cancel(person, feedback="said long ago")
    given_days_ago(world, person, 91)
    swept(anonymize_feedback)
    resume(load(DatabaseSettings), world.request_id(failed))
    eventually(lambda: world.emails(person))
    token = parse_qs(urlsplit(links(world.emails(person)[0])["feedback"].replace("&amp;", "&")).query)["token"][0]
    assert world.http.post("/feedback", data={"token": token, "feedback": marker}).status_code == 200
    assert places_that_hold(world, marker) == {"cancelflow.cancellation_reasons"}

    swept(anonymize_feedback)

    assert places_that_hold(world, marker) == set()
    assert world.belongings(person.user_id)["cancellation_reasons"] == []


def test_a_request_waits_for_the_next_run_while_stripe_fails(world: World) -> None:
    person, _ = former_customer(world, days_ago=70, feedback="wait for me")
    given_days_ago(world, person, 91)
    wrong = {"kind": "status", "status": 400, "method": "POST", "contains": person.subscription_id}
    with world.simulator.fault(**wrong, times=0):
        assert swept(anonymize_feedback).is_failed()
    assert len(world.belongings(person.user_id)["cancellation_reasons"]) == 1

    claims_lapse(world, person)
    swept(anonymize_feedback)

    assert world.belongings(person.user_id)["cancellation_reasons"] == []
    assert comment(world, person) is None


def test_a_second_run_changes_nothing(world: World) -> None:
    person, _ = former_customer(world, days_ago=70, feedback="once is enough")
    given_days_ago(world, person, 91)
    swept(anonymize_feedback)
    first, counts = world.belongings(person.user_id), world.rows("SELECT * FROM reason_counts ORDER BY 1, 2, 3, 4")

    swept(anonymize_feedback)

    assert world.belongings(person.user_id) == first
    assert world.rows("SELECT * FROM reason_counts ORDER BY 1, 2, 3, 4") == counts


def test_two_concurrent_runs_count_a_reason_once(world: World) -> None:
    before = counted(world, "starter", "low_quality")
    people = [former_customer(world, days_ago=70, plan="starter", reason="low_quality")[0] for _ in range(3)]
    for person in people:
        given_days_ago(world, person, 91)

    states = concurrently(*[lambda: swept(anonymize_feedback)] * 2)

    assert [state.is_completed() for state in states] == [True, True]
    assert counted(world, "starter", "low_quality") == before + 3


def test_the_application_cannot_anonymize_recent_feedback_or_another_users(world: World) -> None:
    young, old, other = (world.person("professional") for _ in range(3))
    for person in (young, old):
        assert world.cancel(person, feedback="mine").status_code == 200
    given_days_ago(world, old, 91)
    for person, caller in ((young, young), (old, other)):
        [request] = world.belongings(person.user_id)["cancellation_requests"]
        with world.as_application(caller.user_id) as connection:
            [done] = connection.execute("SELECT anonymize_feedback(%s) AS done", [request["id"]]).fetchall()
        assert done == {"done": False}


def test_a_customer_whose_request_was_anonymized_can_still_cancel(world: World) -> None:
    person = world.person("professional")
    wrong = {"kind": "status", "status": 400, "method": "POST", "contains": person.subscription_id}
    with world.simulator.fault(**wrong, times=0):
        assert world.cancel(person, feedback="it failed").status_code == 500
    given_days_ago(world, person, 91)

    swept(anonymize_feedback)

    [request] = world.belongings(person.user_id)["cancellation_requests"]
    assert request["recovery_point"] == "received"
    assert world.cancel(person).status_code == 200
