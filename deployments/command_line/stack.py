"""Commands that run the embedded stack, or its parts one by one."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from deployments.local.join import LOCAL, join_stack
from deployments.prefect.settings import choose_for_trigger
from nodes.rules.user_ids import MAX_CHARACTERS, is_user_id
from nodes.settings import (
    DatabaseSettings,
    IdentitySettings,
    PrefectSettings,
    SeedSettings,
    SessionTokenSettings,
    TriggerSettings,
    load,
)

app = typer.Typer()
Directory = Annotated[Path, typer.Option(help="where the stack keeps its data, logs and addresses")]


@app.command()
def up(directory: Directory = LOCAL) -> None:
    """Start the embedded stack, and keep it up until Ctrl-C."""
    from deployments.local.stack import Stack

    with Stack(directory, progress=typer.echo) as stack:
        stack.wait()


@app.command()
def run(
    once: Annotated[bool, typer.Option("--once", help="stop after the cancellation")] = False,
    directory: Directory = LOCAL,
) -> None:
    """Start the embedded stack, cancel for a demo customer as `demo` does, and stay up until Ctrl-C."""
    from deployments.demo.main_job import main_job
    from deployments.demo.welcome import welcome
    from deployments.local.stack import FOR_A_CANCELLATION, PARTS, Stack

    with Stack(directory, progress=typer.echo, parts=FOR_A_CANCELLATION if once else PARTS) as stack:
        os.environ.update(stack.environment)
        customers = main_job(stack.addresses)
        if once:
            return
        welcome(stack.addresses, customers)
        stack.wait()


@app.command()
def serve() -> None:
    """Serve the HTTP trigger with the settings in the environment."""
    join_stack()
    settings = load(TriggerSettings)
    choose_for_trigger()
    from deployments.demo.shop import shop
    from deployments.http.serve import serve as serve_trigger

    if not serve_trigger(settings, shop(settings)):
        raise typer.Exit(1)


@app.command()
def migrate() -> None:
    """Migrate the database to this version. Needs DATABASE_ADMIN_URL, or a DATABASE_URL that may create tables."""
    join_stack()
    from deployments.migrations import migrate as apply

    applied = apply(load(DatabaseSettings))
    typer.echo("\n".join(f"applied {name}" for name in applied) or "nothing to apply")


@app.command()
def deploy() -> None:
    """Register the flows with Prefect, with their schedules."""
    join_stack()
    load(PrefectSettings)
    from deployments.prefect.register import deploy as register

    typer.echo(register())


@app.command()
def token(user_id: str) -> None:
    """Print a JWT for this user, valid for an hour."""
    if not is_user_id(user_id):
        raise typer.BadParameter(f"a user id has 1 to {MAX_CHARACTERS} characters", param_hint="USER_ID")
    join_stack()
    from deployments.tokens import token as make

    typer.echo(make(load(IdentitySettings), user_id))


@app.command("session-token")
def session_token(
    user_id: str,
    subscription: Annotated[str | None, typer.Option(help="which one, if the user has several")] = None,
    sdk: Annotated[bool, typer.Option("--sdk", help="for the open-source React component")] = False,
) -> None:
    """Print a token that opens the cancel page for this user, once and within 5 minutes: /cancel?token=….

    With --sdk, a token for the open-source React component instead.
    """
    if not is_user_id(user_id):
        raise typer.BadParameter(f"a user id has 1 to {MAX_CHARACTERS} characters", param_hint="USER_ID")
    join_stack()
    from deployments.session_tokens import component_token
    from deployments.session_tokens import session_token as page_token

    make = component_token if sdk else page_token
    typer.echo(make(load(SessionTokenSettings), user_id, subscription))


@app.command()
def seed(
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Create demo customers, one for each case, in the configured Stripe account. Refuses a live key."""
    join_stack()
    from deployments.demo.customers import seed as make

    customers = make(load(SeedSettings), progress=lambda text: typer.echo(text, err=True))
    if as_json:
        typer.echo(json.dumps([customer.as_json() for customer in customers], indent=2))
        return
    for customer in customers:
        typer.echo(f"{customer.case:24} {customer.user_id}  {customer.email}  {' '.join(customer.subscription_ids)}")


@app.command()
def demo() -> None:
    """Cancel for a new demo customer over HTTP, and read every effect back."""
    addresses = join_stack()
    from deployments.demo.main_job import main_job

    main_job(addresses)
