"""The command `cancelflow`: the stack, and its parts one by one."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from deployments.prefect_settings import choose_for_trigger
from nodes.errors import CancelflowError, SettingsInvalid
from nodes.rules.user_ids import MAX_CHARACTERS, is_user_id
from nodes.settings import (
    DatabaseSettings,
    IdentitySettings,
    ImportSettings,
    PrefectSettings,
    SeedSettings,
    ServiceSettings,
    TriggerSettings,
    load,
)

# Each command imports what it needs when it runs: Prefect and Stripe take seconds to import, `token` takes none.
app = typer.Typer(
    help="Subscription cancellation, WF-023, as a DAG of Prefect tasks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Directory = Annotated[Path, typer.Option(help="where the stack keeps its data, logs and addresses")]
LOCAL = Path(".local")


@app.command()
def up(directory: Directory = LOCAL) -> None:
    """Start the embedded stack, and keep it up until Ctrl-C."""
    from deployments.local.stack import Stack

    with Stack(directory, progress=typer.echo) as stack:
        stack.wait()


@app.command()
def run(
    once: Annotated[bool, typer.Option("--once", help="stop after the main job")] = False,
    directory: Directory = LOCAL,
) -> None:
    """Start the embedded stack, do the main job on it for a demo customer, and stay up until Ctrl-C."""
    from deployments.demo.main_job import main_job
    from deployments.demo.welcome import welcome
    from deployments.local.stack import Stack

    with Stack(directory, progress=typer.echo) as stack:
        os.environ.update(stack.environment)
        customers = main_job(stack.addresses)
        if once:
            return
        welcome(stack.addresses, customers)
        stack.wait()


@app.command()
def serve() -> None:
    """Serve the HTTP trigger, against whatever the environment names."""
    _join_stack()
    settings = load(TriggerSettings)
    choose_for_trigger()
    from deployments.http.serve import serve as serve_trigger

    if not serve_trigger(settings):
        raise typer.Exit(1)


@app.command()
def migrate() -> None:
    """Bring the database to this version. Needs DATABASE_ADMIN_URL, or a DATABASE_URL that may create tables."""
    _join_stack()
    from deployments.migrations import migrate as apply

    applied = apply(load(DatabaseSettings))
    typer.echo("\n".join(f"applied {name}" for name in applied) or "nothing to apply")


@app.command()
def catalog() -> None:
    """Check the catalogue that CATALOG names, or the default, and show its plans as the trigger reads them."""
    _join_stack()
    from rich.console import Console

    from deployments.catalog_table import catalog_table
    from nodes.clients.catalog import read_catalog
    from nodes.settings import PolicySettings

    Console().print(catalog_table(read_catalog(load(PolicySettings).catalog)))


@app.command()
def seed(
    as_json: Annotated[bool, typer.Option("--json", help="list them as JSON")] = False,
) -> None:
    """Make a fresh set of demo customers, one of each case, in the Stripe that is configured. Refuses a live key."""
    _join_stack()
    from deployments.demo.customers import seed as make

    customers = make(load(SeedSettings), progress=lambda text: typer.echo(text, err=True))
    if as_json:
        typer.echo(json.dumps([customer.as_json() for customer in customers], indent=2))
        return
    for customer in customers:
        typer.echo(f"{customer.case:24} {customer.user_id}  {customer.email}  {' '.join(customer.subscription_ids)}")


@app.command()
def demo() -> None:
    """Do the main job: cancel for a fresh demo customer over HTTP, and read every effect back."""
    addresses = _join_stack()
    from deployments.demo.main_job import main_job

    main_job(addresses)


@app.command("import")
def import_(
    from_start: Annotated[bool, typer.Option("--from-start", help="not from where the last import stopped")] = False,
) -> None:
    """Copy customers and their live or recently ended subscriptions from Stripe. As the owner; safe to repeat."""
    _join_stack()
    from rich.console import Console

    from deployments.imports import import_from_stripe

    import_from_stripe(load(ImportSettings), Console(), from_start=from_start)


@app.command()
def requests(
    stuck: Annotated[bool, typer.Option("--stuck", help="only those that need attention")] = False,
) -> None:
    """List the requests that are unfinished: under way, waiting to be picked up, parked, failed, or not deliverable."""
    _join_stack()
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
    _join_stack()
    from deployments.requests import resume as take_up

    take_up(load(DatabaseSettings), identifier)
    typer.echo(f"{identifier} is taken up by the next look of a running trigger")


@app.command()
def dismiss(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="as `requests --stuck` lists it")],
) -> None:
    """Stop listing an email that can never be delivered, where the customer cannot be reached."""
    _join_stack()
    from deployments.requests import dismiss as stop_listing

    stop_listing(load(DatabaseSettings), identifier)
    typer.echo(f"{identifier} is not listed any more")


@app.command()
def reconcile(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="change nothing, show what would change")] = False,
) -> None:
    """Compare every subscription with Stripe, heal what is unambiguous, and report the rest."""
    _join_stack()
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
    _join_stack()
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
    _join_stack()
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


@app.command()
def token(user_id: str) -> None:
    """Print a JWT for this user, valid for an hour."""
    if not is_user_id(user_id):
        raise typer.BadParameter(f"a user id has 1 to {MAX_CHARACTERS} characters", param_hint="USER_ID")
    _join_stack()
    from deployments.tokens import token as make

    typer.echo(make(load(IdentitySettings), user_id))


@app.command()
def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="make or correct Stripe's webhook endpoint, and print its signing secret once")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Check everything that must be right before the first customer, and say what to do about what is not.

    Ends with 0 where nothing failed, 2 where a setting is missing or wrong, and 1 where something else failed.
    """
    _join_stack()
    choose_for_trigger()
    from rich.console import Console

    from deployments.doctor.command import examined
    from deployments.doctor.examination import exit_code
    from deployments.doctor.report import all_of, print_report, report_object

    results = examined(Console(stderr=True), fix=fix)
    if as_json:
        typer.echo(json.dumps(report_object(results), indent=2, ensure_ascii=False))
    else:
        print_report(results, Console())
    raise typer.Exit(exit_code(all_of(results)))


@app.command()
def deploy() -> None:
    """Register the flows with Prefect, so that they can be started from its UI."""
    _join_stack()
    load(PrefectSettings)
    from deployments.register import deploy as register

    typer.echo(register())


def _join_stack() -> dict[str, Any]:
    from deployments.local.join import join_stack

    return join_stack(LOCAL)


def main() -> None:
    """Run a command; an error of ours is one clear message and exit code 1, or 2 for settings."""
    try:
        app()
    except SettingsInvalid as error:
        typer.echo(str(error), err=True)
        raise SystemExit(2) from None
    except CancelflowError as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
