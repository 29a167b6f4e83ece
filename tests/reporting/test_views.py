"""The views, row by row: a small month is created, and each figure counted by hand (FEATURES W34, W36 to W38, F10)."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.reporting.history import History, unused_month
from tests.world import Row, World


@pytest.fixture
def history(world: World) -> Iterator[History]:
    """Yield a month for one test, rolled back afterwards."""
    with world.admin.transaction(force_rollback=True):
        yield History(world, unused_month(world))


def acceptance(shown: int, accepted: int, rate: str | None = None) -> Row:
    return {"shown": shown, "accepted": accepted, "rate": Decimal(rate) if rate else None}


# Offer acceptance (W34)


def test_acceptance_is_the_share_of_shown_offers_by_plan_and_reason(history: History) -> None:
    for _ in range(16):
        history.customer("gold").shown(3).cancels(3.1, "too_expensive")
    for _ in range(4):
        history.customer("gold").shown(3).accepts(3.1, reason="too_expensive")
    for _ in range(3):
        history.customer("silver").shown(5)
    history.customer("silver").shown(5).accepts(5.2)
    assert history.line("offer_acceptance", plan=None, reason=None) == acceptance(24, 5, "0.2083")
    assert history.line("offer_acceptance", plan="gold", reason=None) == acceptance(20, 4, "0.2000")
    assert history.line("offer_acceptance", plan="gold", reason="too_expensive") == acceptance(20, 4, "0.2000")
    assert history.line("offer_acceptance", plan="silver", reason=None) == acceptance(4, 1)
    assert history.line("offer_acceptance", plan="silver", reason="not_given") == acceptance(4, 1)
    assert len(history.lines("offer_acceptance")) == 5


def test_an_offer_shown_on_several_days_counts_once(history: History) -> None:
    history.customer("gold").shown(2).shown(3).shown(9).accepts(9.5)
    assert history.line("offer_acceptance", plan="gold", reason=None) == acceptance(1, 1)


def test_an_offer_accepted_without_a_look_up_counts_as_shown(history: History) -> None:
    history.customer("gold").accepts(4)
    assert history.line("offer_acceptance", plan="gold", reason=None) == acceptance(1, 1)


def test_an_offer_counts_in_the_month_in_which_it_was_shown(history: History) -> None:
    history.customer("gold").shown(-0.1).accepts(0.1)
    assert history.lines("offer_acceptance") == []


def test_a_later_cancellations_reason_does_not_count_for_an_accepted_offer(history: History) -> None:
    history.customer("gold").shown(2).accepts(2.1).cancels(4, "unused")
    assert history.line("offer_acceptance", plan="gold", reason="not_given") == acceptance(1, 1)


def test_a_reason_given_long_after_the_offer_does_not_count_for_it(history: History) -> None:
    history.customer("gold").shown(2).cancels(10, "unused")
    assert history.line("offer_acceptance", plan="gold", reason="not_given") == acceptance(1, 0)


# Reasons (W37)


def test_reasons_are_shares_of_all_reasons_given(history: History) -> None:
    for _ in range(15):
        history.customer("gold").cancels(2, "unused")
    for _ in range(5):
        history.customer("gold").cancels(2, "other")
    history.customer("silver").cancels(2, "other")
    given = {"cancellations": 15, "of_all": 21, "rate": Decimal("0.7143")}
    assert history.line("reason_share", plan=None, reason="unused") == given
    assert history.line("reason_share", plan="gold", reason="other")["rate"] == Decimal("0.2500")
    alone = {"cancellations": 1, "of_all": 1, "rate": None}
    assert history.line("reason_share", plan="silver", reason="other") == alone


def test_anonymized_reasons_still_count(history: History, world: World) -> None:
    person = history.customer("gold").cancels(2, "unused")
    before = history.lines("reason_share"), history.lines("feedback")
    request = world.row("SELECT id FROM cancellation_requests WHERE user_id = %s", person.user_id)
    world.admin.execute("SELECT anonymize_request(%s)", [request["id"]])
    assert world.belongings(person.user_id)["cancellation_reasons"] == []
    assert (history.lines("reason_share"), history.lines("feedback")) == before


def test_an_unreported_request_counts_neither_before_nor_after_anonymization(history: History, world: World) -> None:
    history.customer("gold").cancels(2, "unused")
    before = history.lines("reason_share"), history.lines("feedback")
    person = history.customer("gold").cancels(2, "unused")
    request = world.row("SELECT id FROM cancellation_requests WHERE user_id = %s", person.user_id)
    world.admin.execute("INSERT INTO unreported_requests VALUES (%s)", [request["id"]])
    assert (history.lines("reason_share"), history.lines("feedback")) == before
    world.admin.execute("SELECT anonymize_request(%s)", [request["id"]])
    assert world.belongings(person.user_id)["cancellation_reasons"] == []
    assert (history.lines("reason_share"), history.lines("feedback")) == before


def test_feedback_is_the_share_of_attempts_with_a_reason(history: History) -> None:
    for _ in range(17):
        history.customer("gold").cancels(2, "unused")
    history.customer("gold").cancels(2, "prefer_not_to_say")
    history.refused(3, "reason-required")
    history.refused(3, "reason-required")
    history.refused(3, "no-active-subscription")
    asked = {"attempts": 20, "with_reason": 17, "rate": Decimal("0.8500")}
    assert history.line("feedback") == asked


# Saved (F10) and what was paid (W36)


def test_customers_who_did_not_cancel_within_30_days_are_saved(history: History) -> None:
    for _ in range(17):
        history.customer("gold").accepts(1)
    history.customer("gold").accepts(1).cancels(11, "unused")  # on day 10
    history.customer("gold").accepts(1).cancels(31.5, "unused")  # after the 30 days
    history.customer("gold", status="canceled", ended_at=history.at(20)).accepts(1)  # ended for another reason
    counted = {"accepted": 20, "judged": 20, "saved": 18, "rate": Decimal("0.9000")}
    assert history.line("saved", plan="gold") == counted
    assert history.line("saved", plan=None) == counted


def test_no_customer_is_saved_before_30_days_have_passed(world: World) -> None:
    with world.admin.transaction(force_rollback=True):
        month = world.row("SELECT month_of(now()) AS is")["is"]
        now = History(world, month)
        today = (world.row("SELECT now() AS is")["is"] - now.at(0)).total_seconds() / 86400
        now.customer("a plan of this test").accepts(today)
        counted = {"accepted": 1, "judged": 0, "saved": 0, "rate": None}
        assert now.line("saved", plan="a plan of this test") == counted


def test_revenue_is_by_currency_and_from_saved_customers_only(history: History) -> None:
    for _ in range(20):
        history.customer("gold").accepts(1).pays(10, 2030).pays(40, 2031)
    history.customer("gold").accepts(1).pays(10, 900, "eur")
    history.customer("gold").accepts(1).pays(10, 5000).cancels(11, "unused")  # not saved
    history.customer("gold").accepts(1).pays(0, 5000).pays(370, 5000)  # before, and after the 12 months
    paid = {"customers": 20, "invoices": 40, "amount_paid": 81220, "average": 4061}
    assert history.line("retained_revenue", plan="gold", currency="usd") == paid
    alone = {"customers": 1, "invoices": 1, "amount_paid": 900, "average": None}
    assert history.line("retained_revenue", plan="gold", currency="eur") == alone
    assert {line["currency"] for line in history.lines("retained_revenue")} == {"usd", "eur"}


# Win-back (W38)


def test_customers_who_return_within_90_days_are_won_back(history: History, world: World) -> None:
    for _ in range(16):
        history.customer("gold").cancels(1, "unused")
    anew = history.customer("gold").cancels(1, "unused")
    history.customer("silver", user_id=anew.user_id, since=80)
    late = history.customer("gold").cancels(1, "unused")
    history.customer("silver", user_id=late.user_id, since=92)
    never_paid = history.customer("gold").cancels(1, "unused")
    history.customer("silver", user_id=never_paid.user_id, since=5, status="incomplete_expired")
    reactivated = history.customer("gold").cancels(1, "unused")
    history.audit(reactivated.user_id, None, reactivated.subscription_id, 12, "reactivated")
    undone = history.customer("gold").cancels(1, "unused")
    world.admin.execute(
        "UPDATE subscriptions SET live_again_at = %s WHERE id = %s", [history.at(20), undone.subscription_id]
    )
    counted = {"cancellations": 21, "judged": 21, "won_back": 3, "rate": Decimal("0.1429")}
    assert history.line("win_back") == counted


def test_any_update_that_reactivates_a_row_notes_the_time(history: History, world: World) -> None:
    person = history.customer("gold", status="pending_cancellation", cancel_at=history.at(30))

    def becomes(status: str) -> bool:
        change = "UPDATE subscriptions SET status = %s WHERE id = %s RETURNING live_again_at IS NOT NULL AS noted"
        return bool(world.row(change, status, person.subscription_id)["noted"])

    assert [becomes(status) for status in ("pending_cancellation", "canceled", "active")] == [False, False, True]


# Emails and refusals


def test_the_time_to_the_email_is_a_median_and_a_95th_percentile(history: History) -> None:
    for seconds in range(1, 22):
        history.customer("gold").cancels(2, "unused", email_after=float(seconds))
    history.customer("gold").cancels(2, "unused", email_after=None)
    expected = {"emails": 21, "not_sent": 1, "median_seconds": Decimal("11.000"), "p95_seconds": Decimal("20.000")}
    assert history.line("email_time") == expected


def test_too_few_emails_have_only_a_count(history: History) -> None:
    history.customer("gold").cancels(2, "unused")
    expected = {"emails": 1, "not_sent": 0, "median_seconds": None, "p95_seconds": None}
    assert history.line("email_time") == expected


def test_refusals_are_counted_by_cause(history: History) -> None:
    for _ in range(18):
        history.customer("gold").cancels(2, "unused")
    history.refused(2, "no-active-subscription")
    history.refused(2, "not-your-subscription")
    history.refused(2, "not-your-subscription")
    history.refused(2, "subscription-ended", action="another_action")
    cause = {"refused": 2, "attempts": 21, "rate": Decimal("0.0952")}
    assert history.line("refusals", action="cancel_subscription", cause="not-your-subscription") == cause
    alone = {"refused": 1, "attempts": 1, "rate": None}
    assert history.line("refusals", action="another_action", cause="subscription-ended") == alone


def test_every_view_has_its_definition(world: World) -> None:
    found = world.rows(
        """SELECT relname AS name, obj_description(oid) AS definition FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'"""
    )
    assert len([row for row in found if row["name"].startswith("report_")]) == 12
    assert [row["name"] for row in found if not row["definition"]] == []
