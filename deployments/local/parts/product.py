"""Plan the product itself: its migrations, its Prefect deployments with their worker, and the HTTP trigger."""

from deployments.local.identity import identity
from deployments.local.parts import prefect_server
from deployments.local.parts.database import let_application_in
from deployments.local.parts.postgres import EmbeddedPostgres
from deployments.local.planned import LOOPBACK, PlannedStack, module

COMMAND_LINE = "deployments.command_line"
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  # used only when HTTP_HOST is set to one of these


def plan_trigger_address(stack: PlannedStack) -> None:
    """Plan the trigger's address, the base URL of links in emails, and its start page."""
    if "trigger" not in stack.wanted:
        stack.addresses |= {"http": None, "cancel_page": None, "sdk_base": None, "shop": None}
        return
    host = stack.given.get("HTTP_HOST", LOOPBACK)
    port = stack.ports.choose("http", host)
    address = f"http://{_reachable(host)}:{port}"
    stack.set(HTTP_HOST=host, HTTP_PORT=str(port), PUBLIC_URL=stack.given.get("PUBLIC_URL", address))
    stack.set(START_PAGE=stack.given.get("START_PAGE", "true"))
    stack.set(CANCEL_WITHOUT_LOGIN=stack.given.get("CANCEL_WITHOUT_LOGIN", "true"))
    stack.addresses |= {
        "http": address,
        "cancel_page": f"{address}/cancel",
        "sdk_base": f"{address}/sdk/v1",
        "shop": None,
    }


def plan_own_settings(stack: PlannedStack) -> None:
    """Set how callers authenticate and how links are signed."""
    stack.set(LINK_SECRET=stack.given.get("LINK_SECRET", stack.secrets["link_secret"]))
    stack.set(SESSION_SECRETS=stack.given.get("SESSION_SECRETS", f"local:{stack.secrets['session']}"))
    stack.set(**identity(stack.directory / "identity", stack.given))


def plan_product(stack: PlannedStack, postgres: EmbeddedPostgres | None) -> None:
    """Plan the commands that prepare the product, the worker, and the trigger."""
    if "migrations" in stack.wanted:
        stack.add_command(
            "migrations",
            "Migrations",
            module(COMMAND_LINE, "migrate"),
            needs=["postgres"],
            finish=lambda: let_application_in(stack, postgres),
        )
    if "deployments" in stack.wanted:
        stack.add_command("deployments", "Deployments", module(COMMAND_LINE, "deploy"), needs=["prefect"])
    if "worker" in stack.wanted:
        _add_worker(stack)
    if address := stack.addresses["http"]:
        needs = ["migrations"]  # not Prefect: imports run while it starts, and /readyz waits for all
        command = module(COMMAND_LINE, "serve")
        stack.add_http("trigger", "HTTP trigger", command, address=address, health="/readyz", needs=needs)


def _add_worker(stack: PlannedStack) -> None:
    port = stack.ports.choose("worker")
    stack.add_http(
        "worker",
        "Prefect worker",
        prefect_server.worker_command(),
        address=f"http://{LOOPBACK}:{port}",
        health="/health",
        needs=["prefect", "migrations"],
        more=prefect_server.worker_environment(stack.directory, LOOPBACK, port),
    )


def _reachable(host: str) -> str:
    if host in EVERY_ADDRESS:
        return LOOPBACK
    return f"[{host}]" if ":" in host else host
