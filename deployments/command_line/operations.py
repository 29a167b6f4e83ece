"""Commands for operators: unfinished requests, reconciliation, data deletion and reports."""

import json
from typing import Annotated
from uuid import UUID

import typer

from deployments.local.join import join_stack
from nodes.settings import (
    BillingSettings,
    DatabaseSettings,
    PrefectSettings,
    ServiceSettings,
    SessionSettings,
    load,
)

app = typer.Typer()


@app.command()
def requests(
    stuck: Annotated[bool, typer.Option("--stuck", help="only those that need attention")] = False,
) -> None:
    """List unfinished requests: under way, waiting to be claimed, parked, failed, or with an undeliverable email."""
    join_stack()
    from deployments.operations.requests import unfinished

    found = [request for request in unfinished(load(DatabaseSettings)) if request.stuck or not stuck]
    for each in found:
        typer.echo(each.line())
        if each.stuck:
            typer.echo(each.advice())
    if not found:
        typer.echo(_none(stuck))


def _none(stuck: bool) -> str:
    return "nothing needs attention" if stuck else "nothing is unfinished"


@app.command()
def resume(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="of a request, a session, a Stripe event or a call")],
) -> None:
    """Resume a request or a Stripe event from the step reached, or a call, even if it failed."""
    join_stack()
    from deployments.operations.requests import resume as resume_work

    resume_work(load(DatabaseSettings), identifier)
    typer.echo(f"{identifier} will be resumed by a running trigger")


@app.command()
def finish(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="as listed by `requests --stuck`")],
) -> None:
    """Complete a request that was left to a person, once Stripe shows what its customer asked for."""
    join_stack()
    from deployments.operations.done_by_hand import finish as finish_request

    finish_request(load(DatabaseSettings), load(BillingSettings), identifier)
    typer.echo(f"{identifier} will be completed by a running trigger")


@app.command()
def session(
    identifier: Annotated[UUID, typer.Argument(metavar="ID", help="of a session of the cancel page")],
) -> None:
    """Show what a customer saw and pressed on the cancel page, and the outcome. Ids and codes only."""
    join_stack()
    from rich.console import Console

    from deployments.operations.sessions import show_session

    show_session(load(SessionSettings), identifier, Console())


@app.command()
def dismiss(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="as listed by `requests --stuck`")],
) -> None:
    """Stop listing an undeliverable email, if the customer cannot be reached."""
    join_stack()
    from deployments.operations.requests import dismiss as stop_listing

    stop_listing(load(DatabaseSettings), identifier)
    typer.echo(f"{identifier} is no longer listed")


@app.command()
def reconcile(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would change")] = False,
) -> None:
    """Compare every subscription with Stripe, correct what is unambiguous, and report the rest."""
    join_stack()
    load(ServiceSettings)
    load(PrefectSettings)
    import asyncio

    from flows.reconcile import reconcile as walk

    async def walked() -> tuple[bool, str | None]:
        state = await walk(dry_run, return_state=True)
        return state.is_completed(), state.message

    done, message = asyncio.run(walked())
    typer.echo(message)
    if not done:
        raise typer.Exit(1)


@app.command()
def delete_expired(
    for_real: Annotated[bool, typer.Option("--for-real", help="delete; without it, only show")] = False,
    at_most: Annotated[int | None, typer.Option(min=1, help="limit the number of customers")] = None,
) -> None:
    """Show the data due for deletion by table, and what is kept on which legal basis. With --for-real, delete it."""
    join_stack()
    load(ServiceSettings)
    load(PrefectSettings)
    from rich.console import Console
    from rich.markdown import Markdown

    from deployments.operations.sweeps import carry_out
    from flows.delete_expired_data import delete_expired_data

    done, page = carry_out(delete_expired_data, dry_run=not for_real, at_most=at_most)
    Console().print(Markdown(page))
    if not done:
        raise typer.Exit(1)


@app.command()
def report(
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="default: last month, and this one so far")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print JSON; a rate is null where there are too few rows")
    ] = False,
) -> None:
    """Print a month's figures: offers accepted, reasons, saved, won back, emails, refusals. Runs as the owner.

    --json with --month prints one object; --json alone prints a list of two, for last month and this month.
    """
    join_stack()
    from rich.console import Console

    from deployments.operations.reports import months_to_report, print_report, report_of

    try:
        months = months_to_report(month)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--month") from None
    settings = load(DatabaseSettings)
    found = [report_of(settings, each) for each in months]
    if as_json:
        typer.echo(json.dumps(found[0] if month else found, indent=2))
        return
    console = Console()
    for number, each in enumerate(found):
        if number:
            console.rule(style="dim")
        print_report(each, console)
