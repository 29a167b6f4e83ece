"""The monthly flow on its worker: it fetches what was really paid, and its page shows tables and charts."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.acceptance.subscribers import Clock, subscriber
from tests.acceptance_browser.chromium import ARGUMENTS, CHROMIUM, DESK, PHONE, PICTURES
from tests.deletion.runs import deployment, ended, started
from tests.waiting import eventually
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

DAY = 24 * 3600
AWAY = {"kind": "status", "method": "GET", "path": "/v1/invoices", "status": 500, "times": 0}


@dataclass
class WrittenReport:
    """A customer who accepted the offer 100 days ago and paid twice since, once with a refund; and their report."""

    person: Person
    plan: str
    month: date
    run: Row
    artifact: Row


def retained(world: World, plan: str, days_ago: int = 100) -> tuple[Person, date]:
    then = int(time.time()) - days_ago * DAY
    made = world.stripe.test_helpers.test_clocks.create({"frozen_time": then, "name": "past"})
    clock = Clock(world, made.id, then)
    person = subscriber(world, on=clock)
    assert world.accept(person).status_code == 200
    eventually(
        lambda: not world.rows("SELECT 1 FROM outbox WHERE user_id = %s AND delivered_at IS NULL", person.user_id)
    )
    accepted = datetime.fromtimestamp(clock.now + DAY, UTC)
    world.admin.execute(
        "UPDATE retention_offers SET accepted_at = %s, plan = %s WHERE user_id = %s", [accepted, plan, person.user_id]
    )
    clock.advance(clock.now + 70 * DAY)
    latest = world.stripe.invoices.list({"subscription": person.subscription_id}).data[0]
    assert (latest.status, latest.amount_paid) == ("paid", 3430)
    world.stripe.credit_notes.create({"invoice": latest.id, "amount": 1000, "refund_amount": 1000})
    return person, accepted.date().replace(day=1)


def write_report(world: World, month: date) -> tuple[Row, Row]:
    run = ended(world, started(world, "monthly-report", month=f"{month:%Y-%m}"))
    assert run["state_type"] == "COMPLETED", run["state"]
    wanted = {"artifacts": {"flow_run_id": {"any_": [run["id"]]}, "key": {"any_": ["monthly-report"]}}}
    [artifact] = world.prefect.post("/artifacts/filter", json=wanted).json()
    return run, artifact


@pytest.fixture(scope="module")
def report(world: World) -> Iterator[WrittenReport]:
    plan = f"plan-{uuid.uuid4().hex[:8]}"
    person, month = retained(world, plan)
    # An earlier test run on a kept stack may have closed this month.
    world.admin.execute("DELETE FROM closed_figures WHERE month = %s", [month])
    # Rows for this month's charts and figures.
    world.cancel(subscriber(world))
    world.accept(world.person("professional"))
    run, artifact = write_report(world, month)
    yield WrittenReport(person, plan, month, run, artifact)
    world.admin.execute("DELETE FROM closed_figures WHERE month = %s", [month])


def invoices(world: World, person: Person) -> list[Row]:
    return world.rows("SELECT * FROM retained_invoices WHERE user_id = %s ORDER BY created_at", person.user_id)


def test_actual_payments_are_stored_net_of_discount_and_refund(world: World, report: WrittenReport) -> None:
    """The invoice from before the offer, which was paid in full, does not count."""
    first, second = invoices(world, report.person)
    assert [(each["amount_paid"], each["currency"]) for each in (first, second)] == [(3430, "usd"), (2430, "usd")]
    assert f"| {report.plan} | usd | 1 | 2 | 5,860 | too few rows (1) |" in report.artifact["data"]


def test_the_page_has_every_figure_and_no_personal_data(world: World, report: WrittenReport) -> None:
    page = report.artifact["data"]
    assert page.startswith(f"# {report.month:%B %Y}")
    lines = page.splitlines()
    heads = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    # A figure has a section, or is named once among those without rows.
    missing = lines[-1].removeprefix("No rows for: ").removesuffix(".").split("; ")
    assert len({*heads, *missing}) == len(heads) + len(missing) == 10
    assert f"| {report.plan} | 1 | 1 | 1 | too few rows (1) |" in page  # saved
    for personal in (report.person.email, report.person.user_id, report.person.subscription_id):
        assert personal not in page
    assert report.artifact["type"] == "markdown"
    assert report.run["state"]["message"].startswith(f"the report of {report.month:%Y-%m}; ")


def test_a_second_run_counts_nothing_twice(world: World, report: WrittenReport) -> None:
    before = invoices(world, report.person)
    _, artifact = write_report(world, report.month)
    assert invoices(world, report.person) == before
    assert f"| {report.plan} | usd | 1 | 2 | 5,860 |" in artifact["data"]


def test_final_figures_are_closed(world: World, report: WrittenReport) -> None:
    closed = world.rows("SELECT figure FROM closed_figures WHERE month = %s", report.month)
    assert {"offer_acceptance", "email_time", "saved"} <= {row["figure"] for row in closed}
    assert "retained_revenue" not in {row["figure"] for row in closed}


def test_the_report_states_what_is_missing_if_stripe_is_unavailable(world: World, report: WrittenReport) -> None:
    with world.simulator.fault(**AWAY, contains=report.person.subscription_id):
        run, artifact = write_report(world, report.month)
    assert "could not be read" in run["state"]["message"]
    assert run["state"]["message"].partition("; ")[2] in artifact["data"]


def test_revenue_stays_open_until_every_payment_is_read(world: World) -> None:
    """The run of the month after the 12 months was missed, and Stripe fails in the next one."""
    plan = f"plan-{uuid.uuid4().hex[:8]}"
    person, month = retained(world, plan, days_ago=410)
    closed = "SELECT lines FROM closed_figures WHERE month = %s AND figure = %s"
    # An earlier test run on a kept stack may have closed this month.
    world.admin.execute("DELETE FROM closed_figures WHERE month = %s", [month])
    with world.simulator.fault(**AWAY, contains=person.subscription_id) as hits:
        write_report(world, month)
        assert hits() > 0
    assert not world.rows(closed, month, "retained_revenue") and not world.rows(closed, month, "offers")
    assert world.rows(closed, month, "saved")

    write_report(world, month)

    lines = world.row(closed, month, "retained_revenue")["lines"]
    assert [line["amount_paid"] for line in lines if line["plan"] == plan] == [5860]
    world.admin.execute("DELETE FROM closed_figures WHERE month = %s", [month])


def test_the_report_runs_on_the_first_of_the_month_before_data_is_deleted(world: World) -> None:
    found = deployment(world, "monthly-report")
    [schedule] = found["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("40 1 1 * *", "UTC")
    assert found["global_concurrency_limit"]["limit"] == 1
    assert found["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert set(found["tags"]) == {"cancelflow", "scheduled"}
    assert "\n" not in found["description"]


@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no chromium on this machine")
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_prefects_page_draws_the_chart(world: World, report: WrittenReport, size: tuple[int, int]) -> None:
    this_month = datetime.now(UTC).date().replace(day=1)
    _, artifact = write_report(world, this_month)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.goto(f"{world.addresses['prefect_ui']}/artifacts/artifact/{artifact['id']}")
        for title in ("Left and kept, by month", "Why they left"):
            chart = page.get_by_role("img", name=title)
            expect(chart).to_be_visible()
            assert chart.evaluate("image => image.complete && image.naturalWidth") == 720
            assert chart.evaluate("image => image.getBoundingClientRect().width <= window.innerWidth")
        expect(page.get_by_role("heading", name="Offers accepted")).to_be_visible()
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"monthly-report-{size[0]}.png", full_page=True)
        browser.close()
