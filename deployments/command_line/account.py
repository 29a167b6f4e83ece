"""Commands that set cancelflow up for a company's Stripe account."""

import json
from typing import Annotated

import typer

from deployments.local.join import join_stack
from deployments.prefect.settings import choose_for_trigger
from nodes.settings import (
    ImportSettings,
    load,
)

app = typer.Typer()


@app.command()
def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="create or correct Stripe's webhook endpoint; print a new signing secret once")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Check everything that must be right before the first customer, and print how to fix what is not.

    Exit code: 0 if nothing failed, 2 if a setting is missing or wrong, 1 if something else failed.
    """
    join_stack()
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


@app.command("import")
def import_(
    from_start: Annotated[bool, typer.Option("--from-start", help="ignore where the last import stopped")] = False,
) -> None:
    """Copy customers and their live or recently ended subscriptions from Stripe. Runs as the owner; safe to repeat."""
    join_stack()
    from rich.console import Console

    from deployments.operations.imports import import_from_stripe

    import_from_stripe(load(ImportSettings), Console(), from_start=from_start)


@app.command()
def catalog() -> None:
    """Check the catalogue in CATALOG, or the default one, and show its plans."""
    join_stack()
    from rich.console import Console

    from deployments.operations.catalog_table import catalog_table
    from nodes.clients.catalog import read_catalog
    from nodes.settings import PolicySettings

    Console().print(catalog_table(read_catalog(load(PolicySettings).catalog)))
