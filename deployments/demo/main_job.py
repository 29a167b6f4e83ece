"""The demo's main job: cancel for a demo customer over HTTP, then read each effect back from its system."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any

import httpx
import psycopg
import stripe
from psycopg.rows import dict_row
from rich.console import Console

from deployments.demo.boundary import our_errors
from deployments.demo.customers import DemoCustomer, seed
from deployments.demo.events import Listener, listening
from deployments.tokens import token
from nodes.errors import CancelflowError
from nodes.settings import EventSettings, IdentitySettings, SeedSettings, load
from sql import QUERIES

# The trigger responds within 10 s; the rest is a margin for the network.
POST_TIMEOUT_SECONDS = 15.0
READ_TIMEOUT_SECONDS = 5.0
# The response waits for neither email nor event, and Prefect's records are written after it.
EFFECTS_WITHIN_SECONDS = 20.0
LOOK_EVERY_SECONDS = 0.1

Found = str | None  # a description of the effect, or None if it was not found


class MainJobFailed(CancelflowError):
    """The request failed, or an effect is missing; the message gives the details."""


@dataclass(frozen=True)
class _Job:
    addresses: Mapping[str, Any]
    settings: SeedSettings
    customer: DemoCustomer
    database: psycopg.Connection[dict[str, Any]]

    @property
    def subscription_id(self) -> str:
        return self.customer.subscription_ids[0]

    def row(self, query: str, **parameters: str) -> dict[str, Any] | None:
        return self.database.execute(QUERIES[query], parameters).fetchone()


def main_job(addresses: Mapping[str, Any], console: Console | None = None) -> list[DemoCustomer]:
    """Create the demo customers, cancel for one, and print the effects. Raises `MainJobFailed` and `PartFailed`.

    `addresses` is the content of stack.json. Return the customers, for further calls.
    """
    console = console or Console(highlight=False, soft_wrap=True)
    if not addresses.get("http"):
        raise MainJobFailed("no stack runs here: start one with `cancelflow up` in another terminal")
    settings = load(SeedSettings)
    with console.status("Creating the demo customers"):
        customers = seed(settings, progress=lambda _: None)
    customer = next(each for each in customers if each.case == "professional")
    with (
        our_errors(),
        psycopg.connect(settings.admin_url, connect_timeout=5, autocommit=True, row_factory=dict_row) as database,
        listening(load(EventSettings)) as listener,
    ):
        job = _Job(addresses, settings, customer, database)
        _post(job, console)
        _read_back(job, listener, console)
    return customers


def _post(job: _Job, console: Console) -> None:
    body = {
        "user_id": job.customer.user_id,
        "reason": "too_expensive",
        "feedback": "Great product but can't justify cost for my usage",
        "accept_offer": False,
    }
    url = f"{job.addresses['http']}/cancel-subscription"
    console.print(f"\n[bold]POST {url}[/bold]  for {job.customer.email}, plan professional")
    bearer = token(load(IdentitySettings), job.customer.user_id)
    try:
        response = httpx.post(
            url, json=body, headers={"Authorization": f"Bearer {bearer}"}, timeout=POST_TIMEOUT_SECONDS
        )
    except httpx.HTTPError as error:
        raise MainJobFailed(f"no response from {url}: {type(error).__name__}") from None
    console.print(f"  {response.status_code}  {response.text}", markup=False)
    if response.status_code != 200:
        raise MainJobFailed(f"the response was {response.status_code}, not 200")


def _read_back(job: _Job, listener: Listener, console: Console) -> None:
    request = job.row("last_request_of_user", user_id=job.customer.user_id)
    if request is None:
        raise MainJobFailed("no request was recorded")
    request_id = str(request["id"])
    effects: dict[str, Callable[[], Found]] = {
        "Stripe": lambda: _in_stripe(job),
        "Postgres": lambda: _in_postgres(job),
        "Email": lambda: _in_the_inbox(job, request_id),
        "Retention job": lambda: _retention_job(job),
        "Pub/Sub": lambda: _event(listener, request_id),
        "Prefect run": lambda: _run(job, str(request["flow_run_id"])),
    }
    console.print("\n[bold]What it did[/bold], each read back from where it ended up")
    missing = []
    until = monotonic() + EFFECTS_WITHIN_SECONDS
    for name, read in effects.items():
        while not (found := read()) and monotonic() < until:
            sleep(LOOK_EVERY_SECONDS)
        console.print(f"  {name:14} {found or 'MISSING'}", markup=False)
        if found is None:
            missing.append(name)
    if missing:
        raise MainJobFailed("missing: " + ", ".join(missing))


def _in_stripe(job: _Job) -> Found:
    client = stripe.StripeClient(
        job.settings.stripe_api_key.get_secret_value(),
        base_addresses={"api": job.settings.stripe_api_base} if job.settings.stripe_api_base else {},
    )
    found = client.v1.subscriptions.retrieve(job.subscription_id)
    if not (found.cancel_at_period_end or found.cancel_at):
        return None
    ends = f"{datetime.fromtimestamp(found.cancel_at, UTC):%Y-%m-%d %H:%M:%S %Z}" if found.cancel_at else "no date"
    return f"{found.id} is {found.status}, cancel_at_period_end {found.cancel_at_period_end}, ends at {ends}"


def _in_postgres(job: _Job) -> Found:
    row = job.row("row_of_subscription", subscription_id=job.subscription_id)
    if row is None or row["status"] != "pending_cancellation":
        return None
    return f"subscriptions: {row['status']}, cancels at {row['cancel_at']:%Y-%m-%d %H:%M:%S %Z}"


def _in_the_inbox(job: _Job, request_id: str) -> Found:
    inbox = job.addresses.get("inbox")
    if not inbox:  # the user's own mail server: only its acceptance is known
        row = job.row("confirmation_of_request", request_id=request_id)
        return f"handed to SMTP_URL, to {job.customer.email}" if row and row["delivered_at"] else None
    query = {"to": job.customer.email}
    emails = httpx.get(f"{inbox}/messages.json", params=query, timeout=READ_TIMEOUT_SECONDS).json()
    if not emails:
        return None
    return f'"{emails[0]["subject"]}" to {job.customer.email}\n{"":17}{inbox}/messages/{emails[0]["id"]}'


def _retention_job(job: _Job) -> Found:
    row = job.row("retention_job_of_subscription", subscription_id=job.subscription_id)
    return f"{row['status']}, data is kept until {row['run_at']:%Y-%m-%d %H:%M:%S %Z}" if row else None


def _event(listener: Listener, request_id: str) -> Found:
    event = listener.pull(request_id)
    return f"billing-events: {json.dumps(event)}" if event else None


def _run(job: _Job, flow_run_id: str) -> Found:
    api = f"{job.addresses['prefect_api']}/flow_runs/{flow_run_id}"
    run = httpx.get(api, timeout=READ_TIMEOUT_SECONDS)
    if run.status_code != 200 or run.json()["state"]["type"] != "COMPLETED":
        return None
    return f"{run.json()['state']['name']}: {job.addresses['prefect_ui']}/runs/flow-run/{flow_run_id}"
