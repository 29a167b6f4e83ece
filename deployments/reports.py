"""For the business: a month's figures, on a terminal."""

from datetime import date

import psycopg
from psycopg.rows import scalar_row
from rich.console import Console
from rich.table import Table

from nodes.errors import DatabaseUnavailable
from nodes.reporting.figures import Report, tables
from nodes.settings import DatabaseSettings
from sql import QUERIES

CONNECT_TIMEOUT_SECONDS = 5


def report_of(settings: DatabaseSettings, month: date) -> Report:
    """The figures of the month that begins on this day, as the owner. Raises `DatabaseUnavailable`."""
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
    """Plain tables, each under its definition."""
    console.print(f"{report['month']}, in UTC. A rate needs {report['fewest_rows']} rows.", highlight=False)
    for figure in tables(report):
        console.print(f"\n[bold]{figure.title}[/bold]: {figure.definition}{'' if figure.final else ' (so far)'}")
        if not figure.lines:
            console.print("no rows")
            continue
        shown = Table(box=None, pad_edge=False)
        for column in figure.columns:
            shown.add_column(column.head, justify="right" if column.is_number else "left", no_wrap=True)
        for line in figure.lines:
            shown.add_row(*line)
        console.print(shown)
