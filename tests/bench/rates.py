"""Rates other than cancellations: emails rendered and Stripe events received per second."""

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import stripe

from email_templates.cancellation_confirmation import CancellationConfirmation

EMAILS = 200
EVENTS = 400
MAX_CONCURRENT_EVENTS = 16
# Events are marked as handled, because handling them would take processor time from the next measurement.
_HANDLED = (
    "UPDATE stripe_events SET resume_at = NULL, handled_at = now() WHERE id LIKE 'evt_bench_%' AND handled_at IS NULL"
)


def emails_a_second() -> float:
    """Measure rendering the confirmation: subject, text and HTML."""
    ends_at = datetime.now(UTC) + timedelta(days=30)

    def write(number: int) -> None:
        CancellationConfirmation(
            name=f"Robin Doe {number}",
            plan="professional",
            asked_at=ends_at - timedelta(days=30),
            ends_at=ends_at,
            ended_now=False,
            access_ended_at=None,
            ended_by_policy=False,
            refund=None,
            data_retention_until=ends_at + timedelta(days=90),
            locale="de_DE" if number % 2 else "en_US",
            time_zone="Europe/Berlin",
            reactivate_url="https://example.com/reactivate",
            feedback_url="https://example.com/feedback",
            export_url="https://example.com/export",
            payment_url=None,
            unpaid=False,
            due_at=None,
            plan_change_dropped=False,
            reported_failed=False,
            renewal_undone=False,
            invoices_voided=False,
            company_name="Example",
            request_id=str(uuid.uuid4()),
        ).email()

    write(0)  # loads the templates
    write(1)
    began = time.perf_counter()
    for number in range(EMAILS):
        write(number)
    return EMAILS / (time.perf_counter() - began)


def events_a_second(addresses: Mapping[str, str], secret: str) -> float:
    """Measure receiving signed new events of a starting cancellation, about a subscription unknown here."""
    client = stripe.StripeClient(addresses["stripe_api_key"], base_addresses={"api": addresses["stripe"]})
    [found] = client.v1.events.list({"limit": 1, "type": "customer.subscription.updated"}).data
    posts = [_signed(json.loads(str(found)), secret) for _ in range(EVENTS)]
    seconds = asyncio.run(_post(addresses["http"], posts))
    with psycopg.connect(addresses["database_admin_url"], autocommit=True) as connection:
        connection.execute(_HANDLED)
    return EVENTS / seconds


def _signed(event: dict[str, Any], secret: str) -> tuple[dict[str, str], bytes]:
    event["id"] = f"evt_bench_{uuid.uuid4().hex}"
    event["data"]["object"] |= {"id": "sub_nobody", "customer": "cus_nobody"}
    event["data"]["previous_attributes"] = {"cancel_at_period_end": False}
    event["request"] = None
    body, now = json.dumps(event), int(time.time())
    mark = stripe.WebhookSignature._compute_signature(f"{now}.{body}", secret)
    return {"Stripe-Signature": f"t={now},v1={mark}", "Content-Type": "application/json"}, body.encode()


async def _post(trigger: str, posts: list[tuple[dict[str, str], bytes]]) -> float:
    waiting = iter(posts)
    limits = httpx.Limits(max_connections=MAX_CONCURRENT_EVENTS)
    async with httpx.AsyncClient(base_url=trigger, timeout=30, limits=limits, verify=False) as client:

        async def one_by_one() -> None:
            for headers, body in waiting:
                (await client.post("/webhooks/stripe", content=body, headers=headers)).raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(one_by_one() for _ in range(MAX_CONCURRENT_EVENTS)))
        return time.perf_counter() - began
