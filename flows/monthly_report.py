"""The monthly report: a month's figures as an artifact with charts."""

from datetime import UTC, date, datetime

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from nodes.reporting.chart import Bars, chart
from nodes.reporting.figures import Report, lines_of, tables, without_rows
from nodes.reporting.step_01_list_subscriptions_with_an_offer import list_subscriptions_with_an_offer
from nodes.reporting.step_02_list_paid_invoices import list_paid_invoices
from nodes.reporting.step_03_keep_invoices import keep_invoices
from nodes.reporting.step_04_close_final_figures import close_final_figures
from nodes.reporting.step_05_count_figures import count_figures
from nodes.rules.months import month_before, month_named
from nodes.runs.display import Progress, table
from nodes.services import services_of_this_run

# After this many failures, Stripe counts as unavailable: the report says so and continues with the invoices it has.
FAILURES = 3
# Revenue is final after 12 months; the extra months are for runs that were missed, or could not read every payment.
MONTHS_TO_CLOSE = 14


@flow(name="monthly-report", persist_result=False)
async def monthly_report(month: str | None = None) -> State[None]:
    """Fetch saved customers' payments, close final figures, and publish a month's report (default: last month)."""
    today = datetime.now(UTC).date()
    reported = month_named(month) if month else month_before(today)
    async with services_of_this_run():
        walk = Walk()
        await walk.through()
        months = [month_before(today, back) for back in range(1, MONTHS_TO_CLOSE + 1)]
        await close_final_figures(months, payments_complete=walk.failed == 0)
        report = await count_figures(reported)
        await acreate_markdown_artifact(
            _as_markdown(report, reported, walk), key="monthly-report", description=f"{reported:%B %Y}"
        )
    return Completed(message=f"the report of {report['month']}; {walk.summary()}")


class Walk:
    """A walk through the subscriptions that accepted an offer, to store what each has paid since."""

    def __init__(self) -> None:
        self.subscriptions = self.invoices = self.failed = 0

    async def through(self) -> None:
        """Read and store the invoices of all subscriptions, or until Stripe counts as unavailable."""
        progress, after = Progress("monthly-report-progress"), ""
        while self.failed < FAILURES and (page := await list_subscriptions_with_an_offer(after)):
            read = await list_paid_invoices(page)
            self.invoices += await keep_invoices(read)
            self.subscriptions += len(read.paid)
            self.failed += read.failed
            after = page[-1].id
            await progress.reached(self.summary())
        await progress.done(self.summary())

    def summary(self) -> str:
        """Return one sentence of counts."""
        read = f"subscriptions with an offer: {self.subscriptions}, their paid invoices: {self.invoices}"
        if self.failed >= FAILURES:
            return f"{read}, then Stripe was unavailable: recent payments are missing"
        return read + (f"; {self.failed} could not be read" if self.failed else "")


def _as_markdown(report: Report, month: date, walk: Walk) -> str:
    about = f"Times are UTC, money is in minor units. A rate needs {report['fewest_rows']} rows."
    parts = [f"# {month:%B %Y}", about, f"Read from Stripe: {walk.summary()}.", *_charts(report)]
    figures = tables(report)
    for figure in (each for each in figures if each.lines):
        parts += [f"## {figure.title}", f"{figure.definition}{'' if figure.final else ', so far'}"]
        parts.append(table([column.head for column in figure.columns], figure.lines))
    if missing := without_rows(figures):
        parts.append(missing)
    return "\n\n".join(parts)


def _charts(report: Report) -> list[str]:
    months = [Bars(each["month"], (each["cancelled"], each["retained"])) for each in report["months"]]
    reasons = [
        Bars(line["reason"].replace("_", " "), (line["cancellations"],))
        for line in lines_of(report, "reason_share")
        if line["plan"] is None
    ]
    return [
        *([chart("Left and kept, by month", ("cancellations", "offers taken"), months)] if months else []),
        *([chart("Why they left", ("cancellations of the month",), reasons)] if reasons else []),
    ]
