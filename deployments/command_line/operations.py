"""Commands for whoever operates it: what is unfinished, reconciliation, deletion, figures."""

import json
from typing import Annotated

import typer

from deployments.local.join import join_stack
from nodes.settings import (
    DatabaseSettings,
    PrefectSettings,
    ServiceSettings,
    load,
)

app = typer.Typer()


@app.command()
def requests(
    stuck: Annotated[bool, typer.Option("--stuck", help="only those that need attention")] = False,
) -> None:
    """List the requests that are unfinished: under way, waiting to be picked up, parked, failed, or not deliverable."""
    join_stack()
    from deployments.requests import unfinished

    found = [request for request in unfinished(load(DatabaseSettings)) if request.stuck or not stuck]
    for each in found:
        typer.echo(each.line())
        if each.stuck:
            typer.echo(each.advice())
    if not found:
        typer.echo(_none(stuck))


def _none(stuck: bool) -> str:
    return "nothing needs a person" if stuck else "everything has come to its end"


@app.command()
def resume(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="of a request, or of one of Stripe's events")],
) -> None:
    """Take a cancellation, a reactivation or a Stripe event up again from where it stands, a failed one too."""
    join_stack()
    from deployments.requests import resume as take_up

    take_up(load(DatabaseSettings), identifier)
    typer.echo(f"{identifier} is taken up by the next look of a running trigger")


@app.command()
def dismiss(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="as `requests --stuck` lists it")],
) -> None:
    """Stop listing an email that can never be delivered, where the customer cannot be reached."""
    join_stack()
    from deployments.requests import dismiss as stop_listing

    stop_listing(load(DatabaseSettings), identifier)
    typer.echo(f"{identifier} is not listed any more")


@app.command()
def reconcile(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="change nothing, show what would change")] = False,
) -> None:
    """Compare every subscription with Stripe, heal what is unambiguous, and report the rest."""
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
    at_most: Annotated[int | None, typer.Option(min=1, help="so many customers")] = None,
) -> None:
    """Show whose data is due: what would go by table, and what is kept on which ground. With --for-real, delete it."""
    join_stack()
    load(ServiceSettings)
    load(PrefectSettings)
    from rich.console import Console
    from rich.markdown import Markdown

    from deployments.deletions import carry_out

    done, page = carry_out(dry_run=not for_real, at_most=at_most)
    Console().print(Markdown(page))
    if not done:
        raise typer.Exit(1)


@app.command()
def report(
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="default: last month, and this one so far")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="for programs: a rate is null where there are too few rows")
    ] = False,
) -> None:
    """Print a month's figures: offers accepted, reasons, saved, won back, emails, refusals. As the owner.

    With --json and --month this is one object; with --json alone a list of two, last month's and this month's.
    """
    join_stack()
    from rich.console import Console

    from deployments.reports import months_to_report, print_report, report_of

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
