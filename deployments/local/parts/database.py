"""Plan the stack's PostgreSQL and Prefect servers."""

from deployments.local.errors import StackError
from deployments.local.parts import prefect_server
from deployments.local.parts.postgres import EmbeddedPostgres
from deployments.local.planned import LOOPBACK, Part, PlannedStack
from deployments.local.process import CheckedServer, Supervised

APPLICATION = "cancelflow_app"
PREFECT_DATABASE_SETTINGS = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")


def plan_postgres(stack: PlannedStack) -> EmbeddedPostgres | None:
    """Plan a PostgreSQL server if the product or Prefect needs one, and set the product's database URLs either way."""
    outside = stack.given.get("DATABASE_URL")
    wanted = "postgres" in stack.wanted and (outside is None or _prefect_needs_one(stack))
    server = _add_postgres(stack) if wanted else None
    if outside:
        stack.set(DATABASE_URL=outside, DATABASE_ADMIN_URL=stack.given.get("DATABASE_ADMIN_URL", outside))
    elif server:
        application = server.url("cancelflow", APPLICATION, stack.secrets[APPLICATION])
        stack.set(DATABASE_URL=application, DATABASE_ADMIN_URL=server.url("cancelflow"))
    for name in ("database_url", "database_admin_url"):
        stack.addresses[name] = stack.environment.get(name.upper())
    return server


def plan_prefect(stack: PlannedStack, postgres: EmbeddedPostgres | None) -> None:
    """Plan the Prefect server, unless PREFECT_API_URL names one."""
    api = stack.given.get("PREFECT_API_URL")
    if api is None and "prefect" in stack.wanted:
        api = _add_prefect(stack, postgres)
    ui = stack.given.get("PREFECT_UI_URL", api.rstrip("/").removesuffix("/api")) if api else None
    stack.set(PREFECT_API_URL=api, PREFECT_UI_URL=ui)
    stack.addresses |= {"prefect_api": api, "prefect_ui": ui}


def let_application_in(stack: PlannedStack, postgres: EmbeddedPostgres | None) -> None:
    """Set the password of the application's role, which migrations create without a login, on our own server."""
    if postgres and "DATABASE_URL" not in stack.given:
        postgres.ensure_role(APPLICATION, stack.secrets[APPLICATION])


def _prefect_needs_one(stack: PlannedStack) -> bool:
    elsewhere = ("PREFECT_API_URL", *PREFECT_DATABASE_SETTINGS)
    return "prefect" in stack.wanted and not any(name in stack.given for name in elsewhere)


def _add_postgres(stack: PlannedStack) -> EmbeddedPostgres:
    password = stack.secrets["postgres_superuser"]
    server = EmbeddedPostgres(stack.directory / "postgres", stack.ports.choose("postgres"), password)

    def process() -> Supervised:
        envvars = stack.process_environment({})
        return CheckedServer(server.command, server.is_ready, envvars=envvars, ask=server.stop_signal)

    def databases() -> None:
        server.ensure_role("prefect", stack.secrets["prefect"])
        server.ensure_database("prefect", owner="prefect")
        server.ensure_database("cancelflow")

    address = f"{server.host}:{server.port}"
    stack.parts.append(
        Part("postgres", "PostgreSQL", process, address=address, prepare=server.prepare, finish=databases)
    )
    return server


def _add_prefect(stack: PlannedStack, postgres: EmbeddedPostgres | None) -> str:
    port = stack.ports.choose("prefect")
    url = f"http://{LOOPBACK}:{port}"
    home = prefect_server.home(stack.directory)
    stack.set(**home)
    stack.add_http(
        "prefect",
        "Prefect server",
        prefect_server.server_command(LOOPBACK, port),
        address=url,
        health="/api/health",
        needs=["postgres"],
        more=prefect_server.server_environment(stack.directory, url, _prefect_database(stack, postgres), stack.given),
    )
    return f"{url}/api"


def _prefect_database(stack: PlannedStack, postgres: EmbeddedPostgres | None) -> str:
    for name in PREFECT_DATABASE_SETTINGS:
        if name in stack.given:
            return stack.given[name]
    if postgres is None:
        raise StackError(f"the Prefect server needs the postgres part, or {PREFECT_DATABASE_SETTINGS[0]}")
    return prefect_server.asyncpg_url(postgres.url("prefect", "prefect", stack.secrets["prefect"]))
