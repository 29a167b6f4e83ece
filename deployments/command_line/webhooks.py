"""Commands for outgoing webhooks."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from deployments.local.join import join_stack
from nodes.settings import DatabaseSettings, WebhookSettings, load

app = typer.Typer()
webhooks = typer.Typer(help="Outgoing webhooks: list, replay and test them.", no_args_is_help=True)
app.add_typer(webhooks, name="webhooks")


@webhooks.command("list")
def list_webhooks() -> None:
    """List the endpoints, and the deliveries that wait for another attempt or have failed."""
    join_stack()
    from rich.console import Console

    from deployments.webhooks.deliveries import show

    show(load(DatabaseSettings), load(WebhookSettings), Console())


@webhooks.command()
def replay(
    delivery: Annotated[
        UUID | None, typer.Argument(metavar="ID", help="of a delivery, which is its webhook-id")
    ] = None,
    failed_since: Annotated[
        datetime | None, typer.Option(help="every delivery that has failed, of events since then, in UTC")
    ] = None,
) -> None:
    """Send a delivery again, even one that arrived, or every one that has failed. They keep their webhook-id."""
    if (delivery is None) == (failed_since is None):
        raise typer.BadParameter("give the ID of a delivery, or --failed-since", param_hint="ID")
    join_stack()
    from deployments.webhooks import deliveries

    settings = load(DatabaseSettings)
    if delivery:
        deliveries.replay(settings, delivery)
        typer.echo(f"{delivery} will be sent by a running trigger")
    elif failed_since:
        sent = deliveries.replay_failed(settings, failed_since.replace(tzinfo=UTC))
        typer.echo(f"{sent} deliveries will be sent by a running trigger")


@webhooks.command()
def test(endpoint: Annotated[str, typer.Argument(metavar="NAME", help="of an endpoint in WEBHOOKS")]) -> None:
    """Send the event `webhook.test` to an endpoint, and say whether it was accepted."""
    join_stack()
    from deployments.webhooks.trial import send_test

    sent = asyncio.run(send_test(load(WebhookSettings), endpoint))
    typer.echo(f"{endpoint} accepted {sent}")
