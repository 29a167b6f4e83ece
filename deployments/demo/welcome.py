"""The text that `cancelflow run` prints: addresses and calls to try."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from deployments.demo.customers import DemoCustomer

ADDRESSES = {
    "http": "start here: links to everything; the API reference is at /docs",
    "prefect_ui": "Prefect: every run, step by step",
    "inbox": "the emails",
    "calls": "the calls that customers agreed to, whose outcome you can play",
    "stripe": "the Stripe simulator, with its control API at /_simulator/",
    "pubsub": "the Pub/Sub emulator (PUBSUB_EMULATOR_HOST)",
    "smtp": "where mail goes in",
    "database_url": "PostgreSQL, as the application",
}


def welcome(addresses: Mapping[str, Any], customers: Sequence[DemoCustomer]) -> None:
    """Print the addresses and some calls to copy and run."""
    console = Console(highlight=False, soft_wrap=True)
    console.print("\n[bold]Where everything is[/bold] (also in .local/stack.json)")
    for name, what in ADDRESSES.items():
        if addresses.get(name):
            console.print(f"  {_without_password(str(addresses[name])):34} {what}", markup=False)
    by_case = {each.case: each for each in customers}
    if shop := addresses.get("shop"):
        console.print("\n[bold]See the cancel page[/bold]: press “Cancel subscription” in the demo shop")
        console.print(f"  {shop}?customer={by_case['starter'].user_id}", markup=False)
    console.print("\n[bold]Try it[/bold], in another terminal; a token lasts an hour")
    for line in _calls(str(addresses["http"]), by_case):
        console.print(line, markup=False)
    console.print("\nCtrl-C stops everything.")


def _calls(http: str, by_case: Mapping[str, DemoCustomer]) -> list[str]:
    post = f"curl -s -X POST {http}/cancel-subscription -H 'Content-Type: application/json'"

    def cancel(case: str, title: str, rest: str) -> list[str]:
        user = by_case[case].user_id
        return [f"  # {title}", f'  {post} {_bearer(user)} -d \'{{"user_id": "{user}"{rest}}}\'']

    starter = by_case["starter"].user_id
    return [
        "  # the offer",
        f"  curl -s {http}/retention-offer {_bearer(starter)}",
        "  # every offer, with what it costs",
        f"  curl -s {http}/offers {_bearer(by_case['other_locale'].user_id)}",
        *cancel("starter", "accept it", ', "accept_offer": true'),
        *cancel("enterprise", "cancel", ', "reason": "unused"'),
        f"  curl -s {http}/subscription {_bearer(by_case['enterprise'].user_id)}",
        *cancel("yearly", "400: no reason", ""),
        *cancel("no_subscription", "404: nothing to cancel", ', "reason": "unused"'),
        *cancel("already_pending", "409: already scheduled", ', "reason": "unused"'),
        "  # 401: no token",
        f"  {post} -d '{{}}'",
    ]


def _bearer(user_id: str) -> str:
    return f'-H "Authorization: Bearer $(.venv/bin/cancelflow token {user_id})"'


def _without_password(url: str) -> str:
    login, at, place = url.rpartition("@")
    return login.rpartition(":")[0] + at + place
