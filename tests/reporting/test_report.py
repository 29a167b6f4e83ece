"""`cancelflow report`, what the application may read of it, and the permanence of final figures."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import psycopg
import pytest
from psycopg import errors
from rich.console import Console

from deployments.operations.reports import print_report
from nodes.rules.months import month_before, month_named
from tests.reporting.history import History
from tests.world import Row, World

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "deployments.command_line", "report"]
VIEWS = """SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
    AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)"""  # else under its tables' row-level security


def asked(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=180, check=False)


def as_json(month: str) -> dict[str, list[Row]]:
    done = asked("--json", "--month", month)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["month"] == month
    return {each["figure"]: each["lines"] for each in found["figures"]}


def test_json_has_null_for_rates_with_too_few_rows(past: History) -> None:
    found = as_json(f"{past.month:%Y-%m}")
    everyone = {"plan": None, "reason": None, "shown": 20, "accepted": 4, "rate": 0.2}
    assert everyone in found["offer_acceptance"]
    assert {"plan": "gold", "accepted": 4, "judged": 4, "saved": 4, "rate": None} in found["saved"]
    money = {"plan": "gold", "currency": "usd", "customers": 4, "invoices": 4, "amount_paid": 5600, "average": None}
    assert money in found["retained_revenue"]
    assert found["win_back"] == [{"cancellations": 16, "judged": 16, "won_back": 0, "rate": None}]


def test_the_terminal_shows_too_few_rows_instead_of_a_rate(past: History) -> None:
    done = asked("--month", f"{past.month:%Y-%m}")
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == f"{past.month:%Y-%m}, in UTC. A rate needs 20 rows."
    assert "Offers accepted: accepted / shown, by plan and reason (so far)" in lines
    assert "all all 20 4 20.0 %" in lines
    assert "gold too_expensive 16 0 too few rows (16)" in lines
    assert "gold 4 4 4 too few rows (4)" in lines
    assert "cancel_subscription no-active-subscription 1 21 4.8 %" in lines
    assert "16 0 too few rows (16) too few rows (16)" in lines  # emails


def test_figures_without_rows_are_listed_once() -> None:
    saved = {"plan": "gold", "accepted": 4, "judged": 4, "saved": 4, "rate": None}
    figures = [
        {"figure": figure, "definition": "as it is", "closed_at": None, "lines": lines}
        for figure, lines in {"reason_share": [], "saved": [saved], "win_back": []}.items()
    ]
    console = Console(file=StringIO(), width=100)
    print_report({"month": "2999-01", "fewest_rows": 20, "figures": figures, "months": []}, console)
    assert isinstance(console.file, StringIO)
    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines()]
    assert lines == [
        "2999-01 so far, in UTC. A rate needs 20 rows.",
        "",
        "Customers saved: as it is (so far)",
        "plan accepted judged saved rate",
        "gold 4 4 4 too few rows (4)",
        "",
        "No rows for: Reasons given; Won back.",
    ]


@pytest.mark.parametrize(("month", "said"), [("1901-01", "1901-01."), ("2999-01", "2999-01 yet.")])
def test_a_month_without_rows_says_so_once(past: History, month: str, said: str) -> None:
    done = asked("--month", month)
    assert past.month
    assert done.stdout == f"Nothing to report for {said} No offers, cancellations or refused attempts.\n"
    assert [lines for lines in as_json(month).values() if lines] == []


def test_the_last_and_the_current_month_are_shown_by_default(world: World) -> None:
    assert world.addresses["database_url"]
    before = datetime.now(UTC)
    found, printed = json.loads(asked("--json").stdout), asked().stdout.splitlines()
    last, current = (each["month"] for each in found)
    assert current in (f"{before:%Y-%m}", f"{datetime.now(UTC):%Y-%m}")
    assert last == f"{month_before(month_named(current)):%Y-%m}"
    assert printed[0].startswith((f"{last}, in UTC.", f"Nothing to report for {last}."))
    heads = (f"{current} so far, in UTC.", f"Nothing to report for {current} yet.")
    assert len([line for line in printed if line.startswith(heads)]) == 1


@pytest.mark.parametrize("month", ["2026-13", "October", "2026-1", "0000-01"])
def test_an_invalid_month_is_refused(month: str) -> None:
    done = asked("--month", month)
    assert (done.returncode, done.stdout) == (2, "")
    assert month in done.stderr
    assert "Traceback" not in done.stderr


# The application's permissions


def reported(connection: psycopg.Connection[Row], history: History) -> Any:
    return connection.execute("SELECT report(%s) AS is", [history.month]).fetchall()[0]["is"]


def test_the_application_gets_the_same_figures(world: World, past: History) -> None:
    with world.as_application(None) as connection:
        assert reported(connection, past) == reported(world.admin, past)


def test_the_figures_contain_no_personal_data(world: World, past: History) -> None:
    with world.as_application(None) as connection:
        found = json.dumps(reported(connection, past))
    people = world.rows("SELECT user_id, subscription_id, request_id, feedback FROM cancellation_reasons")
    people += world.rows("SELECT user_id, subscription_id, request_id FROM retention_offers")
    people += world.rows("SELECT id, email FROM users")
    assert people
    assert [value for person in people for value in person.values() if value and str(value) in found] == []


def test_the_application_can_neither_read_views_nor_write_figures(world: World) -> None:
    views = [row["name"] for row in world.rows(VIEWS)]
    assert "retained_subscriptions" in views
    refused = [f"SELECT 1 FROM {view}" for view in views]
    refused += [
        "SELECT 1 FROM closed_figures",
        "DELETE FROM closed_figures",
        "SELECT lines_of_figure(now()::date, 'x')",
    ]
    for statement in refused:
        with world.as_application(None) as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_the_figures_that_the_application_closes_come_from_the_views(world: World, past: History) -> None:
    """It passes a month, never the figures."""
    before = reported(world.admin, past)
    with world.as_application(None) as connection:
        closed = connection.execute("SELECT close_figures(%s, true) AS is", [past.month]).fetchall()
        again = connection.execute("SELECT close_figures(%s, true) AS is", [past.month]).fetchall()
        assert (len(closed), again) == (10, [])
        after = reported(connection, past)
        connection.rollback()
    assert [each["lines"] for each in after["figures"]] == [each["lines"] for each in before["figures"]]
    assert all(each["closed_at"] for each in after["figures"])


# Final


def test_a_final_figure_is_kept_when_the_data_is_deleted(world: World, past: History) -> None:
    with world.admin.transaction(force_rollback=True):
        world.admin.execute("SELECT close_figures(%s, true)", [past.month])
        before = reported(world.admin, past)
        world.admin.execute("DELETE FROM offers_shown WHERE plan = 'gold'")
        world.admin.execute("DELETE FROM cancellation_reasons WHERE plan = 'gold'")
        assert past.lines("reason_share") == []
        assert reported(world.admin, past)["figures"] == before["figures"]


def test_no_figure_is_final_too_early(world: World) -> None:
    with world.admin.transaction(force_rollback=True):
        world.admin.execute("DELETE FROM closed_figures")
        closed = "SELECT close_figures((month_of(now()) - %s::interval)::date, true) AS figure"
        assert world.rows(closed, "0 months") == []
        assert not {"win_back", "retained_revenue"} & {row["figure"] for row in world.rows(closed, "1 month")}
        assert "win_back" in {row["figure"] for row in world.rows(closed, "4 months")}
        assert "retained_revenue" in {row["figure"] for row in world.rows(closed, "13 months")}
