"""`cancelflow report`: a month's figures on the terminal."""

from datetime import UTC, date, datetime

import psycopg
from psycopg.rows import scalar_row
from rich.console import Console
from rich.table import Table as Grid

from nodes.errors import DatabaseUnavailable
from nodes.reporting.figures import Report, Table, tables, without_rows
from nodes.rules.months import month_before, month_named
from nodes.settings import DatabaseSettings
from sql import QUERIES

CONNECT_TIMEOUT_SECONDS = 5


def months_to_report(name: str | None) -> list[date]:
    """Return the named month, or the last full month and the current one. Raises ValueError."""
    today = datetime.now(UTC).date()
    return [month_named(name)] if name else [month_before(today), month_before(today, 0)]


def report_of(settings: DatabaseSettings, month: date) -> Report:
    """Return the report for the month that begins on this day, read as the owner. Raises `DatabaseUnavailable`."""
    try:
        with psycopg.connect(
            settings.admin_url, connect_timeout=CONNECT_TIMEOUT_SECONDS, row_factory=scalar_row
        ) as connection:
            [report] = connection.execute(QUERIES["report"], {"month": month}).fetchall()
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"PostgreSQL is not reachable ({type(error).__name__})") from None
    found: Report = report
    return found


def print_report(report: Report, console: Console) -> None:
    """Print a table for each figure under its definition, and one sentence that names the figures without rows."""
    month, figures = report["month"], tables(report)
    unfinished = month >= f"{datetime.now(UTC):%Y-%m}"
    missing = without_rows(figures)
    if not any(figure.lines for figure in figures):
        yet = " yet" if unfinished else ""
        console.print(f"Nothing to report for {month}{yet}. {missing}", highlight=False)
        return
    so_far = " so far" if unfinished else ""
    console.print(f"{month}{so_far}, in UTC. A rate needs {report['fewest_rows']} rows.", highlight=False)
    for figure in (each for each in figures if each.lines):
        _print_figure(figure, console)
    if missing:
        console.print(f"\n{missing}", highlight=False)


def _print_figure(figure: Table, console: Console) -> None:
    console.print(f"\n[bold]{figure.title}[/bold]: {figure.definition}{'' if figure.final else ' (so far)'}")
    grid = Grid(box=None, pad_edge=False)
    for column in figure.columns:
        grid.add_column(column.head, justify="right" if column.is_number else "left", no_wrap=True)
    for line in figure.lines:
        grid.add_row(*line)
    console.print(grid)
