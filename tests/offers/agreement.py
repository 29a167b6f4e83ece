"""Whether our row, Stripe, and what the customer was last told agree."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import stripe

from email_templates.dates import long_date_and_time
from nodes.rules.statuses import is_live, local_status
from tests.offers.company import Company, when
from tests.offers.in_stripe import InStripe
from tests.world import Person, Row

ENDINGS = ("cancellation_confirmation", "reactivation_confirmation", "subscription_ended")


def disagreements(company: Company, found: InStripe, replies: dict[str, Row], now: int) -> Iterator[str]:
    """Return what is wrong, once no work is left. `replies`: the last one to each request. `now`: by the clock."""
    billed = found.subscription
    yield from _row(company, found, billed)
    yield from _dashboard(company, found.person, billed)
    yield from _requests(company, found, replies)
    yield from _ending_told(company, found, billed)
    yield from _changes_told(company, found, billed, now)


def _row(company: Company, found: InStripe, billed: stripe.Subscription) -> Iterator[str]:
    row = company.world.row("SELECT * FROM subscriptions WHERE id = %s", billed.id)
    pause, item = billed.pause_collection, billed.items.data[0]
    expected: Row = {
        "status": local_status(billed.status, pending=found.pending),
        "current_period_end": _time(item.current_period_end),
    }
    if is_live(billed.status):
        expected |= {
            "cancel_at_period_end": found.pending,
            "cancel_at": _time(billed.cancel_at),
            "pause_behavior": pause.behavior if pause else None,
            "resumes_at": _time(pause.resumes_at) if pause else None,
        }
    # A company's own row has no prices and no trial until the product writes it.
    if row["price_ids"] is not None:
        expected |= {"price_ids": [item.price.id], "trial_ends_at": _time(billed.trial_end)}
    wrong = {name: (row[name], value) for name, value in expected.items() if row[name] != value}
    if wrong:
        yield f"row and Stripe: {wrong}"


def _dashboard(company: Company, person: Person, billed: stripe.Subscription) -> Iterator[str]:
    shown = company.http.get("/subscription", headers=person.headers).json()
    if not is_live(billed.status):
        if (shown["status"], shown["next_charge"]) != (billed.status, None):
            yield f"shown {shown}, ended in Stripe"
        return
    discounts = [(each.source.coupon.id, _time(each.end)) for each in billed.discounts]  # type: ignore[union-attr]
    as_shown = [(each["coupon"], _read(each["until"])) for each in shown["discounts"]]
    if as_shown != discounts:
        yield f"shown discounts {as_shown}, in Stripe {discounts}"
    scheduled = _scheduled(billed)
    if (shown["scheduled_change"] or {}).get("price") != scheduled:
        yield f"shown change {shown['scheduled_change']}, in Stripe {scheduled}"
    pause = billed.pause_collection
    if (shown["paused"], _read(shown["resumes_at"])) != (pause is not None, _time(pause.resumes_at) if pause else None):
        yield f"shown pause {shown['resumes_at']}, in Stripe {pause}"


def _requests(company: Company, found: InStripe, replies: dict[str, Row]) -> Iterator[str]:
    """Compare each request with its response and with its writes to Stripe."""
    rows = company.world.rows(
        """SELECT r.*, c.origin, c.kind AS change FROM requests r LEFT JOIN change_requests c USING (id)
        WHERE r.user_id = %s""",
        found.person.user_id,
    )
    writes = [each for each in found.writes() if each["idempotency_key"]]
    for row in rows:
        mine = [each["idempotency_key"] for each in writes if each["idempotency_key"].startswith(str(row["id"]))]
        steps = [each.split(":", 1)[1].rsplit(":", 1)[0] for each in mine]
        told = replies.get(str(row["id"]))
        if row["outcome"] in (None, "failed"):
            yield f"{row['outcome']} request {row['id']}: {row['problem']}"
        if row["outcome"] == "refused" and mine:
            yield f"refused request {row['id']} wrote {steps}"
        if len(steps) != len(set(steps)):
            yield f"request {row['id']} wrote twice: {steps}"
        if told is not None and row["response"] != told:
            yield f"responded {told}, recorded {row['response']}"


def _ending_told(company: Company, found: InStripe, billed: stripe.Subscription) -> Iterator[str]:
    """Compare the last email about the subscription's end with Stripe."""
    last = next((each for each in _emails(company, found.person) if each["kind"] in ENDINGS), None)
    kind = last["kind"] if last else None
    if found.pending:
        date = long_date_and_time(_at(billed.cancel_at), "en_US", "UTC")
        if last is None or kind != "cancellation_confirmation" or date not in last["text"]:
            yield f"told {kind} {last and last['text']}, ends at {date}"
    elif is_live(billed.status) and kind not in (None, "reactivation_confirmation"):
        yield f"told {kind}, continues in Stripe"
    elif not is_live(billed.status) and kind not in ("cancellation_confirmation", "subscription_ended"):
        yield f"told {kind}, ended in Stripe"


def _changes_told(company: Company, found: InStripe, billed: stripe.Subscription, now: int) -> Iterator[str]:
    """Compare the last confirmation of each kind of change with Stripe."""
    if not is_live(billed.status):
        return
    emails = [each for each in _emails(company, found.person) if each["kind"] in ("change_confirmation", *ENDINGS)]
    last: dict[str, Row] = {}
    for each in reversed(emails):
        # A cancellation drops a scheduled change of plan, and its email says so.
        if each["kind"] == "cancellation_confirmation" and last.get("plan_change", {}).get("when") == "period_end":
            last.pop("plan_change")
        if each["change"]:
            last["pause" if each["change"] == "resume" else each["change"]] = each
    yield from _pause_told(billed, last.get("pause"))
    if plan := last.get("plan_change"):
        prices = {_scheduled(billed), billed.items.data[0].price.id}
        if plan["price"] not in prices:
            yield f"told {plan['price']}, in Stripe {prices}"
    yield from _trial_told(billed, last.get("trial_extension"), now)
    yield from _discount_told(billed, last.get("discount"), now)


def _trial_told(billed: stripe.Subscription, last: Row | None, now: int) -> Iterator[str]:
    ends_at = billed.trial_end or 0
    if last and now < ends_at and long_date_and_time(_at(ends_at), "en_US", "UTC") not in last["text"]:
        yield f"told {last['text']}, trial ends at {_at(ends_at)}"


def _discount_told(billed: stripe.Subscription, last: Row | None, now: int) -> Iterator[str]:
    ends_at = last["agreed"].get("discount_ends_at") if last else None
    running = [each.source.coupon.id for each in billed.discounts]  # type: ignore[union-attr]
    if last and ends_at and when(ends_at) > now and last["agreed"]["coupon_id"] not in running:
        yield f"told {last['agreed']}, in Stripe {running}"


def _pause_told(billed: stripe.Subscription, last: Row | None) -> Iterator[str]:
    told, pause = last and last["change"], billed.pause_collection
    if pause is None:
        if told == "pause":
            yield "told of a pause, none in Stripe"
        return
    if last is None or told != "pause":
        yield f"told {told}, paused in Stripe"
    elif pause.resumes_at and long_date_and_time(_at(pause.resumes_at), "en_US", "UTC") not in last["text"]:
        yield f"told {last['text']}, resumes at {_at(pause.resumes_at)}"


def _emails(company: Company, person: Person) -> list[Row]:
    """Return the emails, newest first, each with its kind and with the change that it confirms."""
    kinds = {
        f"<{row['id']}@cancelflow>": row
        for row in company.world.rows(
            """SELECT o.id, o.kind, c.kind AS change, c.agreed FROM outbox o
            LEFT JOIN change_requests c ON c.id = o.request_id WHERE o.user_id = %s""",
            person.user_id,
        )
    }
    found = []
    for email in company.world.emails(person):
        row = kinds[email["message_id"]]
        agreed = row["agreed"] or {}
        found.append({**row, "text": email["text"], "agreed": agreed} | _terms(agreed))
    return found


def _terms(agreed: Row) -> Row:
    return {"price": agreed.get("price_id"), "when": agreed.get("when", "now")}


def _scheduled(billed: stripe.Subscription) -> str | None:
    schedule: Any = billed.schedule
    if not schedule or len(schedule.phases) < 2:
        return None
    price = schedule.phases[-1]["items"][0].price
    return price if isinstance(price, str) else str(price.id)


def _at(seconds: int | None) -> datetime:
    return datetime.fromtimestamp(seconds or 0, UTC)


def _time(seconds: int | None) -> datetime | None:
    return _at(seconds) if seconds else None


def _read(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
